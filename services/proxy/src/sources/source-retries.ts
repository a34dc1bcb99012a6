/** What a source feed does when its input has failed: it tries the same URL again, or goes on at the next one of its group. */

import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { pauseBy, within } from '../async.ts';
import { SourceError, type StreampoolError } from '../errors.ts';
import type { SourceNews } from '../events/source-news.ts';
import type { RetrySchedule } from '../upstream/failover/retry.ts';
import { failoverReason } from '../upstream/failover/source-recovery.ts';
import type { Standby } from '../upstream/failover/standby.ts';
import type { GroupSource } from '../upstream/provider/source-address.ts';
import type { Origin } from './origin.ts';
import type { SourceMoves } from './source-moves.ts';

export interface SourceRetriesDeps {
  readonly source: GroupSource | undefined;
  readonly moves: SourceMoves;
  readonly standby: Standby;
  readonly schedule: RetrySchedule;
  /** What the feed reads now. */
  readonly current: () => Origin;
  readonly news: SourceNews;
  readonly clock: Clock;
  readonly log: Logger;
}

const HOLD_POLL_MS = 100;

export class SourceRetries {
  readonly schedule: RetrySchedule;
  readonly #deps: SourceRetriesDeps;
  #holds = 0;

  constructor(deps: SourceRetriesDeps) {
    this.#deps = deps;
    this.schedule = deps.schedule;
  }

  /** Puts off the next retry until the returned function is called. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
    };
  }

  /**
   * Waits before another retry, or moves to the next source. Returns false when neither is possible.
   * @param signal ends the wait
   */
  async recover(end: StreampoolError, signal: AbortSignal): Promise<boolean> {
    // A recording that has been sent to its end is no failure.
    if (!(end instanceof SourceError) || end.reason === 'over') return false;
    const { source, moves, standby, news, clock, log } = this.#deps;
    const origin = this.#deps.current();
    const { isOwn } = origin;
    this.schedule.lost(end.reason === 'stalled' ? origin.watch.silence.earlyMs : 0);
    if (isOwn) {
      news.lost(end.reason, maskUrl(origin.address.url));
      standby.failed(end);
    }
    const mayMove = source !== undefined && this.schedule.mayMove(source);
    let delayMs = isOwn ? this.schedule.next(end, mayMove) : undefined;
    if (delayMs === undefined && mayMove && isOwn) delayMs = await this.#meanwhile(end, signal);
    if (delayMs === undefined && mayMove) {
      if (await standby.decided()) return true;
      if (await moves.on({ reason: failoverReason(end), status: end.upstreamStatus })) return true;
      if (moves.isForFfmpeg) return false;
      this.schedule.stuck();
      delayMs = isOwn ? this.schedule.next(end, false) : undefined;
    }
    log.warn({ reason: end.reason, retryInMs: delayMs, source: maskUrl(origin.address.url) }, end.message);
    if (delayMs === undefined) return false;
    await pauseBy(clock, delayMs, signal);
    while (this.#holds > 0 && !signal.aborted) await pauseBy(clock, HOLD_POLL_MS, signal);
    // Another worker may have taken it over during the pause.
    origin.leaveIfTaken();
    return true;
  }

  /**
   * All retries are made, and the next source is being opened beside the one of now. Waits for that, but not longer than until another
   * retry: the source may come back before the next one delivers. @returns 0 when it is time for that, else undefined
   */
  async #meanwhile(end: SourceError, signal: AbortSignal): Promise<0 | undefined> {
    const { standby, clock } = this.#deps;
    const delayMs = standby.isUnderWay ? this.schedule.meanwhile(end) : undefined;
    if (delayMs === undefined) return undefined;
    const isDecided = await within(clock, standby.decided(), delayMs, signal);
    return isDecided === undefined ? 0 : undefined;
  }

  /** The error with which the feed fails. Its readers need not ask for another source if all have been tried. */
  lastError(error: StreampoolError): StreampoolError {
    if (!(error instanceof SourceError) || this.#deps.source?.canFailOver !== true) return error;
    const { reason, message, upstreamStatus, retryAfterSeconds, cause } = error;
    return new SourceError(reason, message, { upstreamStatus, retryAfterSeconds, cause, isLast: true });
  }
}
