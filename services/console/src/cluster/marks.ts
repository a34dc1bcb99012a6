/** What the drawing says of takeovers that have just happened. Pure. */

import type { ShownEvent } from '../../../shared/console/live.ts';

/** A takeover is marked for so long. */
export const MARKED_MS = 60_000;

/** What one worker has taken over from others in the last minute. */
export interface Mark {
  /** Feeds that it took over. */
  readonly count: number;
  /** Of a stream, if it is one. */
  readonly name: string;
  /** The longest time without media; undefined where nobody knows. */
  readonly gapMs: number | undefined;
  /** Viewers who stayed. */
  readonly kept: number;
}

/** By the name of the worker that took over. */
export function marksOf(events: readonly ShownEvent[], nowMs: number): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const { event_type: type, timestamp, data } of events) {
    if (type !== 'takeover' || typeof data.to !== 'string') continue;
    if (nowMs - Date.parse(timestamp) > MARKED_MS) continue;
    const before = marks.get(data.to);
    const gaps = [before?.gapMs, numberOf(data.gap_ms)].filter((gap) => gap !== undefined);
    marks.set(data.to, {
      count: (before?.count ?? 0) + 1,
      name: typeof data.name === 'string' ? data.name : '',
      gapMs: gaps.length === 0 ? undefined : Math.max(...gaps),
      kept: (before?.kept ?? 0) + (numberOf(data.clients_kept) ?? 0),
    });
  }
  return marks;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
