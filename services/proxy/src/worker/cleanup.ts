/** Cleans the registry up every now and then: any worker does it for all of them. */

import type { Housekeeping } from '../../../registry/registry.ts';
import type { Logger } from '../../../shared/log.ts';
import { VIEWER_LEFT } from '../viewers/viewer-log.ts';

export interface CleanupDeps {
  readonly registry: Housekeeping;
  readonly intervalMs: number;
  /** How long a stream is kept without a viewer. */
  readonly idleTtlMs: number;
  /** Ends what this worker has of a stream that was removed. */
  readonly drop: (streamId: string) => Promise<void>;
  readonly log: Logger;
}

/** @returns ends it */
export function startCleanup({ registry, intervalMs, idleTtlMs, drop, log }: CleanupDeps): () => void {
  const timer = setInterval(() => {
    const cleaned = registry.cleanup(idleTtlMs).then(({ expiredStreams, expiredSessions }) => {
      for (const { streamId, clientId } of expiredSessions)
        log.info({ client: clientId, stream: streamId }, VIEWER_LEFT);
      for (const id of expiredStreams) void drop(id);
      if (expiredStreams.length > 0)
        log.info({ streams: expiredStreams }, 'removed streams that were idle for STREAM_IDLE_TTL');
    });
    cleaned.catch((error: unknown) => log.warn({ err: error }, 'could not clean up the registry'));
  }, intervalMs);
  return () => clearInterval(timer);
}
