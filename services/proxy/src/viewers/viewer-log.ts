/** What the log says of viewers: that one has come, and what it has got when it leaves. */

import type { ClientRecord } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';

export const VIEWER_LEFT = 'viewer left';

/** What a viewer has got; what is not known is left out. */
export interface Got {
  /** When it left, ms since 1970. */
  readonly atMs: number;
  readonly bytes?: number | undefined;
  /** How often it fell out of the ring. */
  readonly skips?: number | undefined;
}

export function logJoined(log: Logger, { id, streamId, username, ipAddress, userAgent }: ClientRecord): void {
  log.info({ stream: streamId, client: id, user: username, ip: ipAddress, player: userAgent }, 'viewer joined');
}

export function logLeft(
  log: Logger,
  { id, streamId, connectedAtMs }: Pick<ClientRecord, 'id' | 'streamId' | 'connectedAtMs'>,
  { atMs, bytes, skips }: Got,
): void {
  const seconds = Math.max(0, Math.round((atMs - connectedAtMs) / 100) / 10);
  // Over less than a second it says nothing.
  const mbps = bytes === undefined || seconds < 1 ? undefined : Math.round((bytes * 8) / seconds / 10_000) / 100;
  log.info({ stream: streamId, client: id, seconds, mbps, bytes, skips }, VIEWER_LEFT);
}
