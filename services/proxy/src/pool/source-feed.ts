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
import { RetrySchedule, type RetrySettings } from '../upstream/retry.ts';
import type { SourceAddress } from '../upstream/source-address.ts';
import { FIRST_BYTES_WANTED, kindOfResponse, type SourceKind } from '../upstream/source-kind.ts';
import { feedSink } from './feed-sink.ts';

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
}

/** The first unit lands here: room for PCRs and for audio that is earlier, and far from the 33-bit wrap. */
const FIRST_DTS = 10 * TICKS_PER_SECOND;
/** A connection that has delivered for this long ends an outage. */
const HEALTHY_AFTER_MS = 5_000;
/** How far a provider may run ahead of real time before it is read more slowly. */
const MAX_LEAD_MS = 15_000;
const LEAD_PAUSE_MS = 250;
/** Sound without pictures for this long, from a source that had both, is a broken source. */
const NO_VIDEO_MS = 10_000;

export class SourceFeed {
  readonly feed: Feed;
  readonly #address: SourceAddress;
  readonly #deps: SourceFeedDeps;
  readonly #log: Logger;
  readonly #splicer: Splicer;
  readonly #abort = new AbortController();
  readonly #retry: RetrySchedule;
  readonly #opened: Promise<SourceKind>;
  #slow = false;
  #startedAtMs: number | undefined;
  #startedMediaMs = 0;
  readonly #done: Promise<void>;

  constructor(address: SourceAddress, deps: SourceFeedDeps) {
    this.#address = address;
    this.#deps = deps;
    this.#log = deps.log.child({ source: maskUrl(address.url) });
    this.#retry = new RetrySchedule(deps.settings.retry);
    this.feed = new Feed(deps.ringLimits());
    this.#splicer = new Splicer(feedSink(this.feed), { holdReordered: false, firstDts: FIRST_DTS });
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

  /** What is wrong with a source that still sends; another source would be better, none would be worse. */
  get trouble(): SourceTrouble | undefined {
    if (this.#slow) return 'low_bitrate';
    const { lastVideoMs, lastAudioMs } = this;
    const lost = lastVideoMs !== undefined && lastAudioMs !== undefined && lastAudioMs - lastVideoMs > NO_VIDEO_MS;
    return lost ? 'no_video' : undefined;
  }

  /** Closes the connection; resolves when it is closed. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(opened: Deferred<SourceKind>): Promise<void> {
    for (let connection = 0; ; connection++) {
      const error = await this.#connectAndRead(connection, opened);
      if (error === undefined) {
        this.feed.finish({ kind: 'ended' });
        return;
      }
      if (this.#abort.signal.aborted) {
        opened.reject(error);
        this.feed.finish({ kind: 'ended' });
        return;
      }
      const delayMs = this.#retry.next(error);
      this.#log.warn({ reason: error.reason, retryInMs: delayMs }, error.message);
      if (delayMs === undefined) {
        opened.reject(error);
        this.feed.finish({ kind: 'failed', error });
        return;
      }
      await pause(delayMs, this.#abort.signal);
    }
  }

  /** Answers why the connection is over; undefined when the source is not for this feed. */
  async #connectAndRead(connection: number, opened: Deferred<SourceKind>): Promise<SourceError | undefined> {
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
        if (connection === 0) return undefined;
        throw new SourceError('not_media', `The source ${maskUrl(this.#address.url)} is no longer live MPEG-TS.`);
      }
      this.#splicer.beginInput(connection === 0 ? 'rebase' : 'resume');
      return await this.#read(reader);
    } catch (error) {
      return error instanceof SourceError
        ? error
        : new SourceError('refused', `The source ${maskUrl(this.#address.url)} could not be read.`, { cause: error });
    } finally {
      reader?.close();
      this.#splicer.endInput(false);
    }
  }

  async #read(reader: BodyReader): Promise<SourceError> {
    const sinceMs = performance.now();
    const bitrate = new BitrateMonitor(this.#deps.settings.bitrate);
    let askedMs = sinceMs;
    for (;;) {
      const chunk = await reader.read(this.#deps.settings.liveChunkTimeoutMs);
      if (chunk === undefined) {
        return new SourceError('ended', `The source ${maskUrl(this.#address.url)} closed the connection.`);
      }
      const nowMs = performance.now();
      if (bitrate.tooSlow(chunk.length, nowMs - askedMs)) this.#slow = true;
      if (nowMs - sinceMs > HEALTHY_AFTER_MS) this.#retry.reset();
      this.#splicer.push(chunk, nowMs);
      this.feed.ring.setLimits(this.#deps.ringLimits());
      this.feed.publish();
      while (this.#leadMs() > MAX_LEAD_MS && !this.#abort.signal.aborted) {
        await pause(LEAD_PAUSE_MS, this.#abort.signal);
      }
      askedMs = performance.now();
    }
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
