/** When to retry a source on the same URL, and when to give up. Pure except for the clock. */
import type { SourceError } from '../../errors.ts';

/** A `Config` has these fields. */
export interface RetrySettings {
  /** Retries of one URL. */
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  /** Whether the delay doubles with each retry. */
  readonly retryExponentialBackoff: boolean;
  /** How long one outage may last, over all retries; 0: no limit. */
  readonly streamTotalTimeoutMs: number;
}

/**
 * Temporary 4xx answers: time-out, too early, too many requests. IPTV panels send 456, 458 and 509 when an account has
 * too many connections. That is the case for a moment after every reconnect.
 */
const PASSING_STATUS: readonly number[] = [408, 425, 429, 456, 458, 509];

/** A longer `Retry-After` is no use to a waiting viewer. */
const RETRY_AFTER_MAX_MS = 10_000;

/** Whether the same URL may work in a moment. If not, only another source helps. */
export function isRetryable(error: SourceError): boolean {
  switch (error.reason) {
    case 'refused':
    case 'dns':
    case 'timeout':
    case 'stalled':
    case 'ended':
    case 'empty':
    case 'ffmpeg':
      return true;
    case 'http_status': {
      const status = error.upstreamStatus ?? 500;
      return status >= 500 || PASSING_STATUS.includes(status);
    }
    default:
      return false;
  }
}

/** The retries of one reader of a source. An outage begins with the first failure and ends with `reset`. */
export class RetrySchedule {
  readonly #settings: RetrySettings;
  readonly #now: () => number;
  #made = 0;
  #outageSinceMs: number | undefined;

  /** `now`: a monotonic clock in ms. */
  constructor(settings: RetrySettings, now: () => number = () => performance.now()) {
    this.#settings = settings;
    this.#now = now;
  }

  /**
   * The delay in ms before the next retry of the same URL. Undefined when retries are useless or used up, or the outage
   * has lasted too long.
   */
  next(error: SourceError): number | undefined {
    this.#outageSinceMs ??= this.#now();
    if (!isRetryable(error) || this.#made >= this.#settings.retryAttempts) return undefined;
    const { retryDelayMs, retryExponentialBackoff } = this.#settings;
    const backoffMs = retryExponentialBackoff ? retryDelayMs * 2 ** this.#made : retryDelayMs;
    const askedMs = Math.min((error.retryAfterSeconds ?? 0) * 1000, RETRY_AFTER_MAX_MS);
    const delayMs = Math.max(backoffMs, askedMs);
    if (this.#isOver(delayMs)) return undefined;
    this.#made += 1;
    return delayMs;
  }

  /** Another URL has its own retries, within the same outage. */
  switched(): void {
    this.#made = 0;
  }

  /** Data flows again. */
  reset(): void {
    this.#made = 0;
    this.#outageSinceMs = undefined;
  }

  #isOver(delayMs: number): boolean {
    const { streamTotalTimeoutMs } = this.#settings;
    if (streamTotalTimeoutMs === 0 || this.#outageSinceMs === undefined) return false;
    return this.#now() + delayMs - this.#outageSinceMs >= streamTotalTimeoutMs;
  }
}
