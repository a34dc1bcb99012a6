/** HTTP byte ranges for a proxy: one range per request. Pure. */

export interface ContentRange {
  readonly start: number;
  /** The last byte, inclusive. */
  readonly end: number;
  /** Size of the whole file; undefined when the server does not know it. */
  readonly total: number | undefined;
}

/**
 * A viewer's `Range` header if it can be forwarded: a single range of bytes. A server may ignore any other range (RFC
 * 9110, 14.2), so the viewer then gets the whole file.
 */
export function usableRange(header: string | undefined): string | undefined {
  const value = header?.trim();
  if (value === undefined) return undefined;
  return /^bytes=(?:\d+-\d*|-\d+)$/i.test(value) ? value.toLowerCase() : undefined;
}

export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes\s+(\d+)-(\d+)\/(\d+|\*)$/i.exec(header?.trim() ?? '');
  if (match === null) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return end < start ? undefined : { start, end, total: match[3] === '*' ? undefined : Number(match[3]) };
}

/**
 * A range of a file's last bytes (`bytes=-n`) with an explicit start, for servers that refuse the short form. Undefined
 * for other ranges, and when the size of the file is unknown.
 *
 * @param refusal the `Content-Range` of a 416
 */
export function writtenOut(range: string | undefined, refusal: string | undefined): string | undefined {
  const last = /^bytes=-(\d+)$/.exec(range ?? '')?.[1];
  const size = /^bytes\s+\*\/(\d+)$/i.exec(refusal?.trim() ?? '')?.[1];
  if (last === undefined || size === undefined || Number(last) === 0 || Number(size) === 0) return undefined;
  return `bytes=${Math.max(0, Number(size) - Number(last))}-`;
}

/** Bytes of a file, from `start` up to, but not including, `end`. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * The part of a file that a `Range` header asks for. Undefined: the whole file. `outside`: the file has no such bytes, and the answer
 * is 416.
 *
 * @param length of the file, in bytes
 * @example partOf('bytes=-10', 100) // { start: 90, end: 100 }
 */
export function partOf(header: string | undefined, length: number): Part | 'outside' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(usableRange(header) ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  const isLast = from === '';
  const start = isLast ? Math.max(0, length - Number(to)) : Number(from);
  const end = isLast || to === '' ? length : Math.min(length, Number(to) + 1);
  return start < end ? { start, end } : 'outside';
}

/** Larger than any recording: 24 hours at 100 Mbit/s are 1.08 x 10^12 bytes. */
const ENDLESS_BYTES = 2 ** 40;

/** Numbers that servers send for "without end": the largest that they know, or many nines or zeros. */
const PLACEHOLDER = /^(?:2147483647|2147483648|4294967295|4294967296|9{9,}|10{9,})$/;

/** A plausible length; undefined for none, and for a number that means "without end". */
export function parseContentLength(header: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  if (!/^\d+$/.test(text) || PLACEHOLDER.test(text)) return undefined;
  const length = Number(text);
  return length < ENDLESS_BYTES ? length : undefined;
}

/**
 * Whether an answer proves that there are no ranges here: the whole file although a part was requested. A server with
 * ranges may also send the whole file for a range from the first byte, or when `If-Range` does not match.
 */
export function provesNoRanges(status: number, range: string | undefined, ifRange: string | undefined): boolean {
  return status === 200 && range !== undefined && range !== 'bytes=0-' && ifRange === undefined;
}
