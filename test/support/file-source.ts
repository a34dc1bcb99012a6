/** A provider of files with Range, and of HLS (VOD and live), for tests. It counts requests and fails on demand. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { Transform } from 'node:stream';
import { FINITE_SECONDS, type FiniteName, finiteFile, hlsDirectory } from './fixtures.ts';

export interface FileRequest {
  path: string;
  method: string;
  range: string | undefined;
  headers: Record<string, string>;
  status: number;
  /** Body bytes written to the socket. */
  bytes: number;
}

export interface FileSourceOptions {
  /** Answer a Range request with 200 and the whole file. */
  ignoreRange?: boolean;
  /** Limits each response to this many bytes a second. */
  bytesPerSecond?: number;
  /** Of HLS. */
  segmentSeconds?: 2 | 6;
}

const TYPES: Record<string, string> = {
  mp4: 'video/mp4',
  mkv: 'video/x-matroska',
  ts: 'video/mp2t',
  m3u8: 'application/vnd.apple.mpegurl',
};
/** Segments in the live playlist, as most encoders keep. */
const LIVE_WINDOW = 4;

/**
 * Serves `/movie.mp4`, `/movie.mkv`, `/movie.ts` (20 s), `/long.mkv` (60 s), `/sound-ends.mkv` and `/sound-begins.mkv` (20 s of pictures),
 * `/hls/vod.m3u8` and `/hls/live.m3u8`. The live playlist slides in real time over the same segments and marks each round with EXT-X-DISCONTINUITY.
 */
