/**
 * A source feed: a provider's live MPEG-TS as it comes, over one connection that every FFmpeg and every sharing client of
 * this worker reads. Reconnects on its own; readers see one continuous timeline.
 */

import { type Deferred, deferred, pause } from '../async.ts';
import { SourceError } from '../errors.ts';
import { Feed } from '../feed/feed.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { Logger } from '../log.ts';
import { Splicer } from '../mpegts/splicer.ts';
import { TICKS_PER_SECOND } from '../mpegts/timestamp.ts';
import { BitrateMonitor, type BitrateSettings } from '../upstream/bitrate-monitor.ts';
import { BodyReader } from '../upstream/body-reader.ts';
import type { EgressGuard } from '../upstream/egress-guard.ts';
import { maskUrl } from '../upstream/mask.ts';
import { openUpstream, requireSuccess } from '../upstream/open-upstream.ts';
import { accountOf, mayBeConnectionLimit } from '../upstream/provider-connections.ts';
import { RetrySchedule, type RetrySettings } from '../upstream/retry.ts';
import type { SourceAddress } from '../upstream/source-address.ts';
import { FIRST_BYTES_WANTED, kindOfResponse, type SourceKind } from '../upstream/source-kind.ts';
import type { FeedPlace } from './feed-place.ts';
import { feedSink } from './feed-sink.ts';
import { relayedError, startRelayRun } from './relay-run.ts';

export interface SourceSettings {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  readonly liveChunkTimeoutMs: number;
  readonly retry: RetrySettings;
  readonly bitrate: BitrateSettings;
}

/** A source that is open and sends, but not what viewers need. */
export type SourceTrouble = 'low_bitrate' | 'no_video';

export interface SourceFeedDeps {
  readonly guard: EgressGuard;
  readonly settings: SourceSettings;
  readonly ringLimits: () => RingLimits;
  readonly log: Logger;
  /** The provider may still count a connection that was closed a moment ago; a refusal means little then. */
  readonly refusalMayPass: () => boolean;
}

/** The first unit lands here: room for PCRs and for audio that is earlier, and far from the 33-bit wrap. */
const FIRST_DTS = 10 * TICKS_PER_SECOND;
/** A connection that has delivered for this long ends an outage. */
const HEALTHY_AFTER_MS = 5_000;
/** How far a provider may run ahead of real time before it is read more slowly. */
const MAX_LEAD_MS = 15_000;
const LEAD_PAUSE_MS = 250;
const HOLD_POLL_MS = 100;
/** Sound without pictures for this long, from a source that had both, is a broken source. */
const NO_VIDEO_MS = 10_000;

export class SourceFeed {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly #address: SourceAddress;
  readonly #deps: SourceFeedDeps;
  readonly #log: Logger;
  readonly #splicer: Splicer;
  readonly #abort = new AbortController();
  readonly #retry: RetrySchedule;
  readonly #opened: Promise<SourceKind>;
  /** The incarnation whose relay this feed has followed. */
  #relayedFrom: string | undefined;
  readonly #programListeners = new Set<(position: number) => void>();
  #holds = 0;
  #slow = false;
  #startedAtMs: number | undefined;
  #startedMediaMs = 0;
  readonly #done: Promise<void>;

