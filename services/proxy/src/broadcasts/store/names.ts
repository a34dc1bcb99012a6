/**
 * How recordings and their files are named: `{id}/{epoch}/live000123.ts`, as paths and as keys of objects. The epoch is that of the
 * worker that wrote the file. So a worker that stood still can leave a file that nobody lists, and never replaces one. Pure.
 */

/** Where in S3 recordings are. */
export interface S3Place {
  readonly bucket: string;
  /** Before the keys: empty, or with a slash at its end. */
  readonly prefix: string;
}

/** What a caller may name a broadcast: it becomes a folder and a part of a key. */
export const BROADCAST_ID = /^[A-Za-z0-9_-]{1,128}$/;
/** Beside the segments that a worker has written under one epoch. */
export const INDEX_NAME = 'index.json';

/** Numbers have six digits at least, as `%06d` writes them. */
const NUMBERED = /^live(\d{6,15})\.(ts|vtt)$/;
const EPOCH = /^\d{1,16}$/;

/** What there is of a segment: its media, and its subtitles. */
export type FileKind = 'ts' | 'vtt';

/** What each is, for whoever gets it. */
export const FILE_TYPES: Readonly<Record<FileKind, string>> = { ts: 'video/mp2t', vtt: 'text/vtt; charset=utf-8' };

/** @param n from 0 */
export function segmentName(n: number, kind: FileKind = 'ts'): string {
  return `live${String(n).padStart(6, '0')}.${kind}`;
}

/** What a name of a segment says; undefined for any other name, also for one that is written in another way. */
export function segmentFile(name: string): { readonly n: number; readonly kind: FileKind } | undefined {
  const [, digits, extension] = NUMBERED.exec(name) ?? [];
  if (digits === undefined) return undefined;
  const [n, kind] = [Number(digits), extension === 'ts' ? 'ts' : 'vtt'] as const;
  return segmentName(n, kind) === name ? { n, kind } : undefined;
}

/** The epoch that a folder is named after; undefined for any other name. */
export function epochOf(name: string): number | undefined {
  return EPOCH.test(name) && String(Number(name)) === name ? Number(name) : undefined;
}

/**
 * Under which epoch a worker writes. A registry in memory grants 1 after each start, and one that was emptied may grant less than before.
 * @param granted by the registry
 * @param stored under which something is stored already
 */
export function writingEpoch(granted: number, stored: readonly number[]): number {
  return Math.max(granted, ...stored.map((epoch) => epoch + 1));
}
