/** Removes what a server has added to media without being asked: compression, and SHOUTcast's titles. */
import { pipeline, type Readable, Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { SourceError } from '../../errors.ts';
import { parseContentRange } from './byte-range.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** Decodes bytes as they come, because a live source may break off anywhere. */
const FLUSH = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(FLUSH),
  'x-gzip': () => createGunzip(FLUSH),
  deflate: () => createInflate(FLUSH),
  br: () =>
    createBrotliDecompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
    }),
};

/**
 * The answer without compression and titles, in its headers too.
 *
 * @throws {SourceError} `not_media` for a part from the middle of compressed data
 */
export function plain<T extends Answer>(answer: T): T {
  return withoutTitles(decompressed(answer));
}

function decompressed<T extends Answer>(answer: T): T {
  const decoder = DECODERS[(answer.headers['content-encoding'] ?? '').trim().toLowerCase()];
  if (decoder === undefined) return answer;
  const headers: Record<string, string> = { ...answer.headers };
  const range = parseContentRange(headers['content-range']);
  if (answer.status === 206 && (range?.start !== 0 || range.end + 1 !== range.total)) {
    throw new SourceError('not_media', 'The source sent a part of compressed data, which cannot be decoded alone.');
  }
  // Lengths and ranges count compressed bytes.
  for (const name of ['content-encoding', 'content-length', 'content-range', 'accept-ranges']) delete headers[name];
  const status = answer.status === 206 ? 200 : answer.status;
  return { ...answer, status, headers, body: through(answer.body, decoder()) };
}

function withoutTitles<T extends Answer>(answer: T): T {
  const { 'icy-metaint': every, ...headers } = answer.headers;
  const bytes = Number(every ?? 0);
  if (!Number.isSafeInteger(bytes) || bytes <= 0) return { ...answer, headers };
  return { ...answer, headers, body: through(answer.body, new TitleRemover(bytes)) };
}

/** Ends, breaks and closes with `body`, and closes it. */
function through(body: Readable, transform: Transform): Readable {
  // A reader gets the error. A caller that only closes does not need it.
  return pipeline(body, transform, () => undefined);
}

/** SHOUTcast puts a block after every `interval` bytes: its length in units of 16 bytes, then the title. */
class TitleRemover extends Transform {
  readonly #interval: number;
  #media: number;
  /** Bytes left of a title; undefined: its length comes next. */
  #title: number | undefined = 0;

  constructor(interval: number) {
    super();
    this.#interval = interval;
    this.#media = interval;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#media > 0) {
        const part = chunk.subarray(at, at + this.#media);
        this.push(part);
        this.#media -= part.length;
        at += part.length;
        if (this.#media === 0) this.#title = undefined;
        continue;
      }
      if (this.#title === undefined) {
        this.#title = (chunk[at] ?? 0) * 16;
        at += 1;
      } else {
        const skipped = Math.min(this.#title, chunk.length - at);
        this.#title -= skipped;
        at += skipped;
      }
      if (this.#title === 0) this.#media = this.#interval;
    }
    done();
  }
}
