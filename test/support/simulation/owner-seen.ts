/** Who owns a feed, as Redis has it. */

import type { RedisServer } from './redis-model.ts';

export interface OwnerSeen {
  readonly incarnation: string;
  readonly epoch: number;
}

export function ownerOf({ store }: RedisServer, feed: string): OwnerSeen | undefined {
  const value = store.value(`sp:owner:${feed}`);
  if (value?.kind !== 'hash') return undefined;
  const incarnation = value.fields.get('incarnation');
  // '-': its owner is proven dead, and nobody has taken it yet.
  if (incarnation === undefined || incarnation === '-') return undefined;
  return { incarnation, epoch: Number(value.fields.get('epoch')) };
}
