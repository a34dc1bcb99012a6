/** Which streams have viewers who share one connection to the provider. Pure. */

import type { StreamRecord } from '../../../registry/types.ts';
import { StreampoolError } from '../errors.ts';
import { hintFromUrl } from '../upstream/provider/source-kind.ts';

/** The viewers of this direct stream have a connection each. */
export class NotSharedError extends StreampoolError {
  constructor(why: string) {
    super(503, `${why}, so its viewers cannot share one connection.`);
  }
}

/**
 * Transcoded streams always are shared; of the others only live ones can be.
 *
 * @param byDefault SHARE_DIRECT_STREAMS, for streams whose creator does not say
 */
export function isShared(
  { profile, share, unshareable, failover }: Pick<StreamRecord, 'profile' | 'share' | 'unshareable' | 'failover'>,
  byDefault: boolean,
): boolean {
  if (profile !== undefined) return true;
  const hint = hintFromUrl(failover.currentUrl);
  return (share ?? byDefault) && !unshareable && (hint === 'mpegts' || hint === 'unknown');
}
