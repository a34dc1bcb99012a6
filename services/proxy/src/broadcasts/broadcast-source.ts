/** The stream that a broadcast is cut from, when it is made for it. */

import type { BroadcastSource } from '../../../registry/broadcasts/broadcast.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import type { StreamCatalogue } from '../streams/stream-catalogue.ts';

/**
 * Creates it, or finds the one that is there.
 * @throws {StreampoolError} 422 for a URL, a header or a profile that is not allowed, 503 when there are too many streams
 */
export async function createSource(
  catalogue: Pick<StreamCatalogue, 'createDirect' | 'createTranscoded'>,
  { profile, audioLanguage, ...source }: BroadcastSource,
  metadata: Readonly<Record<string, string>>,
): Promise<StreamRecord> {
  const order = { ...source, metadata };
  const { stream } = await (profile === undefined
    ? catalogue.createDirect(order)
    : catalogue.createTranscoded({ ...order, profile, audioLanguage }));
  return stream;
}
