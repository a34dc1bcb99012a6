/** URLs with a secret in a place where URLs carry credentials, in any spelling that clients read. Seeded. */
import { pick } from '../seed.ts';

export interface SecretUrl {
  readonly url: string;
  /** The host, which must be shown. */
  readonly host: string;
}

type Random = () => number;

const every = (text: string, form: (byte: string) => string) =>
  [...Buffer.from(text)].map((byte) => form(byte.toString(16))).join('');

/** Ways to write a secret. It is all letters, so only its place shows that it is secret. */
const WRITTEN: readonly ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => secret,
  (secret) => every(secret, (byte) => `%${byte}`),
  (secret) => every(secret, (byte) => `%${byte.toUpperCase()}`),
  (secret) => every(secret, (byte) => `%25${byte}`),
  (secret) => `${secret.slice(0, 3)}%${secret.charCodeAt(3).toString(16)}${secret.slice(4)}`,
  (secret) => `${secret}%2F`,
  (secret) => `a%2f${secret}`,
  (secret) => `a%3B${secret}`,
  (secret) => `%40${secret}%3a`,
];

/** Spellings that clients read as `http://`. */
const STARTS = [
  'http://',
  'HTTP://',
  'https://',
  'http:/',
  'http:\\\\',
  'http:/\\',
  'http:///',
  'https:\\',
  'rtsp://',
  'rtmp:/\\',
  'srt://',
];
const IN_FRONT = ['', '', '', ' ', '\t', '\n ', '\u0001'];
const BEHIND = ['', '', '', ' ', '\r\n'];

const NAMES = [
  ...[
    'token',
    'api_token',
    'X-Amz-Signature',
    'password',
    'PASS',
    'username',
    'user',
    'u',
    'p',
    'k',
    'auth',
    'access_key',
  ],
  ...['hdnts', 'wmsAuthSign', 'session', 'sid', 'mac', 'jwt', 'cred', '%74oken', 'to%6ben', 'token[]', 'pass%00'],
];

/** Each puts a secret into a path and query. */
const PLACES: readonly ((secret: string, random: Random) => string)[] = [
  (secret) => `/live/${secret}/pw/7.ts`,
  (secret) => `/live/joe/${secret}/7.ts`,
  (secret) => `/LIVE//joe/${secret}/7`,
  (secret) => `/movie/joe/${secret}/7.mkv`,
  (secret) => `/series/${secret}/pw/7.mp4`,
  (secret) => `/timeshift/joe/${secret}/60/2026-01-01:10-00/7.ts`,
  (secret) => `/hlsr/abc/joe/${secret}/7/x/1.ts`,
  (secret) => `/panel/joe/${secret}/7.ts`,
  (secret) => `/${secret}/pw/7`,
  (secret) => `/live%2fjoe%2F${secret}/7.ts`,
  (secret) => `/%6C%69ve/joe/${secret}/7.ts`,
  (secret) => `\\live\\joe\\${secret}\\7.ts`,
  (secret) => `/live/joe/${secret}`,
  (secret) => `/a/${secret}@b/c.ts`,
  (secret, random) => `/a.ts;${pick(random, NAMES)}=${secret}`,
  (secret, random) => `/a/${pick(random, NAMES)}=${secret}/c.ts`,
  (secret, random) => `/a.ts?${pick(random, NAMES)}=${secret}`,
  (secret, random) => `/a.ts?x=1&${pick(random, NAMES)}=${secret}&y=2`,
  (secret, random) => `/a.ts?x=1;${pick(random, NAMES)}=${secret};y=2`,
  (secret, random) => `/a.ts?x=1?${pick(random, NAMES)}=${secret}`,
  (secret) => `/a.ts?x=1%26token%3D${secret}`,
  (secret) => `/a.ts?url=${encodeURIComponent(`http://joe:${secret}@b.test/x`)}`,
  (secret) => `/a.ts?url=http:/\\joe:${secret}@b.test/x`,
  (secret) => `/a.ts?next=${encodeURIComponent(`/live/joe/${secret}/7.ts`)}`,
  (secret) => `/a.ts?h=Bearer%20${secret}`,
  (secret) => `/a.ts#${secret}`,
];

const ACCOUNTS: readonly ((secret: string) => string)[] = [
  (secret) => `${secret}@`,
  (secret) => `joe:${secret}@`,
  (secret) => `${secret}:pw@`,
  (secret) => `:${secret}@`,
  (secret) => `joe@x:${secret}@`,
];

/** @param secret letters only */
export function secretUrl(random: Random, secret: string): SecretUrl {
  const written = pick(random, WRITTEN)(secret);
  const host = `${pick(random, ['tv', 'cdn', 'cam'])}.test`;
  const authority = `${host}${pick(random, ['', '', ':8080'])}`;
  const inAccount = random() < 0.3;
  const account = inAccount ? pick(random, ACCOUNTS)(written) : '';
  const place = inAccount ? pick(random, ['', '/', '/a.ts?x=1', '\\a.ts']) : pick(random, PLACES)(written, random);
  const url = `${pick(random, IN_FRONT)}${pick(random, STARTS)}${account}${authority}${place}${pick(random, BEHIND)}`;
  return { url, host };
}

/** A word that no URL contains by chance. */
export function secretWord(random: Random): string {
  return `q${Array.from({ length: 9 }, () => pick(random, [...'bcdfghjklmnprstvwxz'])).join('')}`;
}
