/** Tells that a stream does not play, or plays no longer, because none of its sources does. */

import type { EventTeller } from '../../../registry/registry.ts';
import { maskText } from '../../../shared/masking/mask.ts';
import { LimitError, SourceError } from '../errors.ts';

/**
 * At most once a minute for each stream: players that are refused ask again and again.
 * @param data of whom it is known
 */
export function tellFailure(
  registry: EventTeller,
  streamId: string,
  error: unknown,
  data: Readonly<Record<string, unknown>>,
): void {
  // Nobody wants it any more, or it was never tried.
  if (error instanceof LimitError || (error instanceof SourceError && error.reason === 'stopped')) return;
  registry.tellEvent({
    type: 'stream_failed',
    kind: `stream_failed ${streamId}`,
    streamId,
    data: {
      ...data,
      error: maskText(error instanceof Error ? error.message : String(error)),
      error_type: error instanceof SourceError ? error.reason : 'internal',
      reason: 'no_failover_available',
    },
  });
}
