/**
 * What is masked: every name, place and form by which a credential is known. This is the one place to add one; the files beside
 * it only look for these in URLs, texts and fields. Pure.
 *
 * | to mask | add it to |
 * |---|---|
 * | a parameter of a URL, by its name | PARAMETER |
 * | a field of a text, such as `login: joe`, by its name | IN_TEXT |
 * | a header, or a field of that name | HEADERS, or PARTS for any name that holds it |
 * | user name and password in a path | ACCOUNT_FOLLOWS |
 * | what follows the name of a scheme, as in `Bearer x` | AUTHENTICATION_SCHEMES |
 * | a value that can only be a token, whatever its name | GENERATED |
 *
 * What is known to be a secret (the settings, a source's own account) needs no entry: `maskText` gets it as text.
 */

import { decoded } from './decoded.ts';

export const HIDDEN = '***';

/** Matches anywhere in the name, or the whole name. */
const PARAMETER =
  /token|auth|key|pass|pwd|psw|secret|sig|hash|hdn|hmac|md5|cred|sess|cookie|bearer|jwt|login|user|usr|uname|account|email|ticket|policy|nonce|license|serial|^(?:mac|sid|uid|sn|st|pin|pw|code|u|p|k|t|s|h)$/i;

/** Running text needs stricter rules: `code: 404` and `s: 1` are no secrets. */
const IN_TEXT = /(?:^|[_-])(?:user(?:name)?|login|pass(?:word|wd|phrase)?|pwd|pw)$/i;

/** Headers of a stream that go to the server they were given for only. */
const HEADERS = new Set(['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'referer']);

/** `X-Api-Key`, `X-Auth-Token`, `Access-Token`, `X-Session-Id` and similar names that providers use. */
const PARTS = /token|secret|passw|auth(?!ors?\b)|(?:^|[-_])(?:api-?)?key(?:$|[-_])|apikey|signature|session|cred|jwt/;

/** Path segments that user name and password follow in the Xtream Codes API, and how many; after `hlsr` a token comes first. */
export const ACCOUNT_FOLLOWS: Readonly<Record<string, number>> = {
  live: 2,
  movie: 2,
  series: 2,
  timeshift: 2,
  timeshifts: 2,
  hlsr: 3,
};

export const AUTHENTICATION_SCHEMES: readonly string[] = ['Basic', 'Bearer', 'Digest', 'Negotiate', 'NTLM'];

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

/** Whether only the source's own origin gets this header. A Referer often has a token in its query. */
export function staysAtOrigin(name: string): boolean {
  const lower = name.toLowerCase();
  return HEADERS.has(lower) || PARTS.test(lower);
}

/** Whether the whole value is hidden when headers are shown. A Referer is a URL and is masked as one. */
export function isSecretHeader(name: string): boolean {
  return name.toLowerCase() !== 'referer' && staysAtOrigin(name);
}

/** Whether a text looks like a generated token; an extension may follow it. */
export function isGenerated(text: string): boolean {
  const stem = text.replace(/\.\w{1,5}$/, '');
  return GENERATED.some((pattern) => pattern.test(text) || pattern.test(stem));
}
