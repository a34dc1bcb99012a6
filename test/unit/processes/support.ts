/** Runs that do what a test says, and what a process feed needs around them. */

import { Readable } from 'node:stream';
import { type Deferred, deferred } from '../../../services/proxy/src/async.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import type { Feed } from '../../../services/proxy/src/feed/feed.ts';
import type { FeedOutput } from '../../../services/proxy/src/feed/feed-output.ts';
import type { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import type { FfmpegExit } from '../../../services/proxy/src/ffmpeg/process/exit.ts';
import { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import type { KnownPlace } from '../../../services/proxy/src/ownership/known-place.ts';
import { Lease } from '../../../services/proxy/src/ownership/lease.ts';
import { SilentWorkers } from '../../../services/proxy/src/ownership/silent-workers.ts';
import type { Run, RunEnd, RunRequest } from '../../../services/proxy/src/processes/run.ts';
import { systemWire } from '../../../services/proxy/src/relay/wire.ts';
import type { SourceFeed } from '../../../services/proxy/src/sources/source-feed.ts';
import type { Registry } from '../../../services/registry/registry.ts';
import { createLogger } from '../../../services/shared/log.ts';

export const ME = { workerId: 'w', incarnation: 'i', address: '127.0.0.1:1', zone: undefined };
export const LOG = createLogger('fatal');
/** A provider that allows no further connection. */
export const AT_LIMIT = new SourceError('http_status', 'The provider answered 458.', { upstreamStatus: 458 });

const KILLED: FfmpegExit = { code: null, signal: 'SIGKILL', reason: 'killed', detail: '' };

export function exitOf(reason: FfmpegExit['reason']): FfmpegExit {
  return { code: 1, signal: null, reason, detail: `FFmpeg says ${reason}` };
}

/** What a feed and a succession see of the source of a run. */
export type FakeSource = Pick<SourceFeed, 'account' | 'address' | 'index' | 'trouble' | 'lost' | 'arrivals'> & {
  readonly feed: { readerCount: number };
  readonly place: { readonly feed: string };
  readonly history: { readonly current: { readonly timeline: string } };
  /** Undefined: as if FFmpeg had opened it itself. */
  readonly marks?: MarkLog;
  holdRetries(): () => void;
};

export class FakeRun implements Run {
  readonly name: string;
  /** It passes on what it is given piece by piece. */
  readonly output = new Readable({ objectMode: true, read: () => undefined });
  readonly source: SourceFeed | undefined;
  readonly pid = 1;
  duration: Promise<number | undefined> = Promise.resolve(undefined);
  readonly #events: string[];
  readonly #ended = deferred<RunEnd>();
  #isKilled = false;

  /** @param events gets a line for what is done to the run */
  constructor(name: string, events: string[] = [], source?: FakeSource) {
    this.name = name;
    this.#events = events;
    this.source = source as unknown as SourceFeed | undefined;
  }

  get ended(): Promise<RunEnd> {
    return this.#ended.promise;
  }

  /** Each text is one second of media. */
  send(...texts: string[]): this {
    for (const text of texts) this.output.push(Buffer.from(text));
    return this;
  }

  /** No more output comes. FFmpeg is still there. */
  closeOutput(): void {
    if (!this.output.readableEnded && !this.output.destroyed) this.output.push(null);
  }

  end(end: Partial<RunEnd>): void {
    this.closeOutput();
    this.#ended.resolve({ exit: undefined, sourceError: undefined, orderly: false, ...end });
  }

  kill(): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    this.#events.push(`${this.name} killed`);
    this.end({ exit: KILLED });
  }

  release(): void {
    this.#events.push(`${this.name} released`);
  }
}

/** A run that somebody has asked for. The test opens it or lets it fail. */
export interface Opening extends Deferred<Run> {
  readonly request: RunRequest;
}

/** Puts what runs send into the ring as it is. */
export function plainOutput({ ring }: Feed, continuable: boolean): FeedOutput {
  return {
    continuable,
    resumePoint: { videoPts: undefined, audioPts: undefined },
    lastDts: undefined,
    shift: undefined,
    lastVideoMs: undefined,
    lastAudioMs: undefined,
    breaks: undefined,
    goOn: () => undefined,
    begin: () => undefined,
    push: (chunk) => {
      ring.mark(Buffer.alloc(0), ring.headMs + 1_000);
      ring.append(chunk, 0, chunk.length);
    },
    flush: () => undefined,
    end: () => undefined,
  };
}

/** All media of a feed. */
export function textOf({ ring }: Feed): string {
  return ring.view(0, ring.head, ring.head)?.toString() ?? '';
}

/** A place in a cluster in which no other worker answers. */
export function placeOf(feed: string, first: KnownPlace, registry: Registry): FeedPlace {
  return new FeedPlace(feed, first, {
    me: ME,
    registry,
    lease: new Lease(),
    leaseMs: 5_000,
    secret: () => 's',
    silentWorkers: new SilentWorkers(),
    wire: systemWire,
    isFull: () => false,
    log: LOG,
  });
}
