/** Events that a page has: each once, the newest first. Pure. */

import type { ShownEvent } from '../../../shared/console/live.ts';

/** Where an event stands in the record: its id begins with its ms, then comes a count. */
function positionOf({ event_id: id }: ShownEvent): readonly [number, number] {
  const [ms = '0', count = '0'] = id.split('-');
  return [Number(ms), Number(count)];
}

function newestFirst(a: ShownEvent, b: ShownEvent): number {
  const [aMs, aCount] = positionOf(a);
  const [bMs, bCount] = positionOf(b);
  return bMs - aMs || bCount - aCount;
}

/** @param kept how many of them the list may hold */
export function withEvents(list: readonly ShownEvent[], more: readonly ShownEvent[], kept: number): ShownEvent[] {
  const known = new Map([...list, ...more].map((event) => [event.event_id, event] as const));
  return [...known.values()].sort(newestFirst).slice(0, kept);
}

/** The id that stands right behind an event: asked for what is before it, the record answers with the event first. */
export function justAfter(eventId: string): string | undefined {
  const [, ms, count] = /^(\d{1,15})-(\d{1,15})$/.exec(eventId) ?? [];
  return ms === undefined ? undefined : `${ms}-${Number(count) + 1}`;
}

export interface Wanted {
  readonly types: readonly string[];
  readonly streamId: string;
  readonly workerId: string;
}

/** Whether an event is one of those that a page asks for. The worker decides the same for what was before. */
export function isWanted({ types, streamId, workerId }: Wanted, { event_type: type, stream_id, data }: ShownEvent) {
  if (types.length > 0 && !types.includes(type)) return false;
  if (streamId !== '' && stream_id !== streamId) return false;
  return workerId === '' || [data.worker_id, data.from, data.to].includes(workerId);
}
