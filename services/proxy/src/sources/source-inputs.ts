/** One input of a source feed, from its beginning to its end: the provider, another worker, or another group's feed here. */

import { SourceError, StreampoolError } from '../errors.ts';
import type { SourceClock } from '../feed/feed-history.ts';
import { follow } from '../ownership/follow.ts';
import type { RelayedMarks } from '../relay/mark-frames.ts';
import { relayedError } from '../relay/relayed-failure.ts';
import type { SourceKind } from '../upstream/provider/source-kind.ts';
import { followHere } from './local-follow.ts';
import type { Leader, Origin } from './origin.ts';
import type { SourceMedia } from './source-media.ts';

export interface SourceInput {
  readonly origin: Origin;
  readonly media: SourceMedia;
  /** Aborted when the feed leaves the input, or is closed. */
  readonly signal: AbortSignal;
  readonly onOpened: (kind: SourceKind) => void;
  /** Called with each piece of media. */
  readonly onMedia: () => void;
}

/**
 * Why an input is over: its error, `moved` when the feed goes on elsewhere or at another place, `other_kind` when the source is
 * not for this feed.
 */
export type InputEnd = StreampoolError | 'other_kind' | 'moved';

/**
 * Follows the worker that reads the source, until that changes.
 * @param fromTicks how far back the relay must start, in 33-bit ticks on the feed's timeline
 * @param isCalledAway whether the feed goes on at another source now
 */
export async function followOwner(
  { origin, media, signal, onOpened, onMedia }: SourceInput,
  fromTicks: number | undefined,
  isCalledAway: () => Promise<boolean>,
): Promise<InputEnd> {
  const { place, watch, connections } = origin;
  // The next connection continues where the other worker's ended, not where this worker's last one began.
  watch.forget();
  const received = (clock: SourceClock | undefined, marks: RelayedMarks | undefined) => {
    onOpened({ kind: 'mpegts' });
    onMedia();
    media.began();
    if (clock?.origin !== undefined) media.noteOrigin(clock.origin);
    if (media.history.isForeign) media.noteForeign();
    else if (marks?.source !== undefined) media.marks.hear(marks.source);
    media.noteClock(clock?.shift);
  };
  const options = { signal, fromTicks, isCopy: true, clock: media.clock, sent: media.sent, onMedia: received };
  const outcome = await follow(media.at(place), options);
  if (signal.aborted || (await isCalledAway())) return 'moved';
  if (outcome.kind === 'failed') return relayedError(outcome);
  if (outcome.kind === 'ended') return new SourceError('ended', 'The worker that read the source closed it.');
  await place.afterRelay(outcome, signal);
  // The worker that would have handed over is gone, and another one reads the source.
  if (place.current.kind === 'relay') connections.dropPrepared();
  return 'moved';
}

/** Reads what another group of this worker reads. `left`: nobody reads the source any more. */
export async function followLeader(
  { origin, media, signal, onOpened, onMedia }: SourceInput,
  leader: Leader,
): Promise<InputEnd | 'left'> {
  const received = () => {
    onOpened({ kind: 'mpegts' });
    onMedia();
    media.began();
    const { isForeign } = media.history;
    if (isForeign) media.noteForeign();
    else media.marks.hear(leader.marks);
    media.noteClock(isForeign ? undefined : leader.sourceClock?.shift);
  };
  const { feed } = origin.place;
  const end = await followHere(media, leader, feed, { signal, onMedia: received });
  if (signal.aborted) return 'moved';
  if (end === 'left' || end.kind !== 'failed') return 'left';
  return end.error instanceof StreampoolError ? end.error : new SourceError('ended', end.error.message);
}
