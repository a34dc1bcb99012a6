/** The state of a broadcast as people are told it. Pure. */

import { type BroadcastState, hasEnded, type ShownBroadcast } from '../../../../registry/broadcasts/broadcast.ts';

/** What was asked to end is `stopping` until its worker has ended it. */
export function shownState({ isStopped, progress }: ShownBroadcast): BroadcastState {
  const state = progress?.state ?? 'starting';
  return isStopped && !hasEnded(state) ? 'stopping' : state;
}
