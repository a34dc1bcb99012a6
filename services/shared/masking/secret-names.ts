/** Names of parameters and text fields whose value is a credential or identifies an account. Pure. */

import { decoded } from './decoded.ts';
import { isSecretHeader } from './secret-headers.ts';

export const HIDDEN = '***';

/** Matches anywhere in the name, or the whole name. */
const PARAMETER =
  /token|auth|key|pass|pwd|psw|secret|sig|hash|hdn|hmac|md5|cred|sess|cookie|bearer|jwt|login|user|usr|uname|account|email|ticket|policy|nonce|license|serial|^(?:mac|sid|uid|sn|st|pin|pw|code|u|p|k|t|s|h)$/i;

/** Running text needs stricter rules: `code: 404` and `s: 1` are no secrets. */
const IN_TEXT = /(?:^|[_-])(?:user(?:name)?|login|pass(?:word|wd|phrase)?|pwd|pw)$/i;

/** Text that must be a generated token: hexadecimal; mixed case with digits; very long text; JWTs. */
const GENERATED = [
  /^(?=.*\d)(?=.*[a-f])[\da-f]{16,}$/i,
  /^(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z\d]{16,}$/,
  /^(?=.*\d)(?=.*[A-Za-z])[\w=~+%-]{32,}$/,
  /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/,
];

/** No parameter has a longer name: such text is something else, which may hold anything. */
const MAX_NAME = 200;

export function isSecretParameter(name: string): boolean {
  return name.length > MAX_NAME || PARAMETER.test(decoded(name).replace(/^\W+|\W+$/g, ''));
}

export function isSecretInText(name: string): boolean {
  return isSecretHeader(name) || IN_TEXT.test(name);
}

/** Whether a text looks like a generated token; an extension may follow it. */
export function isGenerated(text: string): boolean {
  const stem = text.replace(/\.\w{1,5}$/, '');
  return GENERATED.some((pattern) => pattern.test(text) || pattern.test(stem));
}
