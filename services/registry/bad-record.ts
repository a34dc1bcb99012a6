/** A record in Redis that cannot be believed: an error that concerns nothing but itself, while Redis answers as well as ever. */

export class BadRecordError extends Error {
  constructor(what: string, cause?: unknown) {
    super(`The record of ${what} in Redis cannot be read. Delete it, or create it anew.`, { cause });
    this.name = 'BadRecordError';
  }
}

/** What Redis says when a key is of another type, or a field no number; and of scripts that meet such a thing. */
const OF_ONE_RECORD = /WRONGTYPE|is not an integer|not a valid float|user_script|running script/;

/** The error of one record, if it is that; undefined for one that says that Redis cannot be asked. */
export function badRecord(error: unknown): BadRecordError | undefined {
  if (error instanceof BadRecordError) return error;
  const isReply = error instanceof Error && error.name === 'ReplyError';
  return isReply && OF_ONE_RECORD.test(error.message) ? new BadRecordError('what was asked for', error) : undefined;
}
