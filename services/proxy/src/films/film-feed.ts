/**
 * A film: what one HLS viewer gets of a source with an end. One FFmpeg makes it, from the beginning to the end, and no faster than the
 * viewer asks for it. Nobody can take that over, so it ends with its worker.
 */

import type { StreamRecord } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { deferred } from '../async.ts';
import { SourceError } from '../errors.ts';
import { Feed, type FeedEnd } from '../feed/feed.ts';
import { type FeedOutput, tsOutput } from '../feed/feed-output.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import { playlistWindow } from '../feed/hls/window.ts';
import { LocalMarks } from '../feed/marks/local-marks.ts';
import type { RingLimits } from '../feed/ring.ts';
import { TICKS_PER_MS } from '../mpegts/syntax/timestamp.ts';
import { ContainerChoice, saidContainer } from '../segments/container-choice.ts';
import type { HlsStatus } from '../segments/feed-hls.ts';
import type { SegmentSettings } from '../segments/feed-segments.ts';
import { FilmSegments } from './film-segments.ts';
import type { FiniteProcess } from './finite-process.ts';

export interface FilmFeedDeps {
  readonly stream: StreamRecord;
  /** Starts FFmpeg; resolves when it has output. */
  readonly start: (signal: AbortSignal) => Promise<FiniteProcess>;
  /** What all workers have agreed on about the stream under a name: what was offered first. */
  readonly agree: (name: string, offered: string) => Promise<string | undefined>;
  readonly ringLimits: () => RingLimits;
  readonly segments: SegmentSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A film has one clock. */
const TIMELINE = 'film';

export class FilmFeed {
  readonly feed: Feed;
  readonly #deps: FilmFeedDeps;
  readonly #marks: LocalMarks;
  readonly #output: FeedOutput;
  readonly #choice: ContainerChoice;
  readonly #made = new Map<Container, FilmSegments>();
  readonly #over = new AbortController();
  readonly #done: Promise<void>;
  #process: FiniteProcess | undefined;
  /** Number of the newest segment that the viewer has asked for. */
  #fetched: number | undefined;
  /** Resolves when more may be read. */
  #room = deferred<void>();

  constructor(deps: FilmFeedDeps) {
    const { stream, clock, segments } = deps;
    this.#deps = deps;
    this.feed = new Feed(this.#ringLimits(), false, clock);
    this.#marks = new LocalMarks(segments.segmentMs * TICKS_PER_MS);
    this.#marks.begin();
    this.#output = tsOutput(this.feed, true, this.#marks);
    this.#choice = new ContainerChoice({
      ...{ feed: this.feed, said: saidContainer(stream.profile?.args ?? []), agree: deps.agree },
      ...{ waitMs: segments.waitMs, clock },
    });
    this.#done = this.#play();
  }

  /** Process id of its FFmpeg. */
  get pid(): number | undefined {
    return this.feed.end === undefined ? this.#process?.pid : undefined;
  }

  /** It has failed before a viewer got anything of it, or was ended. */
  get isLost(): boolean {
    const { end } = this.feed;
    return (
      this.#over.signal.aborted || (end?.kind === 'failed' && this.#all.every(({ newest }) => newest === undefined))
    );
  }

  get heldBytes(): number {
    return this.feed.ring.heldBytes + this.#segmentBytes;
  }

  /** How many requests wait for what comes next. */
  get waiting(): number {
    return this.#all.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** For `/stats`; undefined while nobody wants segments. */
  get status(): HlsStatus | undefined {
    const all = this.#all;
    if (all.length === 0) return undefined;
    const heads = all.flatMap(({ status }) => status.head ?? []);
    return {
      head: heads.length === 0 ? undefined : Math.max(...heads),
      segments: Math.max(...all.map(({ status }) => status.segments)),
      containers: all.map(({ container }) => container),
    };
  }

  /** Its segments in a container. They are cut from now on. */
  segments(container: Container): FilmSegments {
    const known = this.#made.get(container);
    if (known !== undefined) return known;
    const { segments: settings, stream, log } = this.#deps;
    const { listSize } = settings;
    const made = new FilmSegments({
      ...{ feed: this.feed, container, settings, log },
      marks: () => ({ log: this.#marks.log, list: 'source', timeline: TIMELINE, shift: 0 }),
      size: playlistWindow(stream.profile?.args ?? []) ?? { segments: listSize },
      maxBytes: () => this.#deps.ringLimits().maxBytes - this.feed.ring.heldBytes,
      fetched: () => this.#fetched,
      onAsked: (n) => this.#asked(n),
    });
    this.#made.set(container, made);
    this.#room.resolve();
    return made;
  }

  /** The container for a viewer who asks for none. */
  chosen(signal: AbortSignal): Promise<Container> {
    return this.#choice.of(signal);
  }

  /** Ends FFmpeg and the feed. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#over.abort();
    this.#process?.kill();
    this.#room.resolve();
    for (const segments of this.#all) segments.close();
    await this.#done;
  }

  get #all(): FilmSegments[] {
    return [...this.#made.values()];
  }

  get #segmentBytes(): number {
    return this.#all.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** Segments are cut as media comes, so its ring holds what they are cut from and no more. */
  readonly #ringLimits = (): RingLimits => ({ ...this.#deps.ringLimits(), retainMs: 0, joinBufferMs: 0 });

  #asked(n: number): void {
    if (n <= (this.#fetched ?? Number.NEGATIVE_INFINITY)) return;
    this.#fetched = n;
    for (const segments of this.#all) segments.asked();
    this.#room.resolve();
  }

  async #play(): Promise<void> {
    // Whoever wants it is not there yet.
    await Promise.resolve();
    try {
      this.feed.finish(await this.#read());
    } catch (error) {
      this.feed.finish({ kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) });
    }
  }

  async #read(): Promise<FeedEnd> {
    const { signal } = this.#over;
    const process = await this.#deps.start(signal);
    this.#process = process;
    if (signal.aborted) process.kill();
    const { clock } = this.#deps;
    this.#output.begin({ kind: 'source' });
    try {
      for await (const chunk of process.output) {
        this.#output.push(chunk as Buffer, clock.monotonicMs());
        this.#publish();
        await this.#mayRead();
      }
    } catch (error) {
      process.kill();
      // The pipe of a process that was killed breaks.
      if (!signal.aborted) throw error;
    }
    const exit = await process.ended;
    const isWhole = exit.code === 0 && process.isWhole;
    this.#output.end(isWhole);
    this.#publish();
    if (signal.aborted) return { kind: 'failed', error: new SourceError('stopped', 'The film was ended.') };
    return isWhole ? { kind: 'ended' } : { kind: 'failed', error: process.failureAfter(exit) };
  }

  #publish(): void {
    const { ring } = this.feed;
    this.#marks.say(this.#deps.clock.wallMs());
    ring.setLimits(this.#ringLimits());
    this.feed.publish();
  }

  /** Waits until the viewer needs more. Until it is known which segments it wants, the first picture is enough. */
  async #mayRead(): Promise<void> {
    const { signal } = this.#over;
    const isWanted = () => {
      const all = this.#all;
      return all.length === 0 ? this.feed.ring.entries.length === 0 : all.every(({ readsOn }) => readsOn);
    };
    while (!signal.aborted && !isWanted()) {
      this.#room = deferred();
      await this.#room.promise;
    }
  }
}
