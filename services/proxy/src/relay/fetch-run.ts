/** Asks the worker that an HLS or DASH source belongs to for a playlist, or for media as it arrives. */

import type { IncomingMessage } from 'node:http';
import type { Owner, WorkerIdentity } from '../../../registry/types.ts';
import type { Timer } from '../../../shared/clock.ts';
import { SourceError } from '../errors.ts';
import { RELAY_SILENCE_MS } from '../timing.ts';
import type { Peer } from './peers.ts';
import { type FetchedHead, FrameReader, RELAY_VERSION, type RelayFrame, VERSION_HEADER } from './relay-frames.ts';
import { asHeader, CONNECT_MS, LATE_MS, type RelayOutcome } from './relay-run.ts';
import { relayedError } from './relayed-failure.ts';
import { systemWire, type Wire } from './wire.ts';

/** What is asked of a source, through the worker that it belongs to. */
export interface FetchAsk {
  /** `leave`: the worker that asks reads the source no more. */
  readonly kind: 'playlist' | 'media' | 'leave';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly range?: string | undefined;
  readonly variant?: string | undefined;
  /** Of a playlist that is a manifest of DASH. */
  readonly form?: 'dash' | undefined;
  /** Nothing kept can stand for it. */
  readonly fresh?: boolean | undefined;
}

export interface FetchRequest {
  /** The source's key in the registry. */
  readonly feed: string;
  readonly owner: Owner;
  /** Another worker to ask, when the owner cannot be reached. */
  readonly via: Peer | undefined;
  /** The worker that asks. */
  readonly me: WorkerIdentity;
  readonly secret: string;
  readonly ask: FetchAsk;
  readonly signal: AbortSignal;
  /** Unset: HTTP of this machine. */
  readonly wire?: Wire;
}

/** Bytes that one side reads in order. */
export interface FetchedBody {
  /** The next bytes; undefined at the end. @throws {SourceError} when they break off */
  read(): Promise<Buffer | undefined>;
  close(): void;
}

export interface Fetched {
  readonly kind: 'fetched';
  readonly head: FetchedHead;
  readonly body: FetchedBody;
}

type Why = Extract<RelayOutcome, { kind: 'lost' }>['why'];
/** The other worker is not to be asked any more. */
type Loss = Extract<RelayOutcome, { kind: 'lost' | 'moved' }>;

/** Bytes that may wait for their reader. Beyond that, the other worker's socket waits. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * @returns what the provider has answered, or how the other worker was lost before that was known
 * @throws {StreampoolError} the failure of the provider, as if it had happened here
 */
export async function fetchFromOwner(request: FetchRequest): Promise<Fetched | Loss> {
  const frames = new AnswerFrames(request);
  for (;;) {
    const frame = await frames.next();
    if (typeof frame === 'string') return { kind: 'lost', owner: request.owner, why: frame };
    if (frame.type === 'head') return { kind: 'fetched', head: frame.head, body: bodyOf(frames) };
    if (frame.type !== 'end') continue;
    frames.close();
    if (frame.end.kind === 'failed') throw relayedError(frame.end);
    return frame.end.kind === 'moved' ? frame.end : { kind: 'lost', owner: request.owner, why: 'not_there' };
  }
}

function bodyOf(frames: AnswerFrames): FetchedBody {
  return {
    read: async () => {
      for (;;) {
        const frame = await frames.next();
        if (typeof frame === 'string') {
          throw new SourceError('ended', 'The worker that asks the provider was lost in the middle of its answer.');
        }
        if (frame.type === 'data') return frame.bytes;
        if (frame.type !== 'end') continue;
        frames.close();
        if (frame.end.kind === 'failed') throw relayedError(frame.end);
        return undefined;
      }
    },
    close: () => frames.close(),
  };
}

/** The frames of one answer, as they are wanted. */
class AnswerFrames {
  readonly #wire: Wire;
  readonly #call: ReturnType<Wire['request']>;
  readonly #queue: RelayFrame[] = [];
  #queuedBytes = 0;
  #response: IncomingMessage | undefined;
  #lost: Why | undefined;
  #silence: Timer | undefined;
  #wake = (): void => undefined;

  constructor({ feed, owner, via, me, secret, ask, signal, wire = systemWire }: FetchRequest) {
    this.#wire = wire;
    const dialled = via ?? owner;
    const query = via === undefined ? '' : '?via=1';
    this.#call = wire.request(`http://${dialled.address}/feeds/${feed}/fetch${query}`, {
      method: 'POST',
      agent: false,
      headers: {
        Authorization: `Bearer ${secret}`,
        'Content-Type': 'application/json',
        'X-Worker': asHeader(me),
        'X-Incarnation': dialled.incarnation,
        [VERSION_HEADER]: String(RELAY_VERSION),
      },
      signal,
    });
    this.#expect(CONNECT_MS);
    this.#call.once('response', (answer) => this.#take(answer, dialled.incarnation));
    this.#call.once('error', (error: NodeJS.ErrnoException) =>
      this.#lose(error.code === 'ECONNREFUSED' ? 'refused' : 'closed'),
    );
    this.#call.end(JSON.stringify(ask));
  }

  /** The next frame, or why there is none. */
  async next(): Promise<RelayFrame | Why> {
    for (;;) {
      const frame = this.#queue.shift();
      if (frame !== undefined) {
        if (frame.type === 'data') this.#queuedBytes -= frame.bytes.length;
        if (this.#queuedBytes <= BUFFER_BYTES && this.#response?.isPaused() === true) {
          this.#expect(RELAY_SILENCE_MS);
          this.#response.resume();
        }
        return frame;
      }
      if (this.#lost !== undefined) return this.#lost;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#lose('closed');
  }

  #take(answer: IncomingMessage, incarnation: string): void {
    this.#response = answer;
    answer.on('error', () => this.#lose('closed'));
    answer.once('close', () => this.#lose('closed'));
    const answering = answer.headers['x-incarnation'];
    // A worker with another secret does not say who it is, and may be the one that was dialled.
    if (answering !== undefined && answering !== incarnation) this.#lose('other_incarnation');
    else if (answer.statusCode !== 200) this.#lose('not_there');
    const frames = new FrameReader();
    answer.on('data', (chunk: Buffer) => {
      this.#expect(RELAY_SILENCE_MS);
      try {
        frames.push(chunk, (frame) => this.#push(frame));
      } catch {
        this.#lose('closed');
      }
    });
  }

  #push(frame: RelayFrame): void {
    if (frame.type === 'data') this.#queuedBytes += frame.bytes.length;
    this.#queue.push(frame);
    this.#wake();
    if (this.#queuedBytes <= BUFFER_BYTES) return;
    // It is this worker that lets the other one wait.
    this.#wire.clock.clearTimeout(this.#silence);
    this.#response?.pause();
  }

  #expect(withinMs: number): void {
    const { clock } = this.#wire;
    clock.clearTimeout(this.#silence);
    if (this.#lost !== undefined) return;
    const dueMs = clock.monotonicMs() + withinMs;
    this.#silence = clock.setTimeout(() => {
      // This worker stood still: it first reads what has come meanwhile.
      if (clock.monotonicMs() - dueMs > LATE_MS) this.#expect(withinMs);
      else this.#lose('silent');
    }, withinMs);
  }

  /** What has come can still be read. */
  #lose(why: Why): void {
    if (this.#lost !== undefined) return;
    this.#lost = why;
    this.#wire.clock.clearTimeout(this.#silence);
    this.#call.destroy();
    this.#wake();
  }
}
