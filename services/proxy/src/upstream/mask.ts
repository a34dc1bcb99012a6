/** Hides provider credentials in whatever people get to read: logs, stats, events, errors. Pure. */

import { isSecretHeader } from './secret-headers.ts';

const HIDDEN = '***';

/** Query parameters whose value is a credential or leads to an account. Matched anywhere in the name. */
const SECRET_NAME =
  /token|auth|key|pass|pwd|secret|sig|hash|hdn|hmac|md5|cred|session|jwt|login|user|account|email|ticket|policy|nonce|^(?:mac|sid|uid|sn|st|pin|code|u|p|k|t|s|h)$/i;

/** The first path parts of the Xtream Codes API that are followed by user name and password. */
const XTREAM_KIND = /^(?:live|movie|series|timeshift|timeshifts)$/i;

/** A path part that can only be a generated token: long, of base64url or hex characters, with a digit. */
const OPAQUE_PART = /^(?=.*\d)(?=.*[A-Za-z])[\w=~+%-]{32,}(?:\.[\w=~+%-]+)*$/;

/** URLs inside running text. */
const URL_IN_TEXT = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>`\\]+/gi;

const HEADER_IN_TEXT = /\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*[:=]\s*)[^\r\n"']+/gi;

/**
 * A URL that may be shown: user info, Xtream path credentials, generated path tokens and token-like query values
 * become `***`. What is not a URL is masked as text.
 *
 * @example maskUrl('http://tv.example/live/joe/s3cret/7.ts?token=x') // 'http://tv.example/live/***\/***\/7.ts?token=***'
 */
export function maskUrl(url: string | URL): string {
  const text = String(url);
  const match = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/i.exec(text);
  if (match === null) return maskQuery(text);
  const [, scheme = '', userInfo, host = '', path = '', query = '', fragment] = match;
  const user = userInfo === undefined ? '' : `${HIDDEN}@`;
  return `${scheme}${user}${host}${maskPath(path)}${maskQuery(query)}${fragment === undefined ? '' : `#${HIDDEN}`}`;
}

function maskPath(path: string): string {
  const parts = path.split('/');
  const last = parts.length - 1;
  const kind = parts.findIndex((part, index) => XTREAM_KIND.test(part) && index + 3 <= last);
  // /user/password/123 and /user/password/123.ts, also below a prefix.
  const bare = kind < 0 && last >= 3 && /^\d+(?:\.\w+)?$/.test(parts[last] ?? '') ? last - 3 : kind;
  return parts
    .map((part, index) => {
      const isAccount = bare >= 0 && (index === bare + 1 || index === bare + 2);
      return isAccount || OPAQUE_PART.test(part) ? hidden(part, index === last) : part;
    })
    .join('/');
}

/** A hidden path part; the last one keeps its extension, which says what was asked for. */
function hidden(part: string, isLast: boolean): string {
  const extension = isLast ? (/\.\w{1,5}$/.exec(part)?.[0] ?? '') : '';
  return `${HIDDEN}${extension}`;
}

function maskQuery(text: string): string {
  return text.replace(/([?&;])([^=&;#\s]+)=([^&;#\s]*)/g, (whole, separator: string, name: string, value: string) =>
    value !== '' && SECRET_NAME.test(decoded(name)) ? `${separator}${name}=${HIDDEN}` : whole,
  );
}

/** Headers that may be shown: credentials are `***`, URLs in the others are masked. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretHeader(name) ? HIDDEN : maskText(value)]),
  );
}

/**
 * Running text (FFmpeg's stderr, a provider's error page) with URLs masked, credential headers hidden, and every one of
 * `secrets` replaced, as it is and percent-encoded.
 *
 * @param secrets such as `secretsOf(url, headers)` gives
 */
export function maskText(text: string, secrets: readonly string[] = []): string {
  const known = [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length);
  const plain = known.reduce((result, secret) => result.replaceAll(secret, HIDDEN), text);
  return plain.replace(URL_IN_TEXT, (url) => maskUrl(url)).replace(HEADER_IN_TEXT, `$1$2${HIDDEN}`);
}

/** Shorter ones would blot out ordinary words and numbers. */
const MIN_SECRET_LENGTH = 4;

/** The credentials in a source's URL and headers, for `maskText`. */
export function secretsOf(url: string, headers: Readonly<Record<string, string>> = {}): string[] {
  const fromHeaders = Object.entries(headers)
    .filter(([name]) => isSecretHeader(name))
    .flatMap(([, value]) => [value, ...value.split(/[\s;=]+/).filter((part) => part.length >= 8)]);
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return fromHeaders;
  }
  const masked = maskPath(parsed.pathname).split('/');
  const fromPath = parsed.pathname.split('/').filter((part, index) => part !== masked[index]);
  const fromQuery = [...parsed.searchParams].filter(([name]) => SECRET_NAME.test(name)).map(([, value]) => value);
  const found = [parsed.username, parsed.password, ...fromPath, ...fromQuery, ...fromHeaders];
  return [...new Set(found.flatMap((secret) => [secret, decoded(secret)]))].filter((secret) => secret !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
