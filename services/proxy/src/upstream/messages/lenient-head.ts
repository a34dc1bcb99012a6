/** Reads the head of an HTTP answer as players do: it leaves out what it cannot understand. Pure. */

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. Each byte is one character. */
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** How the end of a body is known. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'close' };

/** A longer head is not valid. */
const HEAD_MAX_BYTES = 256 * 1024;

/** An answer that is not HTTP in any sense. The codes are those of Node's own parser. */
export class UnreadableAnswer extends Error {
  readonly code: string;

  constructor(message: string, code = 'HPE_INVALID_CONSTANT') {
    super(message);
    this.name = 'UnreadableAnswer';
    this.code = code;
  }
}

/**
 * The head at the beginning of `bytes` and the position of the body; undefined while the head is incomplete. Lines may
 * end in LF alone, a name may have spaces before its colon, a line may have no colon, and SHOUTcast says `ICY` for
 * `HTTP/1.0`.
 *
 * @throws {UnreadableAnswer} when this cannot become a head
 */
export function readHead(bytes: Buffer): { head: ResponseHead; bodyAt: number } | undefined {
  const lines: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0 || end > HEAD_MAX_BYTES) {
      if (bytes.length > HEAD_MAX_BYTES) throw new UnreadableAnswer('The head is too long.', 'HPE_HEADER_OVERFLOW');
      if (lines.length === 0) assertStatusLine(bytes.subarray(at));
      return undefined;
    }
    const line = bytes.subarray(at, bytes[end - 1] === 0x0d && end > at ? end - 1 : end);
    at = end + 1;
    if (line.length > 0) {
      if (lines.length === 0) assertStatusLine(line);
      lines.push(line);
    }
    // Blank lines before the head are ignored. The blank line after it ends it.
    else if (lines.length > 0) return { head: parsed(lines), bodyAt: at };
  }
}

/** Checks the first letters already, so that nobody waits for the rest of a wrong answer. */
function assertStatusLine(start: Buffer): void {
  const text = start.toString('latin1', 0, 16).toUpperCase().trimStart();
  const isPossible = ['HTTP/', 'ICY '].some((word) => word.startsWith(text.slice(0, word.length)));
  if (!isPossible) throw new UnreadableAnswer('The answer does not begin with HTTP or ICY.');
}

function parsed([statusLine = Buffer.alloc(0), ...lines]: readonly Buffer[]): ResponseHead {
  const status = /^(?:HTTP\/\d+(?:\.\d+)?|ICY)\s+(\d{3})(?!\d)/i.exec(statusLine.toString('latin1').trimStart())?.[1];
  if (status === undefined) throw new UnreadableAnswer('The answer has no status line.');
  const headers: Record<string, string | string[]> = Object.create(null);
  let last: string | undefined;
  for (const line of lines) {
    const text = line.toString('latin1');
    // A folded line continues the value before it.
    if (/^[ \t]/.test(text) && last !== undefined) {
      const before = headers[last];
      if (typeof before === 'string') headers[last] = `${before} ${text.trim()}`;
      continue;
    }
    const [, name, value = ''] = /^([\w!#$%&'*+.^`|~-]+)[ \t]*:(.*)$/s.exec(text) ?? [];
    last = name?.toLowerCase();
    if (last === undefined) continue;
    const before = headers[last];
    headers[last] = before === undefined ? value.trim() : [before, value.trim()].flat();
  }
  return { status: Number(status), headers };
}

/** Chunks win over a length, as in every player. Lengths that disagree are all ignored. */
export function framingOf({ status, headers }: ResponseHead, method: string): Framing {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' };
  if (/\bchunked\b/i.test([headers['transfer-encoding'] ?? ''].flat().join())) return { kind: 'chunked' };
  const lengths = new Set(lengthsOf(headers['content-length']));
  const [text = ''] = lengths;
  const bytes = Number(text);
  if (lengths.size !== 1 || !/^\d+$/.test(text) || !Number.isSafeInteger(bytes)) return { kind: 'close' };
  // A live source may say 0 and close at its end, as in HTTP/1.0. The 0 then has no meaning.
  const keepsAlive = /keep-alive/i.test([headers.connection ?? ''].flat().join());
  if (bytes === 0 && status === 200 && !keepsAlive) return { kind: 'close' };
  return { kind: 'length', bytes };
}

export function lengthsOf(value: string | string[] | undefined): string[] {
  return [value ?? []].flat().flatMap((each) => each.split(',').map((part) => part.trim()));
}
