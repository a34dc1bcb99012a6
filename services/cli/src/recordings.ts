/** Recordings as people call them, and how long they are. */

import { type Recording, recordings } from './answers.ts';
import type { Client } from './client.ts';
import { Failure } from './failures.ts';
import { type Column, table } from './table.ts';

/** Ids that a program made. Those that people chose are short, and mean something to them. */
const RANDOM_ID = /^[0-9a-f-]{32,36}$/;
const SHOWN_DIGITS = 8;
/** So much of an id names a recording. */
const MIN_BEGINNING = 4;
/** More are not listed when a name fits several recordings. */
const LISTED = 5;
const UNIT_S: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };

/** What its creator calls it, else what the stream was called, else its id. */
export function nameOfRecording({ name, metadata, recording_id: id }: Recording): string {
  return name?.trim() || metadata.name?.trim() || id;
}

/** @example hours(3_725.4) // '1:02:05' */
export function hours(seconds: number): string {
  const [h, m, s] = [seconds / 3_600, (seconds / 60) % 60, seconds % 60].map(Math.floor) as [number, number, number];
  return `${h}:${String(m).padStart(2, '0')}:${String(s).padStart(2, '0')}`;
}

/** @example megabytes(1_500_000) // '1.5 MB' */
export function megabytes(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * Seconds of a time as people write it; undefined: it is none.
 * @example secondsIn('1h30m') // 5_400
 */
export function secondsIn(text: string): number | undefined {
  if (/^\d{1,8}$/.test(text)) return Number(text) || undefined;
  if (!/^(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+)([dhms])/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNIT_S[unit] ?? 0), 0) || undefined;
}

const COLUMNS: readonly Column<Recording>[] = [
  { title: 'ID', of: ({ recording_id: id }) => (RANDOM_ID.test(id) ? id.slice(0, SHOWN_DIGITS) : id) },
  { title: 'NAME', of: nameOfRecording },
  { title: 'BEGAN', of: ({ started_at: began }) => (began === null ? undefined : new Date(began).toLocaleString()) },
  { title: 'LENGTH', of: ({ seconds }) => hours(seconds) },
  { title: 'SIZE', of: ({ bytes }) => megabytes(bytes) },
  { title: 'STATUS', of: ({ status, error_message: why }) => (why === null ? status : `${status}: ${why}`) },
];

export function recordingTable(rows: readonly Recording[]): string[] {
  return table(COLUMNS, rows);
}

/**
 * The recording that somebody means.
 *
 * @param meant an id, the beginning of one, or a name
 * @throws {Failure} when no recording is meant, or several are
 */
export async function recordingMeant(client: Client, meant: string): Promise<Recording> {
  const { recordings: all } = await client.get('/recordings', recordings);
  const whole = all.find(({ recording_id: id }) => id === meant);
  if (whole !== undefined) return whole;
  const byId = meant.length < MIN_BEGINNING ? [] : all.filter(({ recording_id: id }) => id.startsWith(meant));
  const wanted = meant.toLowerCase();
  const found = byId.length > 0 ? byId : all.filter((one) => nameOfRecording(one).toLowerCase() === wanted);
  const [first, ...more] = found;
  if (first === undefined) throw new Failure(`There is no recording "${meant}". "streampool recordings" lists them.`);
  if (more.length === 0) return first;
  const listed = found.slice(0, LISTED).map((one) => `  ${one.recording_id}  ${nameOfRecording(one)}`);
  const rest = found.length > LISTED ? [`  and ${found.length - LISTED} more`] : [];
  throw new Failure([`"${meant}" may be each of these; give the id:`, ...listed, ...rest].join('\n'));
}
