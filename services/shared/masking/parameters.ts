/** Hides the values of secret parameters: in a query, or in a part of a path. Pure. */

import { decoded } from './decoded.ts';
import { HIDDEN, isGenerated, isSecretInText, isSecretParameter } from './what-is-masked.ts';

/** Masks text in a parameter's value: URLs, and parameters that are encoded once more. */
export type MaskText = (text: string) => string;

/** A misspelt parameter: it begins with a name, but no `=` follows. */
const MISSPELT = /^\W*(\w[\w.-]*)[^\w.-]+\w/;

/**
 * @param text such as `?a=1&token=x`, or a path segment with parameters such as `7.ts;password=x`
 * @param generated whether to hide values that look like generated tokens, whatever the parameter's name
 */
export function maskParameters(text: string, maskText: MaskText, generated: 'hidden' | 'shown' = 'hidden'): string {
  const maskValue = (value: string): string => {
    if (value === '' || value === HIDDEN) return value;
    const plain = decoded(value);
    if (generated === 'hidden' && isGenerated(plain)) return HIDDEN;
    const [, name = ''] = MISSPELT.exec(plain) ?? [];
    if (isSecretInText(name)) return `${name}=${HIDDEN}`;
    // Round by round: a value that is encoded twice is only one text after the first decoding.
    const masked = decoded(value, (text) => (text.includes('=') ? maskText(`?${text}`).slice(1) : maskText(text)));
    return masked === plain ? value : encodeURIComponent(masked);
  };
  return text
    .split('&')
    .map((part) => maskPart(part, maskValue))
    .join('&');
}

/** Masks text between two `&`. Servers may read `;` and `?` as part of a value or as its end, so a secret reaches to the `&`. */
function maskPart(part: string, maskValue: MaskText): string {
  let shown = '';
  let rest = part;
  const mayHoldUrl = /[:@]/.test(decoded(part));
  while (rest !== '') {
    const [, name = '', sign = ''] = /^([^?;=]*)([?;=]?)/.exec(rest) ?? [];
    const value = rest.slice(name.length + sign.length);
    if (sign === '=') {
      if (value === '' || value === HIDDEN) return shown + rest;
      if (isSecretParameter(name)) return `${shown}${name}=${HIDDEN}`;
      if (mayHoldUrl) return `${shown}${name}=${maskValue(value)}`;
      const end = value.search(/[?;]/);
      const own = end < 0 ? value : value.slice(0, end);
      shown += `${name}=${maskValue(own)}`;
      rest = value.slice(own.length);
    } else {
      shown += maskValue(name) + sign;
      rest = value;
    }
  }
  return shown;
}
