/** The child process that is a crowd of HLS viewers: each has one connection, reads its playlist once a segment, and throws segments away. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../numbers.ts';
import { answerCalls } from '../remote.ts';

export interface HlsCrowdOrder {
  /** Entries; viewers take them in turn. */
  readonly urls: readonly string[];
  readonly count: number;
  /** Between two looks into the playlist; `parts`: viewers wait for each part, and get it. */
  readonly periodMs: number | 'parts';
  /** Get the newest segment at each look, whether they have it or not. */
  readonly again?: boolean;
}

/** What the crowd saw since it was marked. */
export interface HlsCrowdReport {
  readonly seconds: number;
  readonly bytes: number;
  readonly segments: number;
  /** Answers that were no 200, and connections that were lost. */
  readonly failures: number;
  /** 95th percentile of the time from the request of a segment to its last byte. */
  readonly segmentMs: number;
  /** From the time that the playlist gives to the end of a part to its coming, ms: of the earliest one. */
  readonly earliestPartMs: number;
  /** How much later than that others came, 95th percentile, ms. */
  readonly partLateMs: number;
  /** From the time at which the first viewer has a whole part to that at which another one has it, 95th percentile, ms. */
  readonly partSpreadMs: number;
}

/** One buffer for all: nobody looks at segments. */
const SCRATCH = Buffer.allocUnsafeSlow(256 * 1024);
const OPENED_PER_SECOND = 250;
/** From then on each viewer must have a segment within this. */
const FIRST_SEGMENT_MS = 30_000;

const NONE = () => ({
  ...{ bytes: 0, segments: 0, failures: 0, segmentMs: [] as number[], partLateMs: [] as number[] },
  ...{ partSpreadMs: [] as number[], firstMs: new Map<string, number>() },
});
const seen = NONE();
let again = false;
let markedMs = 0;
let viewers: Viewer[] = [];

interface Wanted {
  readonly keeps: boolean;
  readonly resolve: (body: string | undefined) => void;
}

class Viewer {
  readonly #socket: Socket;
  readonly #host: string;
  #wanted: Wanted | undefined;
  #head = '';
  #body: Buffer[] = [];
  #status = 0;
  /** Bytes of the body that have not come; undefined while the head is read. */
  #left: number | undefined;
  #newest = '';
  #isClosed = false;

