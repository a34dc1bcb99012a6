/** A provider of HLS in the forms that providers use, for tests. It counts requests and open connections, and fails on demand. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { cached, finiteFile } from './fixtures.ts';

/** FFmpeg reads from a file which key it encrypts with; the same file for every test, so that the fixture is made once. */
const KEY_INFO = join(tmpdir(), 'streampool-hls-key-info');
const KEY = '0123456789abcdef';
const KEY_URI = 'the.key?sig=a%2Bb';

/** Each is a folder with `index.m3u8`, ended, of 8 s. */
const FORMS = {
  ts: [],
  aes: ['-hls_key_info_file', KEY_INFO],
  fmp4: ['-hls_segment_type', 'fmp4'],
  ranges: ['-hls_flags', 'single_file'],
  /** Only keyframes, as ranges of whole segments. */
  iframes: ['-hls_flags', 'single_file+iframes_only'],
  'fmp4-ranges': ['-hls_segment_type', 'fmp4', '-hls_flags', 'single_file'],
} as const satisfies Record<string, readonly string[]>;

export type HlsForm = keyof typeof FORMS;
export const HLS_FORMS = Object.keys(FORMS) as HlsForm[];
export const FORM_SECONDS = 8;

/** The folder of a form; made once. */
export async function hlsForm(form: HlsForm): Promise<string> {
  const movie = await finiteFile('movie.ts');
  const isFmp4 = form.startsWith('fmp4');
  if (form === 'aes') {
    await put(`${KEY_INFO}.key`, KEY);
    await put(KEY_INFO, `${KEY_URI}\n${KEY_INFO}.key\n000102030405060708090a0b0c0d0e0f\n`);
  }
  return cached(
    `hls-${form}`,
    (to) => [
      ...['-i', movie, '-t', String(FORM_SECONDS), '-map', '0', '-c', 'copy', '-f', 'hls'],
      ...(isFmp4 ? ['-bsf:a', 'aac_adtstoasc'] : []),
      ...['-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_list_size', '0', ...FORMS[form]],
      ...(FORMS[form].some((arg) => arg.includes('single_file'))
        ? []
        : ['-hls_segment_filename', join(to, isFmp4 ? 'seg%d.m4s' : 'seg%d.ts')]),
      join(to, 'index.m3u8'),
    ],
    true,
  );
}

/** Picture and sound in playlists of their own. */
export async function hlsRenditions(): Promise<string> {
  const movie = await finiteFile('movie.ts');
  return cached(
    'hls-renditions',
    (to) => [
      ...['-i', movie, '-t', String(FORM_SECONDS), '-map', '0:v', '-map', '0:a', '-c', 'copy', '-f', 'hls'],
      ...['-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_list_size', '0'],
      ...['-var_stream_map', 'a:0,agroup:a,name:sound v:0,agroup:a,name:picture', '-master_pl_name', 'index.m3u8'],
      ...['-hls_segment_filename', join(to, '%v_%d.ts'), join(to, '%v.m3u8')],
    ],
    true,
  );
}

/** All of them, before a worker asks for one: it waits for a provider no longer than it waits for a real one. */
export async function makeHlsForms(): Promise<void> {
  for (const form of HLS_FORMS) await hlsForm(form);
  await hlsRenditions();
}

export interface HlsAsked {
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingMessage['headers'];
  readonly atMs: number;
}

/** What a test answers in place of the files; undefined: it leaves the request to them. */
export type HlsAnswer = (asked: HlsAsked, response: ServerResponse) => boolean | Promise<boolean>;

export class HlsProvider {
  readonly asked: HlsAsked[] = [];
  /** Most connections that were open at the same time. */
  mostOpen = 0;
  readonly #server: Server;
  #open = 0;
  #answer: HlsAnswer = () => false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.#open);
      socket.once('close', () => {
        this.#open -= 1;
      });
    });
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(answer?: HlsAnswer): Promise<HlsProvider> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const provider = new HlsProvider(server);
    if (answer !== undefined) provider.answers(answer);
    return provider;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get open(): number {
    return this.#open;
  }

  answers(answer: HlsAnswer): void {
    this.#answer = answer;
  }

  /** How often a path was asked for. */
  count(path: string | RegExp): number {
    return this.asked.filter((each) => (typeof path === 'string' ? each.path === path : path.test(each.path))).length;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, search: query } = new URL(request.url ?? '/', this.origin);
    const asked = { path, query, headers: request.headers, atMs: performance.now() };
    this.asked.push(asked);
    if (await this.#answer(asked, response)) return;
    if (path === '/aes/the.key') {
      response.end(query === '?sig=a%2Bb' ? KEY : 'another key 1234');
      return;
    }
    const [, folder = '', ...rest] = path.split('/');
    const directory =
      folder === 'renditions' ? await hlsRenditions() : folder in FORMS ? await hlsForm(folder as HlsForm) : undefined;
    const file = directory === undefined ? '' : normalize(join(directory, ...rest));
    const isThere = directory !== undefined && file.startsWith(directory) && (await isFile(file));
    if (!isThere) {
      response.writeHead(404).end('no such file');
      return;
    }
    const bytes = await readFile(file);
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined) {
      response.writeHead(200, { 'content-length': bytes.length, 'accept-ranges': 'bytes', etag: '"1"' }).end(bytes);
      return;
    }
    const last = Math.min(to === '' ? bytes.length - 1 : Number(to), bytes.length - 1);
    const range = {
      'content-range': `bytes ${from}-${last}/${bytes.length}`,
      'content-length': last - Number(from) + 1,
    };
    response.writeHead(206, range).end(bytes.subarray(Number(from), last + 1));
  }
}

/** Another test may be reading the same file, so it is whole at any time. */
async function put(path: string, content: string): Promise<void> {
  const written = `${path}-${randomUUID()}`;
  await writeFile(written, content);
  await rename(written, path);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
