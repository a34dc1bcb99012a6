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

export function parseContentLength(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header.trim()) ? Number(header) : undefined;
}
