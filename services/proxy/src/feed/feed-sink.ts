/** Puts the output of a splicer or a fragmenter into a feed's ring. */

import type { SpliceSink } from '../mpegts/splicing/splicer.ts';
import { TICKS_PER_MS } from '../mpegts/syntax/timestamp.ts';
import type { Feed } from './feed.ts';

export function feedSink(feed: Feed): SpliceSink {
  const { ring } = feed;
  return {
    packets: (bytes, start, end) => ring.append(bytes, start, end),
    progress: (dts) => ring.advance(dts / TICKS_PER_MS),
    programChanged: () => ring.forgetEntries(),
    continuation: ({ prefix, dts, pts }) => ring.begin(prefix, dts / TICKS_PER_MS, pts / TICKS_PER_MS),
    randomAccess: ({ prefix, dts, pts }) => ring.mark(prefix, dts / TICKS_PER_MS, pts / TICKS_PER_MS),
  };
}
