/** Byte ranges of HTTP, as far as a proxy needs them: one range a request. Pure. */

export interface ContentRange {
  readonly start: number;
  /** The last byte, inclusive. */
  readonly end: number;
  /** Of the whole file; undefined where the server does not know. */
  readonly total: number | undefined;
}

/**
 * A viewer's `Range` header if it is one that can be forwarded: a single range of bytes. Everything else may be ignored (RFC
 * 9110, 14.2), and is: the viewer then gets the whole.
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
 * The range of a file's last bytes with its beginning written out, for servers that refuse it as it is; undefined for other
 * ranges, and where the size of the file is not told.
 *
 * @param refusal the `Content-Range` of a 416
 */
export function writtenOut(range: string | undefined, refusal: string | undefined): string | undefined {
  const last = /^bytes=-(\d+)$/.exec(range ?? '')?.[1];
  const size = /^bytes\s+\*\/(\d+)$/i.exec(refusal?.trim() ?? '')?.[1];
  if (last === undefined || size === undefined || Number(last) === 0 || Number(size) === 0) return undefined;
  return `bytes=${Math.max(0, Number(size) - Number(last))}-`;
}

/** Larger than any recording: 24 hours at 100 Mbit/s are 1.08 x 10^12 bytes. */
const ENDLESS_BYTES = 2 ** 40;

/** What servers say in place of "without end": the largest number they know, or as many nines, or zeros, as it takes. */
const PLACEHOLDER = /^(?:2147483647|2147483648|4294967295|4294967296|9{9,}|10{9,})$/;

/** A length that a server can mean; undefined for none, and for one that stands for "without end". */
export function parseContentLength(header: string | undefined): number | undefined {
  const text = header?.trim() ?? '';
  if (!/^\d+$/.test(text) || PLACEHOLDER.test(text)) return undefined;
  const length = Number(text);
  return length < ENDLESS_BYTES ? length : undefined;
}

/**
 * Whether an answer proves that ranges cannot be had here: the whole, although a part was asked for. All from the first byte
 * on, or a part of what `If-Range` names, may be answered with the whole by a server that knows ranges.
 */
export function provesNoRanges(status: number, range: string | undefined, ifRange: string | undefined): boolean {
  return status === 200 && range !== undefined && range !== 'bytes=0-' && ifRange === undefined;
}
