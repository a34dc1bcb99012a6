/** Keeps trying a source until it answers: retries with a delay, then moves to the next source, then gives up. */

import type { Clock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { pauseBy } from '../../async.ts';
import { SourceError } from '../../errors.ts';
import type { SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import type { RetrySchedule } from './retry.ts';

export interface RecoveryDeps {
  readonly source: SwitchableSource;
  readonly schedule: RetrySchedule;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log?: Pick<Logger, 'warn'> | undefined;
  /** What the failover resolver gets to know; default: as for a stream that is one connection. */
  readonly reasonOf?: (error: SourceError) => string;
}

export class SourceRecovery {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * The first success of `attempt`, and the index of its source.
   *
   * @param left ends waits: the stream goes on at another source
   * @throws the last failure when no retry and no source is left; `stopped` when the signal is aborted
   */
  async open<T>(
    attempt: (address: SourceAddress) => Promise<T>,
    left?: () => AbortSignal,
  ): Promise<{ opened: T; index: number }> {
    const { source } = this.#deps;
    for (;;) {
      const { index } = source;
      try {
        return { opened: await attempt(source.address), index };
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        await this.recover(error, index, left);
      }
    }
  }

  /**
   * Waits before another retry, or moves on from source `index`, unless the stream has left that.
   * @param left as `open` has it
   * @throws `error` when neither is possible
   */
  async recover(error: SourceError, index: number, left?: () => AbortSignal): Promise<void> {
    const { source, schedule, reasonOf = failoverReason } = this.#deps;
    if (source.index !== index) return schedule.switched();
    const mayMove = schedule.mayMove(source);
    if (await this.#waited(error, mayMove, left?.())) return;
    if (mayMove && (await this.moveOn(index, reasonOf(error), error.upstreamStatus))) return;
    schedule.stuck();
    if (!mayMove || !(await this.#waited(error, false, left?.()))) throw error;
  }

  /** Waits before another retry of the same source. @throws `error` when none is left */
  async wait(error: SourceError): Promise<void> {
    if (!(await this.#waited(error, false))) throw error;
  }

  /** @param elsewhere there is another source to move to */
  async #waited(error: SourceError, elsewhere: boolean, left?: AbortSignal): Promise<boolean> {
    const { source, schedule, signal, clock, log } = this.#deps;
    if (signal.aborted) throw new SourceError('stopped', 'The viewer has left.');
    const delayMs = schedule.next(error, elsewhere);
    log?.warn({ reason: error.reason, retryInMs: delayMs, source: maskUrl(source.address.url) }, error.message);
    if (delayMs === undefined) return false;
    await pauseBy(clock, delayMs, left === undefined ? signal : AbortSignal.any([signal, left]));
    return true;
  }

  /** Moves on from source `index`, like all readers of the stream. Returns false when there is no other source. */
  async moveOn(index: number, reason: string, status?: number): Promise<boolean> {
    const { source, schedule } = this.#deps;
    if (!source.canFailOver || !(await source.advance(index, { reason, status }))) return false;
    schedule.switched();
    return true;
  }
}

/** In the terms of the failover resolver's contract. */
export function failoverReason(error: SourceError): string {
  switch (error.reason) {
    case 'stalled':
      return 'chunk_timeout_after_retries';
    case 'ended':
    case 'repeats':
      return 'live_stream_silent_close';
    case 'refused':
    case 'dns':
    case 'timeout':
    case 'tls':
    case 'egress_refused':
      return 'connection_error_after_retries';
    default:
      return `stream_error_${error.reason}_after_retries`;
  }
}
