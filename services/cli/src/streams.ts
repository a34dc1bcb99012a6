/** Streams as people call them: by name, by id, or by the beginning of it. */

import { type Stream, streams } from './answers.ts';
import type { Client } from './client.ts';
import { Failure } from './failures.ts';
import { type Column, table } from './table.ts';

const WHOLE_ID = /^[0-9a-f]{32}$/;
/** So much of an id is shown, and enough to name a stream. */
const ID_DIGITS = 8;
const BEGINNING_OF_ID = /^[0-9a-f]{4,31}$/;
/** More are not listed when a name fits several streams. */
const LISTED = 5;

/** What its creator calls it, else the last part of its URL. */
export function nameOf({ metadata, original_url: url }: Pick<Stream, 'metadata' | 'original_url'>): string {
  const given = metadata.name?.trim() ?? '';
  if (given !== '' || !URL.canParse(url)) return given || url;
  const { pathname, host } = new URL(url);
  return pathname.split('/').findLast((part) => part !== '') ?? host;
}

/** Where it plays now: the host alone, because the rest may hold credentials. */
export function sourceOf({ current_url: url, current_failover_index: index }: Stream): string {
  const host = URL.canParse(url) ? new URL(url).host : '-';
  return index < 0 ? host : `${host} (backup ${index + 1})`;
}

export function shortId({ stream_id: id }: Pick<Stream, 'stream_id'>): string {
  return id.slice(0, ID_DIGITS);
}

/** A source of a stream, as the API takes it. */
export type Source = { readonly index: number } | { readonly url: string };

/**
 * The source that somebody means; undefined: this is none.
 *
 * @param meant `primary`, the number of a backup as people are shown it, from 1, or the URL of one
 */
export function sourceMeant(meant: string): Source | undefined {
  if (meant === 'primary') return { index: -1 };
  if (/^[1-9]\d{0,3}$/.test(meant)) return { index: Number(meant) - 1 };
  return URL.canParse(meant) ? { url: meant } : undefined;
}

const COLUMNS: readonly Column<Stream>[] = [
  { title: 'ID', of: shortId },
  { title: 'NAME', of: nameOf },
  { title: 'TYPE', of: ({ stream_type: type }) => type },
  { title: 'VIEWERS', of: ({ client_count: count }) => count },
  { title: 'ERRORS', of: ({ error_count: count }) => count },
  { title: 'SOURCE', of: sourceOf },
];

export function streamTable(rows: readonly Stream[]): string[] {
  return table(COLUMNS, rows);
}

/**
 * The id of the stream that somebody means.
 *
 * @param meant an id, the beginning of one, or a name
 * @throws {Failure} when no stream is meant, or several are
 */
export async function idOf(client: Client, meant: string): Promise<string> {
  if (WHOLE_ID.test(meant)) return meant;
  const [used, idle] = await Promise.all([client.get('/streams', streams), client.get('/streams?idle=true', streams)]);
  const all = [...used.streams, ...idle.streams];
  const byId = BEGINNING_OF_ID.test(meant) ? all.filter(({ stream_id: id }) => id.startsWith(meant)) : [];
  const found = byId.length > 0 ? byId : all.filter((one) => nameOf(one).toLowerCase() === meant.toLowerCase());
  const [first, ...more] = found;
  if (first === undefined) throw new Failure(`There is no stream "${meant}". "streampool streams" lists them.`);
  if (more.length === 0) return first.stream_id;
  const listed = found.slice(0, LISTED).map((one) => `  ${one.stream_id}  ${nameOf(one)}`);
  const rest = found.length > LISTED ? [`  and ${found.length - LISTED} more`] : [];
  throw new Failure([`"${meant}" may be each of these; give the id:`, ...listed, ...rest].join('\n'));
}
