/** Puts the output of one run into its feed, from the run's start to its end. */

import type { SourceClock, SourceOrigin } from '../feed/feed-history.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { PlacedFeed } from '../ownership/follow.ts';
import { paced } from './output/pacer.ts';
import type { Run, RunEnd } from './run.ts';

export interface IntoFeedOptions {
  /** See `Production`. */
  readonly samePictures: boolean;
  /** See `Production`. */
  readonly aheadMs: number | undefined;
  /** The source clock of the run before. */
  readonly clock: SourceClock | undefined;
  /** Called with each piece of media, and with the source clock of the run as far as it is known. */
  readonly onMedia: (clock: SourceClock | undefined) => void;
}

export interface RunResult {
  readonly end: RunEnd;
  /** Media that the run added to the feed. */
  readonly addedMs: number;
}

/**
 * Ends the run when another worker owns the feed.
 * @throws {FiniteSourceError} when the source has an end and viewers have seen nothing of it yet
 */
export async function intoFeed(run: Run, placed: PlacedFeed, options: IntoFeedOptions): Promise<RunResult> {
  const { feed, place, output, ringLimits } = placed;
  const { ring } = feed;
  await refuseFinite(run, ring.head);
  let { clock } = options;
  const timeline = run.source?.history.current.timeline;
  const known = timeline === clock?.timeline ? clock : undefined;
  const continues = known && { shift: known.shift, samePictures: options.samePictures };
  output.begin(run.source === undefined ? { kind: 'source' } : { kind: 'run', continues });
  // A run on another clock continues at the wall clock. That jump is not media.
  const fromBytes = ring.head;
  let fromMs = continues === undefined ? undefined : ring.headMs;
  let addedMs = 0;
  for await (const chunk of flowOf(run, placed, options)) {
    if (!(await place.mayPass())) {
      run.kill();
      break;
    }
    output.push(chunk, feed.clock.monotonicMs());
    clock = clockOf(timeline, output.shift, run.source?.origin, clock);
    options.onMedia(clock);
    if (ring.head > fromBytes) fromMs ??= ring.headMs;
    addedMs = ring.headMs - (fromMs ?? ring.headMs);
    ring.setLimits(ringLimits());
    feed.publish();
  }
  const end = await run.ended;
  output.end(end.orderly);
  feed.publish();
  return { end, addedMs };
}

/** A source feed flows evenly. What FFmpeg reads itself may come in bursts. */
function flowOf(run: Run, { feed, ringLimits }: PlacedFeed, { aheadMs }: IntoFeedOptions): AsyncIterable<Buffer> {
  if (run.source !== undefined || aheadMs === undefined) return run.output;
  return paced(run.output, { aheadMs: Math.max(aheadMs, ringLimits().joinBufferMs), clock: feed.clock });
}

/** A source that FFmpeg opened may turn out to have an end. */
async function refuseFinite(run: Run, headBytes: number): Promise<void> {
  if (run.source !== undefined || headBytes > 0) return;
  if ((await run.duration) !== undefined) throw new FiniteSourceError();
}

/** What is known of the source clock once the output has this shift. */
function clockOf(
  timeline: string | undefined,
  shift: number | undefined,
  origin: SourceOrigin | undefined,
  known: SourceClock | undefined,
): SourceClock | undefined {
  if (shift === undefined) return known;
  if (known?.timeline === timeline && known?.shift === shift && known?.origin === origin) return known;
  return timeline === undefined ? undefined : { timeline, shift, origin };
}
