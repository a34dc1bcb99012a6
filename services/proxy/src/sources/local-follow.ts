/** Follows another source feed of this worker, of another group, that reads the same URL: a provider sees one connection. */

import { deferred } from '../async.ts';
import { Cursor } from '../feed/cursor.ts';
import type { FeedEnd } from '../feed/feed.ts';
import { type FeedPoint, shiftBetween } from '../feed/feed-history.ts';
import type { Leader } from './origin.ts';
import type { SourceMedia } from './source-media.ts';

/**
 * @param feedKey what the leader has to read
 * @param onMedia called with each piece of media
 * @returns how the leader ended; `left` when it does not read that any more, or the signal has aborted
 */
export async function followHere(
  media: SourceMedia,
  leader: Leader,
  feedKey: string,
  { signal, onMedia }: { readonly signal: AbortSignal; readonly onMedia: () => void },
): Promise<FeedEnd | 'left'> {
  const { feed, output, ringLimits } = media;
  const over = deferred<FeedEnd | 'left'>();
  const leave = () => over.resolve('left');
  signal.addEventListener('abort', leave, { once: true });
  const unsubscribe = leader.onLeave(feedKey, leave);
  try {
    const entry = await Promise.race([leader.feed.entry(), over.promise]);
    if (entry === 'left' || !('position' in entry)) return entry;
    const { ticks, continues } = endAt(leader, media);
    output.begin({ kind: 'relay', continues });
    const sink = {
      write: (bytes: Buffer, done: () => void, isAll: boolean) => {
        // The splicer rewrites packets in place, and these belong to the leader's readers.
        output.push(Buffer.from(bytes), feed.clock.monotonicMs());
        if (isAll) output.flush();
        onMedia();
        feed.ring.setLimits(ringLimits());
        feed.publish();
        feed.clock.setImmediate(done);
      },
      finished: (end: FeedEnd) => over.resolve(end),
      dropped: leave,
    };
    const after = ticks === undefined ? undefined : leader.feed.entryAfter(ticks);
    const cursor = new Cursor(leader.feed, after ?? entry, sink, 0);
    const end = await over.promise;
    cursor.close();
    output.end(end !== 'left');
    feed.publish();
    return end;
  } catch (error) {
    // The leader has ended before it had a picture.
    return { kind: 'failed', error: error instanceof Error ? error : new Error(String(error)) };
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', leave);
  }
}

/** Where this feed ends on the leader's timeline, if that or the pictures of both show it, and how the leader's media goes on there. */
function endAt(leader: Leader, { history, output, clock, sent }: SourceMedia): Pick<FeedPoint, 'ticks' | 'continues'> {
  const theirs = leader.history.current;
  const { lastDts } = output;
  const continues = history.follow(theirs, lastDts);
  if (lastDts === undefined || continues?.samePictures) return { ticks: undefined, continues };
  // Another source of the same channel may show the same pictures on another clock.
  const shift = shiftBetween(clock, leader.sourceClock, sent);
  if (shift !== undefined) return history.partFrom(theirs, lastDts, shift);
  return { ticks: undefined, continues };
}
