/** The kinds of value a setting can have: how its text is checked and converted. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { languageCode } from '../languages.ts';
import type { LogLevel } from '../log.ts';
import type { LogFormat } from '../log-text.ts';

/** Reads a setting's text. `allowed` completes the sentence "NAME must be …". */
export interface Kind<T> {
  readonly allowed: string;
  readonly schema: z.ZodType<T, string>;
  /** The value is never shown, neither in messages nor in tables. */
  readonly secret?: boolean;
}

/** Which private addresses a source may have. Link-local and metadata addresses are always refused. */
export interface PrivateSources {
  /** RFC 1918 and unique local addresses. */
  readonly lan: boolean;
  readonly loopback: boolean;
  /** CIDR ranges that are explicitly allowed. */
  readonly ranges: readonly string[];
  /** Host names (lower case) that are explicitly allowed, whatever they resolve to. */
  readonly hosts: readonly string[];
}

/** Whose X-Forwarded-For counts, in the form of Fastify's `trustProxy`: everybody's, nobody's, or that of these ranges. */
export type TrustProxy = boolean | string[];

const HOST_NAME = /^(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?$/i;
const TRUE_WORDS = ['true', '1', 'yes', 'on'];
const FALSE_WORDS = ['false', '0', 'no', 'off'];
const BYTE_UNITS: Record<string, number> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Makes a kind from a function that returns `undefined` for a text that is not allowed. */
function kind<T>(allowed: string, read: (text: string) => T | undefined): Kind<T> {
  const schema = z.string().transform((text, context): T => {
    const value = read(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: `must be ${allowed}` });
    return z.NEVER;
  });
  return { allowed, schema };
}

