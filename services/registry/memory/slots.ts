/** Chooses the shared process of a stream that a client joins. Pure. */

/**
 * First a slot with room whose feed the worker already has, then any slot with room, then a new one; always the lowest.
 * @param clients clients per slot; an index without clients may be 0 or absent
 * @param cap clients per slot; 0: no cap
 */
export function chooseSlot(clients: ReadonlyMap<number, number>, localSlots: readonly number[], cap: number): number {
  const hasRoom = (slot: number) => cap === 0 || (clients.get(slot) ?? 0) < cap;
  const lowest = (slots: readonly number[]) => (slots.length === 0 ? undefined : Math.min(...slots));
  const used = [...clients.keys()];
  const open = lowest(localSlots.filter(hasRoom)) ?? lowest(used.filter(hasRoom));
  if (open !== undefined) return open;
  let slot = 0;
  while (clients.has(slot)) slot++;
  return slot;
}
