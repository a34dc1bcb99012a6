/** How many recordings and network channels there are, and how they are. Pure. */

import { hasEnded, type ShownBroadcast, shownState } from './broadcast.ts';

export interface KindTotals {
  total: number;
  /** Those that are not over. */
  running: number;
  failed: number;
  /** What their segments take. */
  bytes: number;
}

export interface BroadcastTotals {
  recordings: KindTotals;
  channels: KindTotals;
}

export function totalsOf(broadcasts: Iterable<ShownBroadcast>): BroadcastTotals {
  const totals: BroadcastTotals = { recordings: nothing(), channels: nothing() };
  for (const broadcast of broadcasts) {
    const { order, progress } = broadcast;
    const state = shownState(broadcast);
    const kind = order.kept ? totals.recordings : totals.channels;
    kind.total += 1;
    if (!hasEnded(state)) kind.running += 1;
    if (state === 'failed') kind.failed += 1;
    kind.bytes += progress?.bytes ?? 0;
  }
  return totals;
}

function nothing(): KindTotals {
  return { total: 0, running: 0, failed: 0, bytes: 0 };
}
