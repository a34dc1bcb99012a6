/** Which errors say that Redis cannot be asked at all. All others are about what was asked, or are faults of this program. Pure. */

/** Redis did not answer in time, or is known not to answer. */
export class NoAnswerError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoAnswerError';
  }
}

/**
 * What Redis itself answers while it cannot serve a worker; scripts that it runs pass that on.
 * OOM and MISCONF belong here, although reads still work: a join that cannot be counted in is no join, and the renewal of a lease
 * is refused as well. The worker serves alone and writes back what it holds when there is room again. A fault of the program
 * would be an error for every viewer instead.
 */
const CANNOT_SERVE =
  /^(?:.*@user_script: ?\d+: )?-?(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|OOM|MISCONF|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|NOPERM|ERR max number of clients)\b/;

/** What the client of Redis says of its connection, where no code or name tells. */
const CONNECTION =
  /^(?:Connection is closed|Command timed out|Socket timeout|Stream isn't writeable|the connection to Redis)/;
const CONNECTION_NAMES = new Set(['AbortError', 'MaxRetriesPerRequestError', 'NoAnswerError']);

/** Errors that only a programmer can mend. */
export function isBug(error: unknown): boolean {
  return (
    !(error instanceof Error) ||
    [TypeError, RangeError, ReferenceError, SyntaxError].some((bug) => error instanceof bug)
  );
}

export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error) || isBug(error)) return false;
  if (error.name === 'ReplyError') return CANNOT_SERVE.test(error.message);
  // Sockets, names and TLS: ECONNREFUSED, ENOTFOUND, CERT_HAS_EXPIRED.
  const hasCode = 'code' in error && typeof error.code === 'string';
  return hasCode || CONNECTION_NAMES.has(error.name) || CONNECTION.test(error.message);
}
