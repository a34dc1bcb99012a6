/** The fields that several requests share, and how m3u-proxy's clients may spell them. */

import { z } from 'zod';
import { A_SOURCE_URL, isSourceUrl, MAX_URL_CHARACTERS, SOURCE_URL_EXAMPLE } from '../../upstream/egress/source-url.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: this pattern finds what is refused
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** The URL of a source. The egress guard decides which addresses it may lead to. */
export const sourceUrl = z
  .string()
  .max(MAX_URL_CHARACTERS)
  .refine(isSourceUrl, `must be ${A_SOURCE_URL}, such as ${SOURCE_URL_EXAMPLE}`)
  .meta({ example: SOURCE_URL_EXAMPLE });

const STREAMLINK_SCHEME = /^(?:hls|dash|httpstream):\/\//;

/** The same, or what streamlink takes for the URL of a playlist, a manifest or media: such a URL after one of its schemes. */
export const pageUrl = z
  .string()
  .max(MAX_URL_CHARACTERS)
  .refine(
    (text) => isSourceUrl(text.replace(STREAMLINK_SCHEME, '')),
    `must be ${A_SOURCE_URL}, such as ${SOURCE_URL_EXAMPLE}`,
  )
  .meta({ example: SOURCE_URL_EXAMPLE });

/** @param url one that `pageUrl` takes */
export function divideScheme(url: string): { readonly scheme: string; readonly url: string } {
  const scheme = STREAMLINK_SCHEME.exec(url)?.[0] ?? '';
  return { scheme, url: url.slice(scheme.length) };
}

/** A flag in a query: `true`, `1`, `yes`, `on`, `t`, `y` or their opposites, in any case. */
export const queryFlag = z.stringbool({
  truthy: ['true', '1', 'yes', 'on', 't', 'y'],
  falsy: ['false', '0', 'no', 'off', 'f', 'n'],
});

/** A flag in a body: everything a query flag may be, and 1 and 0. m3u-proxy reads all of these. */
export const bodyFlag = z.preprocess((value) => {
  if (typeof value !== 'string' && typeof value !== 'number') return value;
  const read = queryFlag.safeParse(String(value));
  return read.success ? read.data : value;
}, z.boolean());

/** A number in a body; also as text, because forms and some languages send it so. */
export const bodyNumber = z.preprocess(numberOf, z.number());
export const bodyInteger = z.preprocess(numberOf, z.int());

function numberOf(value: unknown): unknown {
  if (typeof value !== 'string' || value.trim() === '') return value;
  const number = Number(value);
  return Number.isFinite(number) ? number : value;
}

/** An optional text; the empty text counts as absent. */
export function emptyIsNone<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (value === '' ? undefined : value), schema.optional());
}

/** A body that may be left out. PHP, and so m3u-editor, sends `[]` where it has nothing to say. */
export function optionalBody<T extends z.ZodObject>(schema: T) {
  return z.preprocess((value) => (Array.isArray(value) && value.length === 0 ? undefined : value), schema.nullish());
}

/** Values become text as m3u-proxy writes them: `true` becomes `True`, and 2.0 becomes `2`. */
export const textValues = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()], { error: 'must be a string, number or boolean' }))
  .transform((values) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, textOf(value)] as const)),
  );

function textOf(value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

/** Client ids appear in URLs, headers and logs. */
export const clientId = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => !CONTROL_CHARACTER.test(text), 'must not contain control characters');

/** Milliseconds since 1970 in m3u-proxy's format: with microseconds and an offset. */
export function isoTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000+00:00`;
}

/** The same for a time that may be absent. */
export function optionalIsoTime(ms: number | undefined): string | null {
  return ms === undefined ? null : isoTime(ms);
}
