/** The errors this worker reports to people: each knows its HTTP status and says what to do. */

export interface ErrorDetails {
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** An error whose message may be shown to a caller as it is (secrets already masked). */
export class StreampoolError extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = new.target.name;
    this.status = status;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

/** What has reached its limit. */
export type Limit = 'processes' | 'clients' | 'streams' | 'provider';

/** A request was refused because of a limit: 503. */
export class LimitError extends StreampoolError {
  readonly limit: Limit;
  /** Of a provider: the account whose connections are all in use. */
  readonly account: string | undefined;

  constructor(limit: Limit, message: string, details: ErrorDetails & { account?: string } = {}) {
    super(503, message, details);
    this.limit = limit;
    this.account = details.account;
  }
}

/** Why a source could not be used; `reason` goes into logs, events and the failover resolver. */
export type SourceFailure = (typeof SOURCE_FAILURES)[number];

export const SOURCE_FAILURES = [
  'refused',
  'dns',
  'timeout',
  'tls',
  'http_status',
  'egress_refused',
  'empty',
  'not_media',
  /** It leads back to the stream that it is a source of. */
  'loop',
  'ended',
  /** A recording was sent to its end. */
  'over',
  /** It sends again what it has sent. */
  'repeats',
  /** It sends packets that nobody here can decrypt. */
  'scrambled',
  'stalled',
  'ffmpeg',
  'stopped',
] as const;

/** A source that could not be opened or broke: 502, or 504 when it did not answer in time. */
export class SourceError extends StreampoolError {
  readonly reason: SourceFailure;
  /** The provider's own status, where it answered with one. */
  readonly upstreamStatus: number | undefined;
  /** All other sources of the stream have been tried too. */
  readonly isLast: boolean;

  constructor(
    reason: SourceFailure,
    message: string,
    details: ErrorDetails & { upstreamStatus?: number | undefined; isLast?: boolean } = {},
  ) {
    super(reason === 'timeout' || reason === 'stalled' ? 504 : 502, message, details);
    this.reason = reason;
    this.upstreamStatus = details.upstreamStatus;
    this.isLast = details.isLast === true;
  }
}
