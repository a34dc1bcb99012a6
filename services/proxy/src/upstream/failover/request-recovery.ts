/**
 * Keeps a source of many requests playing: when it is tried again, when it is left, and for how long its readers get its last answer
 * in an outage.
 */

import type { Clock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { SourceError } from '../../errors.ts';
import type { SwitchableSource } from '../provider/source-address.ts';
import { RetrySchedule, type RetrySettings } from './retry.ts';
import { SourceRecovery } from './source-recovery.ts';

export interface RequestRecoveryDeps {
  readonly source: SwitchableSource;
  readonly settings: RetrySettings;
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'warn'>;
  /** For the waits between two tries. */
  readonly clock: Clock;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** One segment that fails is the player's business, so many in a row are the source's. */
const FAILED_SEGMENTS = 3;
/** When no retry and no other source is left, everybody gets the reason for so long, without another attempt. */
const COOL_DOWN_MS = 2_000;
/** Without STREAM_TOTAL_TIMEOUT an outage may last as long as it likes, but no viewer wants a playlist of yesterday. */
const LAST_ANSWER_MS = 60_000;

export class RequestRecovery {
  readonly #deps: RequestRecoveryDeps;
  readonly #schedule: RetrySchedule;
  readonly #recovery: SourceRecovery;
  #failedSegments = 0;
  #goodSinceMs: number | undefined;
  #outageSinceMs: number | undefined;
  #recovering: Promise<void> | undefined;
  #failed: { readonly error: SourceError; readonly untilMs: number } | undefined;

  constructor(deps: RequestRecoveryDeps) {
    this.#deps = deps;
    const { source, settings, signal, clock, log, now } = deps;
    this.#schedule = new RetrySchedule(settings, now);
    this.#recovery = new SourceRecovery({
      source,
      schedule: this.#schedule,
      signal,
      clock,
      log,
      reasonOf: reasonOfPlaylist,
    });
  }

  /** Another try is being waited for. */
  get isUnderWay(): boolean {
    return this.#recovering !== undefined;
  }

  /** Whether the last answer may stand for the next one: there is no outage, or a short one. */
  get isShort(): boolean {
    if (this.#outageSinceMs === undefined) return true;
    const limitMs = this.#deps.settings.streamTotalTimeoutMs || LAST_ANSWER_MS;
    return this.#deps.now() - this.#outageSinceMs < limitMs;
  }

  /** @throws {SourceError} the failure of a moment ago, after which nothing was left to try */
  throwIfFailed(): void {
    if (this.#failed !== undefined && this.#deps.now() < this.#failed.untilMs) throw this.#failed.error;
  }

  succeeded(): void {
    const { now } = this.#deps;
    this.#goodSinceMs ??= now();
    this.#schedule.played(now() - this.#goodSinceMs);
    this.#outageSinceMs = undefined;
  }

  /** An outage begins, unless one is under way. Somebody else looks after the source. */
  failing(): void {
    this.#outageSinceMs ??= this.#deps.now();
  }

  /**
   * Resolves when it is time for another attempt, of this source or of the next one.
   * @param index of the source that failed
   * @throws `error` when none is left
   */
  recover(error: SourceError, index: number): Promise<void> {
    const { now } = this.#deps;
    if (this.#failed?.error === error && now() < this.#failed.untilMs) return Promise.reject(error);
    this.#goodSinceMs = undefined;
    this.failing();
    this.#recovering ??= this.#recovery
      .recover(error, index)
      .catch((last: unknown) => {
        if (last instanceof SourceError) this.#failed = { error: last, untilMs: now() + COOL_DOWN_MS };
        throw last;
      })
      .finally(() => {
        this.#recovering = undefined;
      });
    return this.#recovering;
  }

  /** A segment has come, or the segments of another source come from now on. */
  segmentsGoOn(): void {
    this.#failedSegments = 0;
  }

  /** A segment has failed: the stream leaves a source of which several in a row do. */
  async segmentFailed(error: SourceError, index: number): Promise<void> {
    this.#failedSegments += 1;
    if (this.#failedSegments < FAILED_SEGMENTS || !this.#schedule.mayMove(this.#deps.source)) return;
    this.#failedSegments = 0;
    await this.#recovery.moveOn(index, 'segment_fetch_error', error.upstreamStatus);
  }

  /** Leaves a source for the next one, if there is one. @param reason in snake case */
  async leave(index: number, reason: string): Promise<void> {
    if (this.#schedule.mayMove(this.#deps.source)) await this.#recovery.moveOn(index, reason);
  }
}

/** In the terms of the failover resolver's contract. */
function reasonOfPlaylist({ reason, upstreamStatus }: SourceError): string {
  return `playlist_fetch_error_${upstreamStatus ?? reason}`;
}
