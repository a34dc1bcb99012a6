/** An unreadable record in Redis: an error of that record alone, while Redis itself answers. */

import { isOutage } from './outage.ts';

export class BadRecordError extends Error {
  constructor(what: string, cause?: unknown) {
    super(`The record of ${what} in Redis cannot be read. Delete it, or create it anew.`, { cause });
    this.name = 'BadRecordError';
  }
}

/** What Redis and scripts answer when a key has another type, or a field is not a number. */
const OF_ONE_RECORD = /WRONGTYPE|is not an integer|not a valid float|user_script|running script/;

/** The error of a single record; undefined for an error that means that Redis cannot be asked. */
export function badRecord(error: unknown): BadRecordError | undefined {
  if (error instanceof BadRecordError) return error;
  const isReply = error instanceof Error && error.name === 'ReplyError' && !isOutage(error);
  return isReply && OF_ONE_RECORD.test(error.message) ? new BadRecordError('what was asked for', error) : undefined;
}