  /** @param place opened by this worker, or relayed from the one that has */
  constructor(address: SourceAddress, place: FeedPlace, deps: SourceFeedDeps) {
    this.place = place;
    this.#address = address;
    this.#deps = deps;
    this.#log = deps.log.child({ source: maskUrl(address.url) });
    this.#retry = new RetrySchedule(deps.settings.retry);
    this.feed = new Feed(deps.ringLimits());
    const sink = feedSink(this.feed);
    const programChanged = () => {
      sink.programChanged();
      for (const listener of [...this.#programListeners]) listener(this.feed.ring.head);
    };
    this.#splicer = new Splicer(
      { ...sink, programChanged },
      {
        holdReordered: false,
        // A relay keeps its owner's clock, so that FFmpegs on both workers see the same times.
        firstDts: place.current.kind === 'own' ? FIRST_DTS : undefined,
      },
    );
    const opened = deferred<SourceKind>();
    this.#opened = opened.promise;
    this.#done = this.#run(opened);
  }

  /** What the source turned out to be; only `mpegts` is then read here. Rejects when it cannot be opened. */
  get opened(): Promise<SourceKind> {
    return this.#opened;
  }

  /** When the newest picture arrived, monotonic; undefined before the first. */
  get lastVideoMs(): number | undefined {
    return this.#splicer.lastVideoMs;
  }

  /** The same for sound. */
  get lastAudioMs(): number | undefined {
    return this.#splicer.lastAudioMs;
  }

  /**
   * Calls back with the position from which on the source has other tracks (another codec, sound that came or went).
   * @returns a function that ends it
   */
  onProgramChange(listener: (position: number) => void): () => void {
    this.#programListeners.add(listener);
    return () => this.#programListeners.delete(listener);
  }

  /** What is wrong with a source that still sends; another source would be better, none would be worse. */
  get trouble(): SourceTrouble | undefined {
    if (this.#slow) return 'low_bitrate';
    const { lastVideoMs, lastAudioMs } = this;
    const lost = lastVideoMs !== undefined && lastAudioMs !== undefined && lastAudioMs - lastVideoMs > NO_VIDEO_MS;
    return lost ? 'no_video' : undefined;
  }

  /** The provider account it reads from, in the terms of `accountOf`. */
  get account(): string {
    return accountOf(this.#address);
  }

  /**
   * A connection that breaks is not opened again until the answer is called: a provider that allows only one may have cut it
   * for another, and the two would go on cutting each other.
   */
  holdRetries(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
    };
  }

  /** Closes the connection; resolves when it is closed. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(opened: Deferred<SourceKind>): Promise<void> {
    for (;;) {
      const relayed = this.place.current.kind === 'relay';
      const end = await (relayed ? this.#relay(opened) : this.#connectAndRead(opened));
      if (end === 'other_kind' || this.#abort.signal.aborted) {
        opened.reject(new SourceError('stopped', 'The source is no longer wanted.'));
        this.feed.finish({ kind: 'ended' });
        return;
      }
      if (end === 'moved') continue;
      const delayMs = relayed
        ? undefined
        : this.#retry.next(end, mayBeConnectionLimit(end) && this.#deps.refusalMayPass());
      this.#log.warn({ reason: end.reason, retryInMs: delayMs }, end.message);
      if (delayMs === undefined) {
        opened.reject(end);
        this.feed.finish({ kind: 'failed', error: end });
        return;
      }
      await pause(delayMs, this.#abort.signal);
      while (this.#holds > 0 && !this.#abort.signal.aborted) await pause(HOLD_POLL_MS, this.#abort.signal);
    }
  }

  /** Follows the worker that has the source, until that changes. */
  async #relay(opened: Deferred<SourceKind>): Promise<SourceError | 'moved'> {
    const { current, feed, secret } = this.place;
    if (current.kind !== 'relay') return 'moved';
    const { owner } = current;
    const { signal } = this.#abort;
    const { ring } = this.feed;
    const run = startRelayRun({ feed, owner, secret, afterMs: ring.head === 0 ? undefined : ring.headMs, signal });
    this.#splicer.beginInput('aligned', { midPicture: this.#relayedFrom === owner.incarnation, repaired: true });
    for await (const chunk of run.output) {
      opened.resolve({ kind: 'mpegts' });
      this.#relayedFrom = owner.incarnation;
      this.#put(chunk as Buffer);
    }
    this.#splicer.endInput(false);
    const { relay } = await run.ended;
    if (relay === undefined || signal.aborted) return 'moved';
    if (relay.kind === 'failed') return asSourceError(relayedError(relay));
    if (relay.kind === 'ended') return new SourceError('ended', 'The worker that reads the source has closed it.');
    await this.place.afterRelay(relay, signal);
    return 'moved';
  }

  /** Answers why the connection is over; `other_kind` when the source is not for this feed. */
  async #connectAndRead(opened: Deferred<SourceKind>): Promise<SourceError | 'other_kind' | 'moved'> {
    const { settings, guard } = this.#deps;
    let reader: BodyReader | undefined;
    try {
      const response = requireSuccess(
        await openUpstream({
          ...this.#address,
          signal: this.#abort.signal,
          connectTimeoutMs: settings.connectTimeoutMs,
          headersTimeoutMs: settings.readTimeoutMs,
          guard,
        }),
      );
      reader = new BodyReader(response.body, response.url);
      const length = response.headers['content-length'];
      const kind = kindOfResponse({
        contentType: response.headers['content-type'],
        contentLength: length === undefined ? undefined : Number(length),
        firstBytes: await reader.peek(FIRST_BYTES_WANTED, settings.liveChunkTimeoutMs),
        url: response.url,
      });
      if (kind.kind === 'not_media') throw new SourceError(kind.reason, kind.detail);
      opened.resolve(kind);
      if (kind.kind !== 'mpegts') {
        if (this.feed.ring.head === 0) return 'other_kind';
        throw new SourceError('not_media', `The source ${maskUrl(this.#address.url)} is no longer live MPEG-TS.`);
      }
      this.#splicer.beginInput(this.feed.ring.head === 0 ? 'rebase' : 'resume');
      return await this.#read(reader);
    } catch (error) {
      return asSourceError(error);
    } finally {
      reader?.close();
      this.#splicer.endInput(false);
    }
  }

  async #read(reader: BodyReader): Promise<SourceError | 'moved'> {
    const sinceMs = performance.now();
    const bitrate = new BitrateMonitor(this.#deps.settings.bitrate);
    let askedMs = sinceMs;
    for (;;) {
      const chunk = await reader.read(this.#deps.settings.liveChunkTimeoutMs);
      if (chunk === undefined) {
        return new SourceError('ended', `The source ${maskUrl(this.#address.url)} closed the connection.`);
      }
      if (!(await this.place.mayPass())) return 'moved';
      const nowMs = performance.now();
      if (bitrate.tooSlow(chunk.length, nowMs - askedMs)) this.#slow = true;
      if (nowMs - sinceMs > HEALTHY_AFTER_MS) this.#retry.reset();
      this.#put(chunk);
      while (this.#leadMs() > MAX_LEAD_MS && !this.#abort.signal.aborted) {
        await pause(LEAD_PAUSE_MS, this.#abort.signal);
      }
      askedMs = performance.now();
    }
  }

  #put(chunk: Buffer): void {
    this.#splicer.push(chunk, performance.now());
    this.feed.ring.setLimits(this.#deps.ringLimits());
    this.feed.publish();
  }

  /** How far the media received is ahead of the time that passed since its start. */
  #leadMs(): number {
    const { ring } = this.feed;
    if (ring.entries.length === 0) return 0;
    if (this.#startedAtMs === undefined) {
      this.#startedAtMs = performance.now();
      this.#startedMediaMs = ring.headMs;
    }
    return ring.headMs - this.#startedMediaMs - (performance.now() - this.#startedAtMs);
  }
}

function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError('refused', 'The source could not be read.', { cause: error });
}
