/** Where a feed that copies a marked source begins its segments, whenever it began and however often its run was killed. */

import { Cuts } from '../../services/proxy/src/feed/hls/cuts.ts';
import { ptsOn } from '../../services/proxy/src/feed/marks/feed-marks.ts';
import type { Mark } from '../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../services/proxy/src/feed/marks/mark-log.ts';
import { type RandomAccess, Splicer } from '../../services/proxy/src/mpegts/splicing/splicer.ts';
import { wrapTicks } from '../../services/proxy/src/mpegts/syntax/timestamp.ts';
import type { FeedEntry, MarkedFeed } from './segmented.ts';

/** A segment, by the clock of the source. */
export interface SegmentBegin {
  readonly n: number;
  readonly pts: number;
  readonly pdtMs: number;
}

export interface FeedCuts {
  readonly begins: readonly SegmentBegin[];
  /** Numbers without media, and marks at which the picture was no keyframe. */
  readonly faults: readonly string[];
}

/** Takes the pictures of one feed in decoding order, and the marks of its source. */
export class CutReader {
  readonly begins: SegmentBegin[] = [];
  readonly faults: string[] = [];
  readonly #cuts = new Cuts();

  /**
   * @param shift 33-bit ticks from the clock of the source to that of the feed
   * @param nearTicks a time of the feed, not wrapped
   */
  mark(mark: Mark, shift: number, nearTicks: number): void {
    const marks = { log: new MarkLog(), list: mark.list, timeline: 'source', shift };
    this.#cuts.mark(mark, ptsOn(marks, mark, nearTicks) - mark.pts);
  }

  picture(pts: number, keyframe: boolean): void {
    const { gaps, cut, fault } = this.#cuts.take({ pts, keyframe });
    // What lies before its first segment, a feed does not miss.
    if (this.begins.length > 0) {
      for (const { mark } of gaps) this.faults.push(`gap ${mark.n}`);
      if (fault !== undefined) this.faults.push(`fault ${fault.mark.n}`);
    }
    if (cut === undefined) return;
    const { n, pts: markPts, pdtMs } = cut.mark;
    this.begins.push({ n, pts: markPts + pts - cut.pts, pdtMs });
  }
}

export interface CopyOptions {
  /** Which entry of the source it begins at. */
  readonly entry: number;
  /** Its run is killed after so many bytes, and goes on from an entry before that. */
  readonly kills?: readonly number[];
  readonly hasPictures: boolean;
}

/** What the splicer of a process feed makes of a copy of the source. */
export function cutsOfCopy(source: MarkedFeed, { entry, kills = [], hasPictures }: CopyOptions): FeedCuts {
  const reader = new CutReader();
  let point: RandomAccess | undefined;
  let nearTicks = 0;
  const splicer = new Splicer(
    {
      packets: () => undefined,
      programChanged: () => undefined,
      continuation: () => undefined,
      randomAccess: (each) => {
        point = each;
      },
      progress: (dts, pts) => {
        nearTicks = dts;
        if (pts !== undefined) reader.picture(pts, point !== undefined || !hasPictures);
        point = undefined;
      },
    },
    { holdReordered: false, firstDts: undefined },
  );
  let told = 0;
  const read = ({ at: from, prefix }: FeedEntry, to: number) => {
    splicer.push(Buffer.from(prefix), 0);
    let at = from;
    const push = (until: number) => {
      if (until > at) splicer.push(Buffer.from(source.bytes.subarray(at, until)), 0);
      at = Math.max(at, until);
    };
    for (const { at: said, mark } of source.marks.slice(told)) {
      if (said > to) break;
      push(said);
      reader.mark(mark, splicer.shift ?? 0, nearTicks);
      told++;
    }
    push(to);
  };
  const first = source.entries[entry] as FeedEntry;
  // It begins with the clock of its first input, which begins anew each 26.5 hours.
  nearTicks = wrapTicks(first.dts);
  let begin = first;
  for (const [index, end] of [...kills, source.bytes.length].entries()) {
    const shift = splicer.shift ?? 0;
    splicer.beginInput({ kind: 'run', continues: index === 0 ? undefined : { shift, samePictures: true } });
    read(begin, end);
    splicer.endInput(end === source.bytes.length);
    begin = source.entries.findLast(({ at }) => at < end) ?? begin;
  }
  return { begins: reader.begins, faults: reader.faults };
}
