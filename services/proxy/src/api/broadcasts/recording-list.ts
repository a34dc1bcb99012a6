/** A page of the recordings and network channels that somebody searches for. Pure. */

import {
  type BroadcastKind,
  hasEnded,
  kindOfOrder,
  type ShownBroadcast,
  shownState,
} from '../../../../registry/broadcasts/broadcast.ts';
import type { RecordingFilter, RecordingPage, RecordingRow, RecordingSort } from '../../../../shared/console/lists.ts';
import { hasWords, type Page, type Position, pageOf } from '../lists/paging.ts';

export interface RecordingQuestion {
  readonly search: string;
  /** Undefined: of both kinds. */
  readonly kind: BroadcastKind | undefined;
  readonly state: RecordingFilter;
  readonly streamId: string | undefined;
  readonly sort: RecordingSort;
  readonly limit: number;
  readonly after: Position | undefined;
}

interface Entry extends Position {
  readonly broadcast: ShownBroadcast;
}

/** A cursor is JSON, which has no infinity. */
const NOT_BEGUN_MS = Number.MAX_SAFE_INTEGER;

export function recordingsOf(all: readonly ShownBroadcast[], question: RecordingQuestion): Page<Entry> {
  const { search, kind, state, streamId, sort, limit, after } = question;
  const entries: Entry[] = [];
  for (const broadcast of all) {
    const { id, order, progress } = broadcast;
    if (kind !== undefined && kindOfOrder(order) !== kind) continue;
    if (streamId !== undefined && order.streamId !== streamId) continue;
    if (!isLike(broadcast, state)) continue;
    if (search !== '' && !hasWords(textOf(broadcast), search)) continue;
    const values = {
      // What has not begun yet is the newest.
      age: progress?.startedAtMs ?? NOT_BEGUN_MS,
      length: progress?.seconds ?? 0,
      size: progress?.bytes ?? 0,
    };
    entries.push({ id, value: values[sort], broadcast });
  }
  return pageOf(entries, limit, after);
}

/** @param row how each is shown */
export function recordingPage(
  { items, total, next }: Page<Entry>,
  row: (broadcast: ShownBroadcast) => RecordingRow,
): RecordingPage {
  return { recordings: items.map(({ broadcast }) => row(broadcast)), total, next_cursor: next ?? null };
}

function isLike(broadcast: ShownBroadcast, wanted: RecordingFilter): boolean {
  const state = shownState(broadcast);
  if (wanted === 'all') return true;
  return wanted === 'running' ? !hasEnded(state) : wanted === 'ended' ? state === 'stopped' : state === 'failed';
}

function textOf({ id, order: { streamId, metadata }, progress }: ShownBroadcast): string {
  return [id, streamId, progress?.worker ?? '', ...Object.values(metadata)].join('\n');
}
