/** A plain HTTP client that keeps what it gets with arrival times, for the judge; many of them cost little. */
import { type ClientRequest, get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { Arrival, TimedBytes } from './judge/verdict.ts';

export interface RecordOptions {
  headers?: Record<string, string>;
  /** Stop this long after the request. */
  seconds?: number;
  /** Stop when this much has come. */
  untilBytes?: number;
  signal?: AbortSignal;
  /** Read no faster than this many bytes a second. The kernel still takes some megabytes ahead. */
  readRate?: number;
  /** Stop reading `atSeconds` after the request, go on `forSeconds` later (default: never). */
  pauseAt?: { atSeconds: number; forSeconds?: number };
  /** Keep the bytes (default) or only count them. */
  keep?: boolean;
}

/** 'limit': the recorder had enough; 'end': the response was complete; 'error': it broke off, or never came. */
export type RecordingEnd = 'limit' | 'end' | 'error';

export interface Recording extends TimedBytes {
  url: string;
  /** 0 when no response came. */
  status: number;
  headers: IncomingHttpHeaders;
  /** Milliseconds since the Unix epoch. */
  startedAt: number;
  /** All times in ms after the request. */
  headersMs: number | undefined;
  firstByteMs: number | undefined;
  endedMs: number;
  endedBy: RecordingEnd;
  error: string | undefined;
  byteCount: number;
}

/** A recording that goes on. */
export interface RecordingHandle {
  readonly done: Promise<Recording>;
  readonly byteCount: number;
  readonly ended: boolean;
  stop(): Promise<Recording>;
  pause(): void;
  resume(): void;
  /** What is there so far, without stopping. */
  snapshot(): Recording;
}

/** Records until the first limit, or until the response ends; a failed request is a recording too, with `endedBy: 'error'`. */
export function record(url: string, options: RecordOptions = {}): Promise<Recording> {
  return startRecording(url, options).done;
}

/** `count` clients of one URL at the same moment. */
export function recordMany(count: number, url: string, options: RecordOptions = {}): Promise<Recording[]> {
  return Promise.all(Array.from({ length: count }, () => record(url, options)));
}

/** Starts a recording and leaves it running. */
export function startRecording(url: string, options: RecordOptions = {}): RecordingHandle {
  return new Recorder(url, options);
}

const RATE_TICK_MS = 20;

class Recorder implements RecordingHandle {
  readonly done: Promise<Recording>;
  byteCount = 0;
  ended = false;
  readonly #url: string;
  readonly #options: RecordOptions;
  readonly #startedAt = Date.now();
  readonly #startMs = performance.now();
  readonly #chunks: Buffer[] = [];
  readonly #arrivals: Arrival[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #request: ClientRequest;
  #response: IncomingMessage | undefined;
  #headersMs: number | undefined;
  #endedMs: number | undefined;
  #endedBy: RecordingEnd = 'limit';
  #error: string | undefined;
  #paused = false;
  #allowance = Number.POSITIVE_INFINITY;
  #resolve: (recording: Recording) => void = () => undefined;

  constructor(url: string, options: RecordOptions) {
    this.#url = url;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    const { headers, seconds, pauseAt, signal } = options;
    this.#request = get(url, { headers, agent: false }, (response) => this.#answered(response));
    this.#request.on('error', (error) => this.#end('error', error.message));
    if (seconds !== undefined) this.#after(seconds, () => this.#end('limit'));
    if (pauseAt !== undefined) {
      this.#after(pauseAt.atSeconds, () => this.pause());
      if (pauseAt.forSeconds !== undefined) this.#after(pauseAt.atSeconds + pauseAt.forSeconds, () => this.resume());
    }
    signal?.addEventListener('abort', () => this.#end('limit'), { once: true });
  }

  stop(): Promise<Recording> {
    this.#end('limit');
    return this.done;
  }

  pause(): void {
    this.#paused = true;
    this.#flow();
  }

  resume(): void {
    this.#paused = false;
    this.#flow();
  }

  snapshot(): Recording {
    const chunks = this.#chunks.slice();
    let bytes: Buffer | undefined;
    return {
      url: this.#url,
      status: this.#response?.statusCode ?? 0,
      headers: this.#response?.headers ?? {},
      startedAt: this.#startedAt,
      headersMs: this.#headersMs,
      firstByteMs: this.#arrivals[0]?.atMs,
      endedMs: this.#endedMs ?? this.#now(),
      endedBy: this.#endedBy,
      error: this.#error,
      byteCount: this.byteCount,
      // Put together when it is wanted: megabytes for each of many recordings that end at once would hold up the others.
      get bytes() {
        bytes ??= Buffer.concat(chunks.splice(0));
        return bytes;
      },
      arrivals: this.#arrivals.slice(),
    };
  }

  #answered(response: IncomingMessage): void {
    this.#response = response;
    this.#headersMs = this.#now();
    response.on('data', (chunk: Buffer) => this.#take(chunk));
    response.once('end', () => this.#end('end'));
    response.once('error', (error) => this.#end('error', error.message));
    response.once('close', () => this.#end('error', 'closed before its end'));
    const { readRate } = this.#options;
    if (readRate !== undefined) {
      this.#allowance = 0;
      this.#timers.push(setInterval(() => this.#allow((readRate * RATE_TICK_MS) / 1000), RATE_TICK_MS));
    }
    this.#flow();
  }

  #take(chunk: Buffer): void {
    this.byteCount += chunk.length;
    if (this.#options.keep !== false) this.#chunks.push(chunk);
    this.#arrivals.push({ atMs: this.#now(), endOffset: this.byteCount });
    this.#allowance -= chunk.length;
    if (this.byteCount >= (this.#options.untilBytes ?? Number.POSITIVE_INFINITY)) this.#end('limit');
    else if (this.#allowance <= 0) this.#flow();
  }

  #allow(bytes: number): void {
    // No credit is saved up beyond one tick.
    this.#allowance = Math.min(this.#allowance + bytes, bytes);
    this.#flow();
  }

  #flow(): void {
    if (this.#paused || this.#allowance <= 0) this.#response?.pause();
    else this.#response?.resume();
  }

  #after(seconds: number, run: () => void): void {
    this.#timers.push(setTimeout(run, seconds * 1000));
  }

  #now(): number {
    return performance.now() - this.#startMs;
  }

  #end(by: RecordingEnd, error?: string): void {
    if (this.ended) return;
    this.ended = true;
    this.#endedMs = this.#now();
    this.#endedBy = by;
    this.#error = error;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#request.destroy();
    this.#resolve(this.snapshot());
  }
}