  constructor({ hostname, port, host }: URL) {
    this.#host = host;
    const onread = {
      buffer: SCRATCH,
      callback: (length: number) => {
        this.#read(length);
        return true;
      },
    };
    this.#socket = connect({ host: hostname, port: Number(port), onread });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      if (!this.#isClosed) seen.failures++;
      this.#isClosed = true;
      this.#wanted?.resolve(undefined);
    });
  }

  /** Watches until it is closed. */
  async watch(entry: URL, periodMs: number | 'parts'): Promise<void> {
    const variant = lastUri(await this.#get(entry.pathname + entry.search, true));
    if (variant === undefined) return;
    const playlist = new URL(variant, entry);
    await this.#look(playlist);
    if (periodMs === 'parts') return this.#watchParts(playlist);
    let dueMs = performance.now() + Math.random() * periodMs;
    while (!this.#isClosed) {
      await sleep(Math.max(0, dueMs - performance.now()));
      dueMs += periodMs;
      await this.#look(playlist);
    }
  }

  async #watchParts(playlist: URL): Promise<void> {
    let text = await this.#get(playlist.pathname + playlist.search, true);
    while (!this.#isClosed && text !== undefined) {
      const [, uri = '', n, p] = HINT.exec(text) ?? [];
      text = await this.#get(`${playlist.pathname}${playlist.search}&_HLS_msn=${n}&_HLS_part=${p}`, true);
      const ended = text === undefined ? undefined : endOf(uri, text);
      if (ended !== undefined) seen.partLateMs.push(Date.now() - ended);
      const { pathname, search } = new URL(uri, playlist);
      await this.#get(pathname + search, false);
      seen.segments++;
      if (!this.#isClosed) seen.partSpreadMs.push(sinceFirst(uri));
    }
  }

  async #look(playlist: URL): Promise<void> {
    const newest = lastUri(await this.#get(playlist.pathname + playlist.search, true));
    if (newest === undefined || (newest === this.#newest && !again)) return;
    this.#newest = newest;
    const { pathname, search } = new URL(newest, playlist);
    const sinceMs = performance.now();
    await this.#get(pathname + search, false);
    seen.segments++;
    seen.segmentMs.push(performance.now() - sinceMs);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  /** @returns the body, if it is kept; undefined when there is none */
  #get(path: string, keeps: boolean): Promise<string | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#wanted = { keeps, resolve };
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nUser-Agent: bench\r\n\r\n`);
    });
  }

  #read(length: number): void {
    let at = 0;
    if (this.#left === undefined) {
      const before = this.#head.length;
      this.#head += SCRATCH.toString('latin1', 0, length);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) return;
      at = end + 4 - before;
      this.#status = Number(this.#head.slice(9, 12));
      this.#left = Number(/\r\ncontent-length: *(\d+)/i.exec(this.#head)?.[1] ?? 0);
      this.#head = '';
    }
    const body = length - at;
    seen.bytes += body;
    this.#left -= body;
    if (this.#wanted?.keeps === true && body > 0) this.#body.push(Buffer.from(SCRATCH.subarray(at, length)));
    if (this.#left <= 0) this.#answered();
  }

  #answered(): void {
    const wanted = this.#wanted;
    const body = this.#body.length === 0 ? '' : Buffer.concat(this.#body).toString();
    this.#body = [];
    this.#left = undefined;
    this.#wanted = undefined;
    if (this.#status !== 200) seen.failures++;
    wanted?.resolve(this.#status === 200 ? body : undefined);
  }
}

/** The part that comes next: its address, the number of its segment, and its own. */
const HINT = /#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]*[?&]n=(\d+)&p=(\d+))"/;

/** When a part ends by the times of its playlist, ms since 1970; undefined when it is not listed. */
function endOf(uri: string, text: string): number | undefined {
  const at = text.indexOf(`URI="${uri}"`);
  const date = text.lastIndexOf('#EXT-X-PROGRAM-DATE-TIME:', at);
  if (at < 0 || date < 0) return undefined;
  const parts = text.slice(date, at).matchAll(/#EXT-X-PART:DURATION=([\d.]+)/g);
  const seconds = [...parts].reduce((sum, [, duration]) => sum + Number(duration), 0);
  return Date.parse(/:(\S+)/.exec(text.slice(date))?.[1] ?? '') + seconds * 1000;
}

/** @returns ms since this was called with the same address for the first time */
function sinceFirst(uri: string): number {
  const nowMs = performance.now();
  const firstMs = seen.firstMs.get(uri) ?? nowMs;
  seen.firstMs.set(uri, firstMs);
  return nowMs - firstMs;
}

/** The last line that is an address: the newest segment, or the only variant. */
function lastUri(text: string | undefined): string | undefined {
  return text?.split('\n').findLast((line) => line !== '' && !line.startsWith('#'));
}

async function open({ urls, count, periodMs, again: asked = false }: HlsCrowdOrder): Promise<void> {
  again = asked;
  const before = seen.segments;
  for (let n = 0; n < count; n++) {
    const entry = new URL(urls[n % urls.length] ?? '');
    const viewer = new Viewer(entry);
    viewers.push(viewer);
    void viewer.watch(entry, periodMs);
    if (n % 10 === 9) await sleep((10 * 1000) / OPENED_PER_SECOND);
  }
  const untilMs = performance.now() + FIRST_SEGMENT_MS;
  while (seen.segments - before < count) {
    if (seen.failures > 0) throw new Error(`${seen.failures} requests of ${count} viewers have failed`);
    if (performance.now() > untilMs) throw new Error(`of ${count} viewers, ${seen.segments - before} got a segment`);
    await sleep(20);
  }
}

function mark(): void {
  Object.assign(seen, NONE());
  markedMs = performance.now();
}

function report(): HlsCrowdReport {
  const { bytes, segments, failures } = seen;
  const seconds = (performance.now() - markedMs) / 1000;
  const segmentMs = percentile(seen.segmentMs, 0.95);
  const earliestPartMs = percentile(seen.partLateMs, 0);
  const partLateMs = percentile(seen.partLateMs, 0.95) - earliestPartMs;
  const partSpreadMs = percentile(seen.partSpreadMs, 0.95);
  return { seconds, bytes, segments, failures, segmentMs, earliestPartMs, partLateMs, partSpreadMs };
}

function close(): void {
  for (const viewer of viewers) viewer.close();
  viewers = [];
}

/** How many segments there have been since the mark. */
function count(): number {
  return seen.segments;
}

answerCalls({ open, mark, report, close, count });
