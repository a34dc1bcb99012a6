/**
 * Hides provider credentials in everything people can read: logs, stats, events, errors. It parses URLs as clients do
 * (WHATWG), so that no spelling escapes. In text it looks for URLs and for other things that carry credentials. Pure.
 */

import { decoded } from './decoded.ts';
import { maskParameters } from './parameters.ts';
import { maskPath, secretsOfPath } from './path.ts';
import {
  ACCOUNT_FOLLOWS,
  AUTHENTICATION_SCHEMES,
  HIDDEN,
  isGenerated,
  isSecretHeader,
  isSecretInText,
  isSecretParameter,
} from './what-is-masked.ts';

/** Schemes whose URLs hold no account. They appear in stack traces. */
const LOCAL_URL = /^(?:file|node|data|about|blob):/i;

/**
 * A URL that may be shown: user info, Xtream path credentials, generated path tokens and token-like query values
 * become `***`. Text that is not a URL is masked as text.
 *
 * @example maskUrl('http://tv.example/live/joe/s3cret/7.ts?token=x') // 'http://tv.example/live/***\/***\/7.ts?token=***'
 */
export function maskUrl(url: string | URL): string {
  const text = trimmed(String(url), (character) => character <= ' ').replace(/[\t\r\n]/g, '');
  const [, scheme = '', rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(text) ?? [];
  // `joe:password@host` has no scheme, though it looks as if `joe` were one.
  const isUrl = /^[/\\]/.test(rest) || /^(?:https?|wss?|ftp)$/i.test(scheme);
  if (!isUrl || LOCAL_URL.test(text)) return maskText(text);
  // Other schemes are parsed like web URLs, as players do.
  const web = /^(?:https?|wss?)$/i.test(scheme) ? scheme : 'ftp';
  if (!URL.canParse(`${web}:${rest}`)) return maskBroken(scheme, rest);
  const { username, password, host, pathname, search, hash } = new URL(`${web}:${rest}`);
  const user = username === '' && password === '' ? '' : `${HIDDEN}@`;
  const fragment = hash === '' ? '' : `#${HIDDEN}`;
  const path = maskPath(pathname, maskText);
  return `${scheme.toLowerCase()}://${user}${host}${path}${maskParameters(search, maskText)}${fragment}`;
}

/** For a URL that no client can open. A password may contain a slash or a space, so everything up to the last @ is hidden. */
function maskBroken(scheme: string, rest: string): string {
  const [, authority = '', path = '', query = ''] = /^[/\\]*([^?#/\\]*)([^?#]*)(.*)$/s.exec(rest) ?? [];
  const at = rest.lastIndexOf('@');
  if (at >= 0) return `${scheme}://${HIDDEN}@${maskText(rest.slice(at + 1))}`;
  const host = /^[\w.-]*$/.test(authority) ? authority : HIDDEN;
  return `${scheme}://${host}${maskPath(path, maskText)}${maskParameters(query, maskText)}`;
}

/** A URL in running text. In front of an @, white space may belong to a password. */
const URL_IN_TEXT = /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:[\t\r\n]*[/\\]+(?:[^/\\?#"'<>`@]{0,200}@)?[^\s"'<>`]*/gi;
/** Web addresses work without slashes. */
const SLASHLESS_URL_IN_TEXT = /(?<![a-z0-9+.-])https?:[^\s"'<>`/\\][^\s"'<>`]*@[^\s"'<>`]*/gi;
/** Characters behind a URL that belong to the sentence, or to FFmpeg's `URL: reason`. */
const BEHIND_URL = ')]},.:;!';

const XTREAM_PATH_IN_TEXT = new RegExp(
  String.raw`[/\\](?:${Object.keys(ACCOUNT_FOLLOWS).join('|')})[/\\][^\s"'<>\x60?#]+`,
  'gi',
);

const SCHEME_IN_TEXT = new RegExp(
  String.raw`\b(${AUTHENTICATION_SCHEMES.join('|')})((?:\s|%20|\+)+)([^\s"',;<>]+)`,
  'gi',
);
/** Words that follow `Basic` and the like in a sentence, where no credential follows. */
const PROSE = /^(?:auth\w*|realm|token|credentials?|access|scheme|is|was|or|and)\b/i;

/** A parameter anywhere in text, with its signs plain or percent-encoded. */
const PARAMETER_IN_TEXT = /([?&;]|%(?:25)*(?:3f|26|3b))([^=&;#\s?%"'<>]{1,64})(=|%(?:25)*3d)([^&#\s"'<>]+)/gi;

/** The beginning of `Cookie: a=b`, `"password": "x"`, `token=x`. */
const FIELD_IN_TEXT = /(?<![\w-])([A-Za-z][\w-]{1,60})["']?[ \t]{0,3}([:=])[ \t]{0,3}(?=[^ \t\r\n])/g;

/**
 * Masks running text, such as FFmpeg's stderr, a provider's error page, or an error of Redis or a socket. It masks URLs,
 * credentials under any name, and each of `secrets`, plain and percent-encoded.
 *
 * @param secrets for example `secretsOf(url, headers)`
 */
export function maskText(text: string, secrets: readonly string[] = []): string {
  const urls = withoutKnown(text, secrets)
    .replace(URL_IN_TEXT, maskUrlInText)
    .replace(SLASHLESS_URL_IN_TEXT, maskUrlInText);
  const rest = withoutAccounts(urls)
    .replace(XTREAM_PATH_IN_TEXT, (path) => maskPath(path.replaceAll('\\', '/'), (part) => part))
    .replace(SCHEME_IN_TEXT, (whole, scheme: string, space: string, value: string) =>
      PROSE.test(value) ? whole : `${scheme}${space}${HIDDEN}`,
    )
    .replace(PARAMETER_IN_TEXT, (whole, sign: string, name: string, equals: string) =>
      isSecretParameter(name) ? `${sign}${name}${equals}${HIDDEN}` : whole,
    );
  return withoutFields(rest);
}

function maskUrlInText(url: string): string {
  if (LOCAL_URL.test(url)) return url;
  const plain = trimmed(url, (character) => BEHIND_URL.includes(character), false);
  return maskUrl(plain) + url.slice(plain.length);
}

/** The longest account in front of an @. */
const MAX_ACCOUNT = 200;
const NO_ACCOUNT = /[\s/\\"<>`@]/;

/** Hides `joe:password@host` without a scheme, or the part of it behind a quote that belongs to the password. */
function withoutAccounts(text: string): string {
  let shown = '';
  let done = 0;
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (!/[\w[]/.test(text[at + 1] ?? '')) continue;
    let from = at;
    const first = Math.max(done, at - MAX_ACCOUNT);
    while (from > first && !NO_ACCOUNT.test(text[from - 1] ?? '')) from--;
    if (!/[:']/.test(text.slice(from, at))) continue;
    shown += `${text.slice(done, from)}${HIDDEN}`;
    done = at;
  }
  return shown + text.slice(done);
}

/** Hides the values of fields with a secret name. */
function withoutFields(text: string): string {
  let shown = '';
  let done = 0;
  for (const match of text.matchAll(FIELD_IN_TEXT)) {
    const [field, name = '', sign = ''] = match;
    const from = match.index + field.length;
    if (match.index < done || !isSecretInText(name)) continue;
    // In `/etc/passwd: not permitted` the name is a file and the rest an error.
    if (sign === ':' && /[/\\.]/.test(text[match.index - 1] ?? '')) continue;
    const quote = /["']/.exec(text[from] ?? '')?.[0] ?? '';
    const end = from + lengthOfValue(text.slice(from), quote, sign);
    shown += `${text.slice(done, from)}${quote}${HIDDEN}${quote}`;
    done = end;
  }
  return shown + text.slice(done);
}

/** A quoted value ends with its quote, a header's value with its line, a parameter's value with the next sign. */
function lengthOfValue(text: string, quote: string, sign: string): number {
  if (quote !== '') {
    const end = text.indexOf(quote, 1);
    return end < 0 ? text.length : end + 1;
  }
  const end = text.search(sign === ':' ? /[\r\n"']/ : /[\s&;,"']/);
  return end < 0 ? text.length : end;
}

function trimmed(text: string, isOff: (character: string) => boolean, atStart = true): string {
  let from = 0;
  let to = text.length;
  while (to > 0 && isOff(text[to - 1] ?? '')) to--;
  while (atStart && from < to && isOff(text[from] ?? '')) from++;
  return text.slice(from, to);
}

/** Masking shorter ones would hide ordinary words and numbers. */
const MIN_SECRET_LENGTH = 4;

function withoutKnown(text: string, secrets: readonly string[]): string {
  if (secrets.length === 0) return text;
  const known = [...new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]))]
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length);
  return known.reduce((result, secret) => result.replaceAll(secret, HIDDEN), text);
}

/** Headers that may be shown: credentials become `***`, and URLs in the others are masked. */
export function maskHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretHeader(name) ? HIDDEN : maskText(value)]),
  );
}

/** The credentials in a source's URL and headers, for `maskText`. */
export function secretsOf(url: string, headers: Readonly<Record<string, string>> = {}): string[] {
  const fromHeaders = Object.entries(headers)
    .filter(([name]) => isSecretHeader(name))
    .flatMap(([, value]) => [value, ...value.split(/[\s;=]+/).filter((part) => part.length >= 8)]);
  if (!URL.canParse(url)) return fromHeaders;
  const { username, password, pathname, searchParams } = new URL(url);
  const [user, pass] = [decoded(username), decoded(password)];
  // A server's error page may repeat the Basic authentication that it got.
  const basic = pass === '' ? [] : [Buffer.from(`${user}:${pass}`).toString('base64')];
  const fromQuery = [...searchParams].filter(([name, value]) => isSecretParameter(name) || isGenerated(value));
  const written = [username, password, ...secretsOfPath(pathname), ...fromQuery.map(([, value]) => value)];
  const found = [...written, ...basic, ...fromHeaders];
  return [...new Set(found.flatMap((secret) => [secret, decoded(secret)]))].filter((secret) => secret !== '');
}
