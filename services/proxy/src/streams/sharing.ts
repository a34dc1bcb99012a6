/** Which streams have viewers that share one connection to the provider. Pure. */

import type { StreamRecord } from '../../../registry/types.ts';
import { StreampoolError } from '../errors.ts';
import { hintFromUrl, isDash } from '../upstream/provider/source-kind.ts';

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
  stream: Pick<StreamRecord, 'profile' | 'share' | 'unshareable' | 'failover' | 'dashUrl'>,
  byDefault: boolean,
): boolean {
  const { profile, share, unshareable, failover } = stream;
  if (profile !== undefined) return true;
  if (isDash(stream, failover.currentUrl)) return false;
  const hint = hintFromUrl(failover.currentUrl);
  return (share ?? byDefault) && !unshareable && (hint === 'mpegts' || hint === 'unknown');
}
