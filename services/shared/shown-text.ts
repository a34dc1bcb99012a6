/** Text from outside on a terminal: what would move the cursor, colour the screen or turn the direction of writing is shown, not done. */

/** Control characters, and those that change the direction of writing or are not seen (Unicode: Cc, bidirectional controls, line ends). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** @example showControls('a\u001b[2J') // 'a\\u001b[2J' */
export function showControls(text: string): string {
  return text.replace(CONTROLS, (one) => NAMED[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
