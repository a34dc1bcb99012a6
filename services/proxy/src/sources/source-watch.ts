/**
 * Watches what a source sends: whether it is too slow, repeats itself or has no pictures, and why a connection ended.
 */

import type { Clock } from '../../../shared/clock.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { SourceError } from '../errors.ts';
import type { Arrivals } from '../mpegts/splicing/arrivals.ts';
import { BitrateMonitor, type BitrateSettings } from '../upstream/failover/bitrate-monitor.ts';
import type { MediaLag } from '../upstream/failover/media-lag.ts';
import { Rounds, repeatsError } from '../upstream/failover/rounds.ts';
import { relayedLimitMs, Silence } from '../upstream/failover/silence.ts';
import { type SourceTrouble, troubleOf } from '../upstream/failover/source-trouble.ts';
import { isRecording } from '../upstream/provider/source-kind.ts';

export interface SourceWatchSettings {
  /** How soon a source without pictures is left for another one. */
  readonly streamTimeoutMs: number;
  /** A source hangs when it is silent for this long at the latest. */
  readonly liveChunkTimeoutMs: number;
  readonly bitrate: BitrateSettings;
  /** SLOW_DETECTION */
  readonly slowDetection: boolean;
}

/** What is known of the media of a feed. */
export interface WatchedMedia {
  readonly arrivals: Arrivals;
  readonly lag: Pick<MediaLag, 'isGrowing'>;
}

export class SourceWatch {
  /** Of the source, over all connections of this worker. */
  readonly silence: Silence;
  readonly #url: string;
  readonly #settings: SourceWatchSettings;
  readonly #media: WatchedMedia;
  readonly #clock: Clock;
  readonly #rounds = new Rounds({ trim: false });
  #bitrate: BitrateMonitor;
  /** The current connection delivers too little; the next one may deliver more. */
  #slow = false;

  constructor(url: string, settings: SourceWatchSettings, media: WatchedMedia, clock: Clock) {
    this.#url = url;
    this.#settings = settings;
    this.#media = media;
    this.#clock = clock;
    this.silence = new Silence(settings.liveChunkTimeoutMs);
    this.#bitrate = new BitrateMonitor(settings.bitrate);
  }

  /** Another connection begins. */
  begin(): void {
    this.#slow = false;
    this.#bitrate = new BitrateMonitor(this.#settings.bitrate);
  }

  /** The next connection does not continue the one of before: another worker read the source meanwhile. */
  forget(): void {
    this.#rounds.forget();
  }

  /**
   * Takes what came, and returns what of it to pass on.
   * @param waitedMs how long it was waited for
   */
  push(chunk: Buffer, nowMs: number, waitedMs: number): readonly Buffer[] {
    this.#slow = this.#bitrate.tooSlow(chunk.length, waitedMs);
    return this.#rounds.push(chunk, nowMs);
  }

  /** The error that ends a connection which plays again what the one before it has played; undefined for any other. */
  get repeats(): SourceError | undefined {
    return this.#rounds.isOver ? repeatsError(this.#url) : undefined;
  }

  /** The source has closed the connection in an orderly way. */
  closed(): SourceError {
    const url = this.#url;
    if (this.#rounds.end(true)) return repeatsError(url);
    if (isRecording(url)) return new SourceError('over', `The source ${maskUrl(url)} has been sent to its end.`);
    return new SourceError('ended', `The source ${maskUrl(url)} closed the connection.`);
  }

  /** The connection is over, however that came. */
  end(): void {
    this.#rounds.end(false);
  }

  /**
   * The error of a source that another worker reads, when it has sent nothing for so long that the other worker must have
   * opened it again in vain.
   */
  get lostElsewhere(): SourceError | undefined {
    const { lastVideoMs = 0, lastAudioMs = 0, videoIntervalMs } = this.#media.arrivals;
    const lastMs = Math.max(lastVideoMs, lastAudioMs);
    const silentMs = lastMs === 0 ? 0 : this.#clock.monotonicMs() - lastMs;
    if (silentMs < relayedLimitMs(this.#settings.liveChunkTimeoutMs, videoIntervalMs)) return undefined;
    const seconds = Math.round(silentMs / 1000);
    return new SourceError('stalled', `The source ${maskUrl(this.#url)} sent nothing for ${seconds} s.`);
  }

  /** What is wrong with a source that still sends. Another source would be better; no source would be worse. */
  get trouble(): SourceTrouble | undefined {
    const { arrivals, lag } = this.#media;
    const { lastVideoMs, lastAudioMs, videoIntervalMs } = arrivals;
    return troubleOf({
      isSlow: this.#slow,
      lags: this.#settings.slowDetection && lag.isGrowing,
      loops: this.#rounds.loops,
      scrambledMs: arrivals.scrambledMs(this.#clock.monotonicMs()),
      streamTimeoutMs: this.#settings.streamTimeoutMs,
      lastVideoMs,
      lastAudioMs,
      videoIntervalMs,
    });
  }
}
