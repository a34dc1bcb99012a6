/** When to retry a source on the same URL, and when to give up. Pure except for the clock. */
import type { SourceError } from '../../errors.ts';
import type { SwitchableSource } from '../provider/source-address.ts';
import type { Silence } from './silence.ts';

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

/** A connection that delivers media for this long ends an outage. */
const HEALTHY_AFTER_MS = 5_000;
/** A source that has delivered media for this long is opened again at once when it breaks. */
const PLAYED_AFTER_MS = 1_000;
/** Retries of a source that hangs after it has played, while another source is there. */
const SILENT_RETRIES = 1;
/** What each source gets when STREAM_TOTAL_TIMEOUT is over, or while others have not been tried. */
const TRY_MS = 5_000;

function isSilence({ reason }: SourceError): boolean {
  return reason === 'stalled' || reason === 'timeout';
}

/** The retries of one reader of a source. An outage begins with the first failure. */
export class RetrySchedule {
  readonly #settings: RetrySettings;
  readonly #now: () => number;
  #made = 0;
  #outageSinceMs: number | undefined;
  /** The stream has played, from whatever source. */
  #hasPlayed = false;
  /** The current URL has played. */
  #urlHasPlayed = false;
  /** The first retry of this URL in this outage was made at once. */
  #wasAtOnce = false;
  /** STREAM_TOTAL_TIMEOUT is over, and the last try is under way. */
  #isLast = false;
  /** Moves to other sources in this outage. */
  #moves = 0;
  #isStuck = false;
  /** When the newest try began, if it was not the first of all. */
  #triedMs = 0;

  /** @param now a monotonic clock in ms */
  constructor(settings: RetrySettings, now: () => number) {
    this.#settings = settings;
    this.#now = now;
  }

  /** The stream has played, so its media is known, and somebody waits for it to go on. */
  get hasPlayed(): boolean {
    return this.#hasPlayed;
  }

  /** @param earlyMs how much sooner than LIVE_CHUNK_TIMEOUT_SECONDS it was noticed: no outage ends sooner for that */
  lost(earlyMs = 0): void {
    this.#outageSinceMs ??= this.#now() + earlyMs;
  }

  /**
   * The delay in ms before the next retry of the same URL. Undefined when retries are useless or used up, or the outage
   * has lasted too long. A source that has played is tried until STREAM_TOTAL_TIMEOUT, one that has not
   * STREAM_RETRY_ATTEMPTS times.
   *
   * @param elsewhere there is another source to move to; then the attempts count in any case
   */
  next(error: SourceError, elsewhere = false): number | undefined {
    this.lost();
    const isKept = this.#hasPlayed && !elsewhere && this.#settings.streamTotalTimeoutMs > 0;
    if (!isRetryable(error) || this.#isLast) return undefined;
    if (!isKept && this.#made >= this.#attempts(error, elsewhere)) return undefined;
    const delayMs = this.#delayMs(error);
    const isOver = this.#isOver(delayMs);
    if (isOver && !isKept) return undefined;
    this.#isLast = isOver;
    if (this.#made === 0) this.#wasAtOnce = this.#urlHasPlayed;
    this.#made += 1;
    const waitMs = isOver ? Math.min(delayMs, this.#leftMs) : delayMs;
    this.#triedMs = this.#now() + waitMs;
    return waitMs;
  }

  /**
   * The delay in ms before a try that `next` does not allow, made while another source is being opened: the source may come back before
   * that one delivers. Undefined when it is useless.
   */
  meanwhile(error: SourceError): number | undefined {
    if (!isRetryable(error)) return undefined;
    const delayMs = Math.max(this.#delayMs(error), this.#settings.retryDelayMs);
    this.#triedMs = this.#now() + delayMs;
    return delayMs;
  }

  /** Whether `next` would be undefined if there were another source. */
  isWorthLeaving(error: SourceError): boolean {
    return !isRetryable(error) || this.#made >= this.#attempts(error, true) || this.#isOver(this.#delayMs(error));
  }

  /**
   * How long the next connection may stay silent in each step until its first media; undefined: as the settings say.
   * @param silence of the source that it goes to
   * @param canMove another source has not been tried
   */
  tryMs(silence: Silence, canMove: boolean): number | undefined {
    const { newConnectionMs, maxMs } = silence;
    if (!this.#hasPlayed) return this.#isOver(0) ? Math.min(TRY_MS, maxMs) : undefined;
    if (this.#isLast) return Math.max(newConnectionMs, Math.min(TRY_MS, maxMs));
    const isHurried = !silence.hasPlayed && (canMove || this.#isOver(0));
    return isHurried ? Math.min(newConnectionMs, TRY_MS) : newConnectionMs;
  }

  /** Whether the outage may lead to another source now. */
  mayMove(source: Pick<SwitchableSource, 'mayMoveOn'>): boolean {
    return !this.#isStuck && source.mayMoveOn(this.#isOver(0), this.#moves);
  }

  /** Another URL has its own retries, within the same outage. */
  switched(): void {
    this.#made = 0;
    this.#urlHasPlayed = false;
    this.#isLast = false;
    this.#isStuck = false;
    this.#moves += 1;
    this.#triedMs = this.#now();
  }

  /** No other source is left in this outage. */
  stuck(): void {
    this.#isStuck = true;
  }

  /** @param forMs how long the current connection has delivered media */
  played(forMs: number): void {
    if (forMs < PLAYED_AFTER_MS) return;
    this.#hasPlayed = true;
    this.#urlHasPlayed = true;
    if (forMs >= HEALTHY_AFTER_MS) this.reset();
  }

  /** The outage is over. */
  reset(): void {
    this.#made = 0;
    this.#outageSinceMs = undefined;
    this.#isLast = false;
    this.#isStuck = false;
    this.#moves = 0;
  }

  #attempts(error: SourceError, elsewhere: boolean): number {
    const { retryAttempts } = this.#settings;
    return isSilence(error) && elsewhere && this.#urlHasPlayed
      ? Math.min(SILENT_RETRIES, retryAttempts)
      : retryAttempts;
  }

  #delayMs(error: SourceError): number {
    const { retryAfterSeconds = 0 } = error;
    const { retryDelayMs, retryExponentialBackoff, retryAttempts } = this.#settings;
    const askedMs = Math.min(retryAfterSeconds * 1000, RETRY_AFTER_MAX_MS);
    if (this.#made === 0 && this.#urlHasPlayed) return askedMs;
    const delayed = this.#made - (this.#wasAtOnce ? 1 : 0);
    const doublings = retryExponentialBackoff ? Math.min(delayed, Math.max(0, retryAttempts - 1)) : 0;
    // Whoever waited for a silent connection has already waited.
    const waitedMs = this.#hasPlayed && isSilence(error) ? this.#now() - this.#triedMs : 0;
    return Math.max(retryDelayMs * 2 ** doublings - waitedMs, askedMs);
  }

  get #leftMs(): number {
    return Math.max(0, (this.#outageSinceMs ?? 0) + this.#settings.streamTotalTimeoutMs - this.#now());
  }

  #isOver(delayMs: number): boolean {
    const { streamTotalTimeoutMs } = this.#settings;
    if (streamTotalTimeoutMs === 0 || this.#outageSinceMs === undefined) return false;
    return this.#now() + delayMs - this.#outageSinceMs >= streamTotalTimeoutMs;
  }
}
