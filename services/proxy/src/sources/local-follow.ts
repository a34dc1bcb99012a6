/** Follows another source feed of this worker, of another group, that reads the same URL: a provider sees one connection. */

import { deferred } from '../async.ts';
import { Cursor } from '../feed/cursor.ts';
import type { FeedEnd } from '../feed/feed.ts';
import type { PlacedFeed } from '../ownership/follow.ts';
import type { Leader } from './origin.ts';

/**
 * @param feedKey what the leader has to read
 * @param onMedia called with each piece of media
 * @returns how the leader ended; `left` when it does not read that any more, or the signal has aborted
 */
export async function followHere(
  placed: Omit<PlacedFeed, 'place'>,
  leader: Leader,
  feedKey: string,
  { signal, onMedia }: { readonly signal: AbortSignal; readonly onMedia: () => void },
): Promise<FeedEnd | 'left'> {
  const { feed, history, output, ringLimits } = placed;
  const over = deferred<FeedEnd | 'left'>();
  const leave = () => over.resolve('left');
  signal.addEventListener('abort', leave, { once: true });
  const unsubscribe = leader.onLeave(feedKey, leave);
  try {
    const entry = await Promise.race([leader.feed.entry(), over.promise]);
    if (entry === 'left' || !('position' in entry)) return entry;
    output.begin({ kind: 'relay', continues: history.follow(leader.history.current, output.lastDts) });
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
    const cursor = new Cursor(leader.feed, entry, sink, 0);
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
