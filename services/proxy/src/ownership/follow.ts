/** Follows a feed that another worker makes: its media goes into the feed here, on the same timeline. */

import type { Feed } from '../feed/feed.ts';
import {
  type FeedHistory,
  type FeedPoint,
  isSameClock,
  type SourceClock,
  type SourceOrigin,
  shiftBetween,
} from '../feed/feed-history.ts';
import type { FeedOutput } from '../feed/feed-output.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { RelayedMarks } from '../relay/mark-frames.ts';
import { type RelayOutcome, startRelayRun } from '../relay/relay-run.ts';
import type { FeedPlace } from './feed-place.ts';

/** A feed together with its place and output. */
export interface PlacedFeed {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly history: FeedHistory;
  readonly output: FeedOutput;
  readonly ringLimits: () => RingLimits;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Where to begin when the feed here is empty, in 33-bit ticks; undefined: where a viewer would. */
  readonly fromTicks?: number | undefined;
  /** Its pictures are those of its source, whichever worker makes it. */
  readonly isCopy: boolean;
  /** What a source feed has sent lately. Unset: it is a process feed. */
  readonly sent?: SourceOrigin['sent'];
  /** The source clock of the media that is here. */
  readonly clock: SourceClock | undefined;
  /**
   * Called with each piece of media, and with the source clock and the marks that the owner reports. On another timeline than this
   * feed's they mean nothing, and are undefined.
   */
  readonly onMedia: (clock: SourceClock | undefined, marks: RelayedMarks | undefined) => void;
  /** Called with what the owner says of its segments. Unset: the feed has none. */
  readonly onWindow?: (news: SegmentNews) => void;
}

/** From dialling the owner to the end of the connection. */
export async function follow(placed: PlacedFeed, options: FollowOptions): Promise<RelayOutcome> {
  const { history, output, place } = placed;
  const { current } = place;
  const { lastDts } = output;
  const beginning: FeedPoint = { ticks: options.fromTicks, timeline: undefined };
  const from = lastDts === undefined ? beginning : history.endOn(lastDts, output.shift);
  const outcome = await followFrom(placed, options, from);
  if ('kind' in outcome) return outcome;
  if (place.current !== current && current.kind === 'relay')
    return { kind: 'lost', owner: current.owner, why: 'closed' };
  const next = await followFrom(placed, options, outcome);
  // It has got another timeline meanwhile.
  return 'kind' in next ? next : follow(placed, options);
}

/** One connection. Returns where to begin another one, when that was found out at the first media. */
async function followFrom(
  placed: PlacedFeed,
  options: FollowOptions,
  from: FeedPoint,
): Promise<RelayOutcome | FeedPoint> {
  const { feed, place, history, output, ringLimits } = placed;
  const { current } = place;
  if (current.kind !== 'relay') throw new Error(`${place.feed} is made here and cannot be followed`);
  const { lastDts } = output;
  const leaving = new AbortController();
  const run = startRelayRun({
    feed: place.feed,
    owner: current.owner,
    via: current.via,
    me: place.me,
    secret: place.secret,
    afterTicks: from.ticks,
    onTimeline: from.timeline,
    // Of what has come until now, nothing is said of a later owner: at worst a picture to begin with is waited for.
    onLineage: (lineage) => void history.follow(lineage, output.lastDts),
    onWindow: options.onWindow,
    signal: AbortSignal.any([options.signal, leaving.signal]),
    wire: place.wire,
  });
  const hello = await run.hello;
  if (hello === undefined) return run.ended;
  place.relayAnswered();
  if (lastDts === undefined && hello.ticks !== undefined) output.goOn(hello.ticks, place.wire.clock.monotonicMs());
  const met = hello.lineage.timeline === from.timeline ? from.continues : undefined;
  const followed = history.follow(hello.lineage, lastDts);
  const continues = met ?? followed;
  let hasBegun = false;
  for await (const item of run.output) {
    place.relayAnswered();
    // The owner may send what is here already before it has any picture of the source that it has moved to.
    const hasNothingNew = lastDts !== undefined && output.lastDts === lastDts;
    if (hasNothingNew && met === undefined && options.isCopy && continues?.samePictures !== true) {
      // The owner has begun anew, or gone on by itself. Its pictures show where what is here ends.
      const shift = shiftBetween(options.clock, run.sourceClock, options.sent);
      if (shift !== undefined && (continues === undefined || shift !== 0)) {
        leaving.abort();
        if (hasBegun) output.end(false);
        return history.partFrom(hello.lineage, lastDts, shift);
      }
    }
    if (!hasBegun) {
      const isSame = options.isCopy && isSameClock(options.clock, run.sourceClock);
      output.begin({
        kind: 'relay',
        continues: continues && { ...continues, samePictures: continues.samePictures || isSame },
      });
    }
    hasBegun = true;
    if (history.isForeign) options.onMedia(undefined, undefined);
    else options.onMedia(run.sourceClock, run.marks);
    if (item === 'whole') output.flush();
    else output.push(item, place.wire.clock.monotonicMs());
    feed.ring.setLimits(ringLimits());
    feed.publish();
  }
  const outcome = await run.ended;
  if (hasBegun) output.end(outcome.kind === 'moved' || outcome.kind === 'ended');
  feed.publish();
  return outcome;
}
