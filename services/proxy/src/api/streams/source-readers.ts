/** Who reads a source, or uses an account of a provider, in the whole cluster. */

import { factsOf } from '../../../../registry/events/stream-facts.ts';
import type { StreamRecord, WorkerRecord } from '../../../../registry/types.ts';
import type { SourceAddress } from '../../upstream/provider/source-address.ts';
import { hlsFeedOf, sourceFeedOf } from '../../upstream/provider/source-key.ts';

/** The ids of the streams that read a source; undefined when the cluster has no connection for it. */
export function readersOf(workers: readonly WorkerRecord[], address: SourceAddress): string[] | undefined {
  const keys = new Set([sourceFeedOf(address), hlsFeedOf(address)]);
  if (!workers.some(({ connections }) => Object.keys(connections?.held ?? {}).some((name) => keys.has(name)))) {
    return undefined;
  }
  return streamsReading(workers, (name) => keys.has(name));
}

/** How many connections an account has, and the ids of the streams that use them. */
export function usersOf(workers: readonly WorkerRecord[], account: string): { count: number; streams: string[] } {
  const held = workers.flatMap(({ accounts = {} }) => Object.entries(accounts[account]?.held ?? {}));
  const holders = new Set(held.map(([holder]) => holder));
  const own = [...holders].filter((holder) => !holder.includes(':'));
  return {
    count: held.reduce((sum, [, count]) => sum + count, 0),
    streams: [...own, ...streamsReading(workers, (name) => holders.has(name))],
  };
}

function streamsReading(workers: readonly WorkerRecord[], isMeant: (name: string) => boolean): string[] {
  return workers.flatMap(({ connections }) =>
    Object.entries(connections?.reads ?? {}).flatMap(([streamId, names]) => (names.some(isMeant) ? [streamId] : [])),
  );
}

/** Streams that are named. */
const NAMED = 10;

/** The names of the first of these streams. */
export async function namesOf(
  registry: { streamsOf(ids: readonly string[]): Promise<readonly StreamRecord[]> },
  ids: readonly string[],
): Promise<string[]> {
  const streams = await registry.streamsOf([...new Set(ids)].slice(0, NAMED));
  return streams.map((stream) => factsOf(stream).about.name);
}
