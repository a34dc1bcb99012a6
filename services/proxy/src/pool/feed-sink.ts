/** Puts what a splicer or a fragmenter makes into a feed's ring. */

import type { Feed } from '../feed/feed.ts';
import type { SpliceSink } from '../mpegts/splicer.ts';
import { TICKS_PER_SECOND } from '../mpegts/timestamp.ts';

const TICKS_PER_MS = TICKS_PER_SECOND / 1000;

export function feedSink(feed: Feed): SpliceSink {
  const { ring } = feed;
  return {
    packets: (bytes, start, end) => ring.append(bytes, start, end),
    progress: (dts) => ring.advance(dts / TICKS_PER_MS),
    programChanged: () => ring.forgetEntries(),
    randomAccess: ({ prefix, dts, pts }) => ring.mark(prefix, dts / TICKS_PER_MS, pts / TICKS_PER_MS),
  };
}
