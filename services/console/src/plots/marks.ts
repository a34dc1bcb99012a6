/** Takeovers, handovers and restarts on the time line of the plots. */

import { MAX_ROWS, type ShownEvent } from '../../../shared/console/live.ts';
import { ask } from '../shell/ask.ts';

export const MARKED_TYPES = ['takeover', 'handover', 'ffmpeg_restarted'] as const;

const MARKED: ReadonlySet<string> = new Set(MARKED_TYPES);
/** Of events at one place so many are named. */
export const MOST_NAMED = 5;

/** Events that stand at one place of a plot. */
export interface PlotMark {
  /** Pixels from the left. */
  readonly x: number;
  /** The newest first. */
  readonly events: readonly ShownEvent[];
}

/** Those that have happened so far, the newest first; none when nobody answers: plots are worth seeing without their marks. */
export async function eventsBefore(streamId?: string): Promise<readonly ShownEvent[]> {
  const of: Record<string, string> = streamId === undefined ? {} : { stream_id: streamId };
  const question = new URLSearchParams({ limit: String(MAX_ROWS), type: MARKED_TYPES.join(','), ...of });
  try {
    return (await ask<{ events: ShownEvent[] }>(`/events?${question}`)).events;
  } catch {
    return [];
  }
}

export function marked(events: readonly ShownEvent[]): ShownEvent[] {
  return events.filter(({ event_type: type }) => MARKED.has(type));
}

/**
 * @param xOf where a time stands, in pixels
 * @param width of the plot: what lies beyond is left out
 * @param apartPx nearer ones are one mark
 */
export function plotMarks(
  events: readonly ShownEvent[],
  xOf: (ms: number) => number,
  width: number,
  apartPx: number,
): PlotMark[] {
  const marks: { x: number; events: ShownEvent[] }[] = [];
  for (const event of events) {
    const x = Math.round(xOf(Date.parse(event.timestamp)));
    if (!(x >= 0 && x <= width)) continue;
    const near = marks.find((mark) => Math.abs(mark.x - x) < apartPx);
    if (near === undefined) marks.push({ x, events: [event] });
    else near.events.push(event);
  }
  return marks;
}