export class FileSource {
  readonly origin: string;
  readonly requests: FileRequest[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #options: FileSourceOptions;
  readonly #startedMs = performance.now();
  #open = 0;
  #breakAfter: number[] = [];
  #stallAfter: number[] = [];
  #statuses: number[] = [];

  private constructor(server: ReturnType<typeof createServer>, options: FileSourceOptions) {
    this.#server = server;
    this.#options = options;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: FileSourceOptions = {}): Promise<FileSource> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FileSource(server, options);
  }

  /** Responses under way. */
  get open(): number {
    return this.#open;
  }

  url(path: FiniteName | 'hls/vod.m3u8' | 'hls/live.m3u8'): string {
    return `${this.origin}/${path}`;
  }

  /** The next response with a body breaks off after this many bytes; more calls queue up. */
  breakNextAfter(bytes: number): void {
    this.#breakAfter.push(bytes);
  }

  /** The next response with a body stalls after this many bytes, with its connection open; more calls queue up. */
  stallNextAfter(bytes: number): void {
    this.#stallAfter.push(bytes);
  }

  /** The next request gets this status; more calls queue up. */
  failNext(status: number): void {
    this.#statuses.push(status);
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const { range } = request.headers;
    const noted: FileRequest = { path, method: request.method ?? 'GET', range, headers, status: 0, bytes: 0 };
    this.requests.push(noted);
    const reply = (status: number, extra: Record<string, string | number>, body: string | Buffer = '') => {
      noted.status = status;
      response.writeHead(status, extra).end(request.method === 'HEAD' ? undefined : body);
    };
    const failure = this.#statuses.shift();
    if (failure !== undefined) return reply(failure, {}, `status ${failure}`);
    const type = { 'content-type': TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream' };
    if (path === '/hls/live.m3u8') return reply(200, type, this.#livePlaylist());
    const file = await this.#fileOf(path);
    if (file === undefined) return reply(404, {}, 'no such file');
    const size = (await stat(file)).size;
    const span = this.#options.ignoreRange ? undefined : parseRange(range, size);
    if (span === 'unsatisfiable') return reply(416, { 'content-range': `bytes */${size}` });
    const { first, last } = span ?? { first: 0, last: size - 1 };
    const partial: Record<string, string> =
      span === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${size}` };
    const ranges: Record<string, string> = this.#options.ignoreRange ? {} : { 'accept-ranges': 'bytes' };
    const all = { ...type, ...ranges, ...partial, 'content-length': last - first + 1, 'last-modified': LAST_MODIFIED };
    if (request.method === 'HEAD') return reply(span === undefined ? 200 : 206, all);
    noted.status = span === undefined ? 200 : 206;
    response.writeHead(noted.status, all);
    this.#send(file, first, last, response, noted);
  }

  #send(file: string, first: number, last: number, response: ServerResponse, noted: FileRequest): void {
    const limit = this.#breakAfter.shift() ?? Number.POSITIVE_INFINITY;
    const silentAfter = this.#stallAfter.shift() ?? Number.POSITIVE_INFINITY;
    const rate = this.#options.bytesPerSecond;
    const body = createReadStream(file, { start: first, end: last, highWaterMark: 16 * 1024 });
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const piece = chunk.subarray(0, Math.min(limit, silentAfter) - noted.bytes);
        noted.bytes += piece.length;
        // The allowed bytes go out before the connection breaks.
        if (noted.bytes >= limit) response.write(piece, () => response.destroy());
        else if (noted.bytes >= silentAfter) response.write(piece);
        else setTimeout(() => done(null, piece), rate === undefined ? 0 : (piece.length / rate) * 1000);
      },
    });
    this.#open++;
    response.once('close', () => {
      this.#open--;
      body.destroy();
      meter.destroy();
    });
    body.pipe(meter).pipe(response);
  }

  get #segmentSeconds(): 2 | 6 {
    return this.#options.segmentSeconds ?? 2;
  }

  async #fileOf(path: string): Promise<string | undefined> {
    const name = basename(path);
    if (path.startsWith('/hls/') && /^(vod\.m3u8|seg\d\.ts)$/.test(name)) {
      return join(await hlsDirectory(this.#segmentSeconds), name);
    }
    return /^(movie\.(mp4|mkv|ts)|(long|sound-ends|sound-begins|numbered)\.mkv)$/.test(name)
      ? finiteFile(name as FiniteName)
      : undefined;
  }

  #livePlaylist(): string {
    const seconds = this.#segmentSeconds;
    const segments = Math.floor(FINITE_SECONDS / seconds);
    const elapsed = Math.floor((performance.now() - this.#startedMs) / 1000 / seconds);
    const lines = ['#EXTM3U', '#EXT-X-VERSION:3', `#EXT-X-TARGETDURATION:${seconds}`];
    // The discontinuities that left the window (RFC 8216, 4.3.3.3); segment 0 has none before it.
    const left = Math.max(0, Math.ceil(elapsed / segments) - 1);
    lines.push(`#EXT-X-MEDIA-SEQUENCE:${elapsed}`, `#EXT-X-DISCONTINUITY-SEQUENCE:${left}`);
    for (let number = elapsed; number < elapsed + LIVE_WINDOW; number++) {
      if (number > 0 && number % segments === 0) lines.push('#EXT-X-DISCONTINUITY');
      lines.push(`#EXTINF:${seconds}.000,`, `seg${number % segments}.ts?n=${number}`);
    }
    return `${lines.join('\n')}\n`;
  }
}

const LAST_MODIFIED = 'Thu, 01 Jan 2026 00:00:00 GMT';

/** Starts a source of files and HLS. */
export function startFileSource(options: FileSourceOptions = {}): Promise<FileSource> {
  return FileSource.start(options);
}

/** The bytes of a finite fixture, to compare with those that a client got. */
export async function finiteBytes(name: FiniteName): Promise<Buffer> {
  return readFile(await finiteFile(name));
}

/** One range of RFC 9110, 14.1.2; undefined when there is none. */
function parseRange(
  header: string | undefined,
  size: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = header?.match(/^bytes=(\d*)-(\d*)$/);
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [from = '', to = ''] = match.slice(1);
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  return first >= size || first > last ? 'unsatisfiable' : { first, last };
}
