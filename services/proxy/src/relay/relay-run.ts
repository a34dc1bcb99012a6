/** One connection to the worker that has a feed: its hello, its media, and how it ended. */

import type { IncomingMessage } from 'node:http';
import type { Owner, WorkerIdentity } from '../../../registry/types.ts';
import type { Timer } from '../../../shared/clock.ts';
import { deferred } from '../async.ts';
import type { OwnerHistory, SourceClock } from '../feed/feed-history.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import { RELAY_SILENCE_MS } from '../timing.ts';
import { HeardClock } from './clock-frames.ts';
import { HeardMarks, type RelayedMarks } from './mark-frames.ts';
import { MediaQueue, type RelayItem } from './media-queue.ts';
import type { Peer } from './peers.ts';
import {
  FrameReader,
  RELAY_VERSION,
  type RelayEnd,
  type RelayFrame,
  type RelayHello,
  VERSION_HEADER,
} from './relay-frames.ts';
import { systemWire, type Wire } from './wire.ts';

export interface RelayRequest {
  /** The feed's key in the registry. */
  readonly feed: string;
  readonly owner: Owner;
  /** Another worker to fetch it through, when the owner cannot be reached. */
  readonly via: Peer | undefined;
  /** The worker that asks. */
  readonly me: WorkerIdentity;
  readonly secret: string;
  /** Where this worker's copy of the feed ends, in 33-bit ticks on the owner's timeline. */
  readonly afterTicks: number | undefined;
  /** The timeline that this is on, if it is known. On another one it means nothing. */
  readonly onTimeline?: string | undefined;
  /** Called when the feed that is passed on has got another owner, and the relay goes on. */
  readonly onLineage: (lineage: OwnerHistory) => void;
  /** Called with what the owner says of its segments. Unset: the feed has none. */
  readonly onWindow?: ((news: SegmentNews) => void) | undefined;
  readonly signal: AbortSignal;
  /** Unset: HTTP of this machine. */
  readonly wire?: Wire;
}

/** How a relay ended: with the owner's end record, or without one. */
export type RelayOutcome =
  | RelayEnd
  /** The connection broke or was refused, or another incarnation answered; `silent`: nothing came for too long. */
  | { kind: 'lost'; owner: Owner; why: 'closed' | 'refused' | 'silent' | 'other_incarnation' | 'not_there' };

export interface RelayRun {
  /** Undefined when the relay ended before the hello. */
  readonly hello: Promise<RelayHello | undefined>;
  readonly output: AsyncIterable<RelayItem>;
  /** The newest source clock from the owner; undefined: the owner does not know it. */
  readonly sourceClock: SourceClock | undefined;
  /** What it has said of its marks so far. It grows. */
  readonly marks: RelayedMarks;
  readonly ended: Promise<RelayOutcome>;
}

export const CONNECT_MS = 2_000;
/** A timer that fires this late means that this worker stood still. Then it first reads what came meanwhile. */
export const LATE_MS = 500;
/** Media that may wait for the splicer. Beyond that, the owner's socket waits. */
const BUFFER_BYTES = 1024 * 1024;

/** Dials the owner. Never throws: an error becomes the outcome of the run. */
export function startRelayRun(request: RelayRequest): RelayRun {
  const { owner, via, feed, me, secret, afterTicks, onTimeline, onLineage, signal } = request;
  const { onWindow = () => undefined, wire = systemWire } = request;
  const { clock } = wire;
  const dialled = via ?? owner;
  const ended = deferred<RelayOutcome>();
  const hello = deferred<RelayHello | undefined>();
  const sourceClock = new HeardClock();
  const marks = new HeardMarks();
  let response: IncomingMessage | undefined;
  const output = new MediaQueue({
    maxBytes: BUFFER_BYTES,
    pause: () => void response?.pause(),
    resume: () => void response?.resume(),
  });
  let settled = false;
  /** The hello has come. */
  let isKnown = false;
  const settle = (outcome: RelayOutcome) => {
    if (settled) return;
    settled = true;
    clock.clearTimeout(silence);
    call.destroy();
    output.end();
    hello.resolve(undefined);
    ended.resolve(outcome);
  };
  const lost = (why: Extract<RelayOutcome, { kind: 'lost' }>['why']) => settle({ kind: 'lost', owner, why });

  const query = new URLSearchParams();
  if (afterTicks !== undefined) query.set('after', String(Math.round(afterTicks)));
  if (onTimeline !== undefined) query.set('timeline', onTimeline);
  if (via !== undefined) query.set('via', '1');
  const call = wire.request(`http://${dialled.address}/feeds/${feed}?${query}`, {
    agent: false,
    headers: {
      Authorization: `Bearer ${secret}`,
      'X-Worker': asHeader(me),
      'X-Incarnation': dialled.incarnation,
      [VERSION_HEADER]: String(RELAY_VERSION),
    },
    signal,
  });
  let silence: Timer | undefined;
  const expect = (withinMs: number) => {
    clock.clearTimeout(silence);
    const dueMs = clock.monotonicMs() + withinMs;
    silence = clock.setTimeout(() => {
      if (clock.monotonicMs() - dueMs > LATE_MS) expect(withinMs);
      else lost('silent');
    }, withinMs);
  };
  expect(CONNECT_MS);
  const frames = new FrameReader();
  const onFrame = (frame: RelayFrame) => {
    if (settled) return;
    if (frame.type === 'hello') {
      if (frame.hello.marks !== undefined) marks.take(frame.hello.marks);
      if (frame.hello.incarnation !== owner.incarnation) lost('other_incarnation');
      else if (isKnown) void hello.promise.then(() => onLineage(frame.hello.lineage));
      else hello.resolve(frame.hello);
      isKnown = true;
    } else if (frame.type === 'end') settle(frame.end);
    else if (frame.type === 'clock') sourceClock.take(frame.clock, clock.monotonicMs());
    else if (frame.type === 'segments') marks.take(frame.segments);
    else if (frame.type === 'window') onWindow(frame.window);
    // Without a valid hello, nobody knows what the media belongs to.
    else if (frame.type === 'data' && !isKnown) lost('closed');
    else if (frame.type === 'data') {
      output.push(frame.bytes);
      if (frame.whole) output.push('whole');
    }
  };
  call.once('response', (answer) => {
    response = answer;
    const answering = answer.headers['x-incarnation'];
    // A worker with another secret does not say who it is, and may be the one that was dialled.
    if (answering !== undefined && answering !== dialled.incarnation) lost('other_incarnation');
    else if (answer.statusCode !== 200) lost('not_there');
    answer.on('data', (chunk: Buffer) => {
      expect(RELAY_SILENCE_MS);
      try {
        frames.push(chunk, onFrame);
      } catch {
        // The following bytes cannot be told from media; another connection starts afresh.
        lost('closed');
      }
    });
    answer.once('close', () => lost('closed'));
    answer.on('error', () => lost('closed'));
  });
  call.once('error', (error: NodeJS.ErrnoException) => lost(error.code === 'ECONNREFUSED' ? 'refused' : 'closed'));
  call.end();
  return {
    hello: hello.promise,
    output,
    marks,
    get sourceClock() {
      return sourceClock.current;
    },
    ended: ended.promise,
  };
}

/** JSON in characters that a header may hold; a worker's name may have others. */
export function asHeader(value: unknown): string {
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value).replace(/[^ -~]/g, escaped);
}
