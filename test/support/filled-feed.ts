/** A feed into which its media goes piece by piece, with each mark before what it is about, and the segments of it on one worker. */

import { pino } from 'pino';
import { Feed } from '../../services/proxy/src/feed/feed.ts';
import type { FeedMarks } from '../../services/proxy/src/feed/marks/feed-marks.ts';
import { MarkLog } from '../../services/proxy/src/feed/marks/mark-log.ts';
import { FeedSegments } from '../../services/proxy/src/segments/feed-segments.ts';
import type { MarkedFeed } from './segmented.ts';

const NO_SOURCE = { openInARow: 0, openCounts: false };
/** What segments read of a `FeedPlace` where this worker makes the feed. */
export const OWN = {
  current: { kind: 'own', epoch: 1 },
  onOwner: () => () => undefined,
  mayPass: async () => true,
  wire: { clock: undefined },
};
const LOG = pino({ level: 'silent' });

export interface FilledOptions {
  /** From the times of its source to those of the feed, in ticks. */
  readonly shift?: number;
  /** How far its marks are behind its keyframes, in ticks. */
  readonly off?: number;
  readonly maxBytes?: number;
  /** HLS_LIST_SIZE */
  readonly size?: number;
  /** The worker has the media from this entry on. */
  readonly entry?: number;
  /** HLS_WAIT_TIME */
  readonly waitMs?: number;
  /** What the segments read of a `FeedPlace`. Unset: this worker makes the feed. */
  readonly place?: object;
}

export interface FilledFeed {
  readonly feed: Feed;
  readonly segments: FeedSegments;
  readonly state: { marks: FeedMarks; faults: number };
  /** Lets media in, up to this many bytes of all. */
  fill(to: number): void;
  /** How many bytes stand before a mark. */
  positionOf(mark: number): number;
}

export function filledFeed(
  media: MarkedFeed,
  { shift = 0, off = 0, maxBytes = 2 ** 30, size = 4, entry = 0, waitMs = 50, place = OWN }: FilledOptions = {},
): FilledFeed {
  const feed = new Feed({ retainMs: 60_000, joinBufferMs: 0, maxBytes: 2 ** 30 });
  const log = new MarkLog();
  const current: FeedMarks = { log, list: 'source', timeline: 'source', shift };
  const state = { marks: current, faults: 0 };
  let at = media.entries[entry]?.at ?? 0;
  const steps = [
    ...media.entries.slice(entry).map(({ at, prefix, dts }) => ({ at, run: () => feed.ring.mark(prefix, dts / 90) })),
    ...media.marks.map(({ at, mark }) => ({
      at,
      run: () => state.marks.log.add([{ ...mark, pts: mark.pts + off - state.marks.shift }], NO_SOURCE),
    })),
  ].sort((one, other) => one.at - other.at);
  const append = (end: number) => {
    if (end <= at) return;
    feed.ring.append(media.bytes, at, end);
    at = end;
    feed.publish();
  };
  const fill = (to: number) => {
    while (steps[0] !== undefined && steps[0].at < to) {
      append(steps[0].at);
      steps.shift()?.run();
    }
    append(to);
  };
  const segments = new FeedSegments({
    feed,
    container: 'ts',
    place: place as never,
    marks: () => state.marks,
    onFault: () => {
      state.faults++;
    },
    list: { segmentSeconds: 2, size: { segments: size } },
    maxBytes: () => maxBytes,
    log: LOG,
    settings: { startSegments: 2, waitMs, partMs: 330, maxClients: 0 },
  });
  return { feed, segments, fill, state, positionOf: (mark) => media.marks[mark]?.at ?? 0 };
}
