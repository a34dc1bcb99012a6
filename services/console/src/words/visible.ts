/** Text from outside, made harmless to look at: it hides nothing and turns nothing round. Pure. */

/** Longer texts say no more in a list. */
const MAX_CHARACTERS = 300;

// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern finds what is replaced
const CONTROL = /[\u0000-\u001f\u007f]/g;
/** Signs that turn the direction of what follows them, and other controls that show nothing. */
const UNSEEN = /[\u0080-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/**
 * Shows control characters as the pictures that Unicode has for them, and the rest that cannot be seen as `�`.
 *
 * @example visible('a\nb') // 'a␊b'
 */
export function visible(text: unknown, most = MAX_CHARACTERS): string {
  const whole = String(text ?? '');
  const short = whole.length > most ? `${whole.slice(0, most)}…` : whole;
  return short
    .replace(CONTROL, (sign) => String.fromCharCode(sign === '\u007f' ? 0x2421 : 0x2400 + sign.charCodeAt(0)))
    .replace(UNSEEN, '�')
    .toWellFormed();
}