function readNumber(text: string, pattern: RegExp, min: number, max: number): number | undefined {
  if (!pattern.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const allowed =
    max === Number.MAX_SAFE_INTEGER ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`;
  return kind(allowed, (text) => readNumber(text, /^-?\d+$/, min, max));
}

export function decimal(min: number, max: number): Kind<number> {
  return kind(`a number from ${min} to ${max}`, (text) => readNumber(text, /^-?\d+(\.\d+)?$/, min, max));
}

/** Seconds in the environment (fractions allowed), milliseconds in the code. */
export function seconds(min: number, max: number): Kind<number> {
  return kind(`a number of seconds from ${min} to ${max}`, (text) => {
    const value = readNumber(text, /^\d+(\.\d+)?$/, min, max);
    return value === undefined ? undefined : Math.round(value * 1000);
  });
}

/** Bytes. `k`, `M`, `G` (also `MB`, `MiB`) are powers of 1024. */
export function bytes(min: number): Kind<number> {
  return kind(`a number of bytes, ${min} or more, such as 1048576, 512k or 48M`, (text) => {
    const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text);
    if (match === null) return undefined;
    const value = Math.round(Number(match[1]) * (BYTE_UNITS[(match[2] ?? '').toLowerCase()] ?? 1));
    return Number.isSafeInteger(value) && value >= min ? value : undefined;
  });
}

export const flag: Kind<boolean> = kind('true or false', (text) => {
  const word = text.toLowerCase();
  if (TRUE_WORDS.includes(word)) return true;
  return FALSE_WORDS.includes(word) ? false : undefined;
});

export function oneOf<const T extends string>(...choices: T[]): Kind<T> {
  const allowed = `one of ${choices.join(', ')}`;
  return kind(allowed, (text) => choices.find((choice) => choice === text.toLowerCase()));
}

/** Text without control characters, which would split headers and log lines. */
export function text(allowed: string, pattern: RegExp): Kind<string> {
  return kind(allowed, (value) => (pattern.test(value) ? value : undefined));
}

/** A text that is never shown. */
export function secret(allowed: string, pattern: RegExp): Kind<string> {
  return { ...text(allowed, pattern), secret: true };
}

export const host: Kind<string> = kind('an IP address or a host name', (value) =>
  isIP(value) !== 0 || HOST_NAME.test(value) ? value : undefined,
);

/** A URL prefix without its trailing slash; `/` means none and becomes the empty string. */
export const pathPrefix: Kind<string> = kind('a path such as /m3u-proxy, or / for none', (value) =>
  /^(\/[A-Za-z0-9._~-]+)*\/?$/.test(value) ? value.replace(/\/$/, '') : undefined,
);

const LEVELS: Record<string, LogLevel> = {
  critical: 'fatal',
  fatal: 'fatal',
  error: 'error',
  warning: 'warn',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
};

export const logLevel: Kind<LogLevel> = kind(
  'one of critical, error, warning, info, debug, trace',
  (value) => LEVELS[value.toLowerCase()],
);

export const logFormat: Kind<LogFormat> = oneOf('auto', 'json', 'text');

/** A range such as `10.0.0.0/8` unchanged, an address as its own range, anything else `undefined`. */
function cidr(value: string): string | undefined {
  // The library also accepts "10.0.0/8", which people interpret differently.
  if (ipaddr.isValidCIDR(value) && isIP(value.slice(0, value.indexOf('/'))) !== 0) return value;
  if (isIP(value) === 4) return `${value}/32`;
  return isIP(value) === 6 ? `${value}/128` : undefined;
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Languages, as the codes that `languageCode` returns. */
export const languages: Kind<readonly string[]> = kind(
  'a list of ISO 639 language codes such as "deu,eng", separated by commas',
  (value) => {
    const codes = list(value).map(languageCode);
    return codes.every((code) => code !== undefined) ? codes : undefined;
  },
);

export const privateSources: Kind<PrivateSources> = kind(
  'true, false, or a list of addresses, CIDR ranges, host names and "lan", separated by commas',
  (value) => {
    const whole = flag.schema.safeParse(value);
    if (whole.success) return { lan: whole.data, loopback: whole.data, ranges: [], hosts: [] };
    const entries = list(value);
    const ranges: string[] = [];
    const hosts: string[] = [];
    let lan = false;
    for (const entry of entries) {
      const range = cidr(entry);
      if (range !== undefined) ranges.push(range);
      else if (entry.toLowerCase() === 'lan') lan = true;
      // Text of only digits and dots is a mistyped address, not a host name.
      else if (HOST_NAME.test(entry) && !/^[\d.]+$/.test(entry)) hosts.push(entry.toLowerCase().replace(/\.$/, ''));
      else return undefined;
    }
    return entries.length === 0 ? undefined : { lan, loopback: false, ranges, hosts };
  },
);

/** Origin of an app that shows its pages in a web view, such as `capacitor://localhost`. */
const APP_ORIGIN = /^(?!https?:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9._-]+(?::\d{1,5})?$/;

/** Whether a text is an origin exactly as browsers write it into `Origin`. */
function isOrigin(value: string): boolean {
  if (APP_ORIGIN.test(value)) return true;
  return /^https?:[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value;
}

export const origins: Kind<readonly string[]> = kind(
  'a list of origins as browsers send them, such as "https://editor.example,http://nas:36400", with neither path nor *',
  (value) => {
    const entries = list(value);
    return (value === '' || entries.length > 0) && entries.every(isOrigin) ? entries : undefined;
  },
);

/** Names of ranges that Fastify knows. */
const PROXY_RANGES = ['loopback', 'linklocal', 'uniquelocal'];

export const trustProxy: Kind<TrustProxy> = kind(
  `true, false, or a list of addresses, CIDR ranges and ${PROXY_RANGES.join(', ')}, separated by commas`,
  (value) => {
    const whole = flag.schema.safeParse(value);
    if (whole.success) return whole.data;
    const entries = list(value).map((entry) => (PROXY_RANGES.includes(entry) ? entry : cidr(entry)));
    const known = entries.filter((entry) => entry !== undefined);
    return known.length > 0 && known.length === entries.length ? known : undefined;
  },
);
