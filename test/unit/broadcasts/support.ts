/** What tests of broadcasts begin with. */

import {
  newIndex,
  type RecordingIndex,
  withSegment,
} from '../../../services/proxy/src/broadcasts/store/recording-index.ts';
import type { BroadcastOrder, RecordedSegment } from '../../../services/registry/broadcasts/broadcast.ts';

/** 2026-01-01T00:00:00Z */
export const BEGIN_MS = Date.UTC(2026, 0, 1);

export function order(more: Partial<BroadcastOrder> = {}): BroadcastOrder {
  return {
    ...{ programme: 1, streamId: 'a'.repeat(32), streamUrl: 'http://provider.example/1.ts', kept: true, dvrMode: true },
    ...{
      segmentSeconds: 6,
      listSize: 0,
      startNumber: 0,
      discontinuity: false,
      durationSeconds: 0,
      seekSeconds: 0,
      metadata: {},
    },
    ...more,
  };
}

export function segment(more: Partial<Omit<RecordedSegment, 'n'>> = {}): Omit<RecordedSegment, 'n'> {
  return { epoch: 7, seconds: 6, pdtMs: BEGIN_MS, discontinuity: false, bytes: 1_000, ...more };
}

/** An index with these segments. */
export function indexOf(
  segments: readonly Partial<Omit<RecordedSegment, 'n'>>[],
  more: Partial<BroadcastOrder> = {},
): RecordingIndex {
  return segments.reduce<RecordingIndex>(
    (index, each) => withSegment(index, segment(each)).index,
    newIndex('news', 7, order(more), BEGIN_MS),
  );
}
