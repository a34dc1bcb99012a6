/** Values that nobody expects: for the fields, queries, paths and headers of requests. All from a seed. */

import { pick } from '../seed.ts';

export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

const LONG = 'A'.repeat(20_000);

/** Text before any encoding. */
const TEXTS = [
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  'NaN',
  'null',
  'undefined',
  'true',
  '[object Object]',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '../../../../etc/passwd',
  '\u0000',
  'a\u0000b',
  'a\r\nX-Injected: 1',
  '\ud800',
  '\u202eabc\u202c',
  '💥'.repeat(200),
  'é'.normalize('NFD'),
  "'; DROP TABLE streams; --",
  '$(id)',
  '{{7*7}}',
  '{input_url}',
  '%',
  '%%%',
  '%00',
  '%s%n',
  '-i',
  '-vf drawtext=textfile=/etc/passwd',
  'file:///etc/passwd',
  'p:a:0',
  '*',
  '\\',
  LONG,
];

export const nastyText = (random: Random): string => pick(random, TEXTS);

/** Half a UTF-16 pair cannot be sent. */
export const wellFormed = (text: string): string => Buffer.from(text).toString();

/** Text without characters that end a line or a request: only those above `lowest`. */
export const inHead = (text: string, lowest: string): string => [...text].filter((each) => each > lowest).join('');

/** A JSON value of any kind. */
export function nastyValue(random: Random, depth = 0): unknown {
  switch (below(random, depth > 3 ? 8 : 11)) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return pick(random, [0, -0, -1, 1.5, 1e308, -1e308, 5e-324, 2 ** 53, 2 ** 31, -(2 ** 63), 255, 65_536]);
    case 3:
    case 4:
    case 5:
      return nastyText(random);
    case 6:
      return [];
    case 7:
      return {};
    case 8:
      return Array.from({ length: below(random, 5) }, () => nastyValue(random, depth + 1));
    case 9:
      return Array.from({ length: 3_000 }, () => 'x');
    default:
      return Object.fromEntries(
        Array.from({ length: 1 + below(random, 4) }, () => [nastyText(random), nastyValue(random, depth + 1)]),
      );
  }
}

/** Text for a path or query, with valid or invalid encoding. */
export function nastyPart(random: Random): string {
  const text = nastyText(random);
  switch (below(random, 6)) {
    case 0:
      return inHead(text, ' ');
    case 1:
      return `${encodeURIComponent(wellFormed(text))}%`;
    case 2:
      return pick(random, [
        '%zz',
        '%c3%28',
        '%ff%fe',
        '%u0041',
        '%2',
        '%00',
        '%2e%2e%2f',
        '%252e',
        '%0d%0a',
        '%ed%a0%80',
      ]);
    case 3:
      return encodeURIComponent(wellFormed(text))
        .toLowerCase()
        .repeat(1 + below(random, 3));
    default:
      return encodeURIComponent(wellFormed(text));
  }
}

/** A source URL that only leads to this machine; its path, query and user info are anything. */
export function hostileUrl(random: Random, origins: readonly string[]): string {
  if (random() < 0.15) return nastyText(random);
  const url = pick(random, origins);
  const userInfo = random() < 0.2 ? `${nastyPart(random)}:${nastyPart(random)}@` : '';
  const path = pick(random, ['live/1.ts', 'movie/1.mp4', 'list.m3u8', '404', 'text', 'redirect', nastyPart(random)]);
  const query = random() < 0.3 ? `?${nastyPart(random)}=${nastyPart(random)}` : '';
  return url.replace('://', `://${userInfo}`) + path + query;
}
