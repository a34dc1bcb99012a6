/** Which streams have viewers that share one connection to the provider. Pure. */

import type { StreamRecord } from '../../../registry/types.ts';
import { StreampoolError } from '../errors.ts';
import { hintFromUrl } from '../upstream/provider/source-kind.ts';

/** Each viewer of this direct stream has a connection of its own. */
export class NotSharedError extends StreampoolError {
  constructor(why: string) {
    super(503, `${why}, so its viewers cannot share one connection.`);
  }
}

/**
 * Transcoded streams are always shared. Direct streams can be shared if they are live.
 *
 * @param byDefault SHARE_DIRECT_STREAMS, for streams whose creator does not set `share`
 */
export function isShared(
  { profile, share, unshareable, failover }: Pick<StreamRecord, 'profile' | 'share' | 'unshareable' | 'failover'>,
  byDefault: boolean,
): boolean {
  if (profile !== undefined) return true;
  const hint = hintFromUrl(failover.currentUrl);
  return (share ?? byDefault) && !unshareable && (hint === 'mpegts' || hint === 'unknown');
}
