/** What a parameter, or a field of a text, is called whose value is a credential or leads to an account. Pure. */

import { decoded } from './decoded.ts';
import { isSecretHeader } from './secret-headers.ts';

export const HIDDEN = '***';

/** Anywhere in the name, or as the whole name. */
const PARAMETER =
  /token|auth|key|pass|pwd|psw|secret|sig|hash|hdn|hmac|md5|cred|sess|cookie|bearer|jwt|login|user|usr|uname|account|email|ticket|policy|nonce|license|serial|^(?:mac|sid|uid|sn|st|pin|pw|code|u|p|k|t|s|h)$/i;

/** In running text names mean less: `code: 404` and `s: 1` are no secrets. */
const IN_TEXT = /(?:^|[_-])(?:user(?:name)?|login|pass(?:word|wd|phrase)?|pwd|pw)$/i;

/** Text that can only be a generated token: hexadecimal, of letters in both cases and digits, or very long; and JWTs. */
const GENERATED = [
  /^(?=.*\d)(?=.*[a-f])[\da-f]{16,}$/i,
  /^(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{16,}$/,
  /^(?=.*\d)(?=.*[A-Za-z])[\w=~+%-]{32,}$/,
  /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/,
];

/** Nobody names a parameter like that: it is something else, which may be anything. */
const MAX_NAME = 200;

export function isSecretParameter(name: string): boolean {
  return name.length > MAX_NAME || PARAMETER.test(decoded(name).replace(/^\W+|\W+$/g, ''));
}

export function isSecretInText(name: string): boolean {
  return isSecretHeader(name) || IN_TEXT.test(name);
}

/** Whether a text looks like a generated token, with or without an extension. */
export function isGenerated(text: string): boolean {
  const stem = text.replace(/\.\w{1,5}$/, '');
  return GENERATED.some((pattern) => pattern.test(text) || pattern.test(stem));
}
