/** A segment that is longer than the ring of its feed: memory that the ring has dropped goes to the next media, but not before the segment ends. */

import { expect, it, vi } from 'vitest';
import { CHUNK_BYTES } from '../../../services/proxy/src/feed/chunk.ts';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import type { Done } from '../../../services/proxy/src/feed/hls/segment-events.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { FeedCutter } from '../../../services/proxy/src/segments/media/feed-cutter.ts';
import { markedLoop, segmentsOf } from '../../support/segmented.ts';

const PIECE_BYTES = 64 * 188;

/** A feed of this media, of which the ring has the first entry, and what cuts it. */
function cut({ bytes, entries, marks }: Awaited<ReturnType<typeof markedLoop>>, maxBytes: number) {
  const feed = new Feed({ retainMs: 0, joinBufferMs: 0, maxBytes });
  const log = new MarkLog();
  for (const { mark } of marks) log.add([mark], { openInARow: 0, openCounts: false });
  const [entry] = entries;
  feed.ring.append(bytes, 0, entry?.at ?? 0);
  feed.ring.mark(entry?.prefix as Buffer, (entry?.dts ?? 0) / 90);
  const dones: Done[] = [];
  const cutter = new FeedCutter({
    ...{ feed, container: 'ts', after: undefined, from: undefined, endBefore: () => undefined },
    marks: () => ({ log, list: 'source', timeline: 'source', shift: 0 }),
    ...{ partSeconds: 0, decided: () => undefined, onCut: () => undefined, onPart: () => undefined },
    onDone: (done) => dones.push(done),
    onFault: () => undefined,
  });
  return { feed, cutter, dones, from: entry?.at ?? 0 };
}

it('keeps the media of a segment that the ring has dropped meanwhile, and lets go of it at the end', async () => {
  const media = await markedLoop('heavy', { seconds: 45, segmentSeconds: 10 });
  const { feed, cutter, dones, from } = cut(media, 1);
  for (let at = from; at < media.bytes.length; at += PIECE_BYTES) {
    feed.ring.append(media.bytes, at, Math.min(at + PIECE_BYTES, media.bytes.length));
    feed.publish();
  }
  feed.finish({ kind: 'ended' });
  cutter.close();
  expect(feed.ring.heldBytes).toBeLessThan(3 * CHUNK_BYTES);
  const whole = segmentsOf(media).dones.map(({ ts }) => ts as { bytes: Buffer; crc: number });
  expect(Math.min(...whole.slice(1, -1).map(({ bytes }) => bytes.length))).toBeGreaterThan(3 * CHUNK_BYTES);
  expect(dones.map(({ ts }) => ts?.crc)).toEqual(whole.map(({ crc }) => crc));
});

it('reads nothing more once it is closed, not even when its feed ends', async () => {
  const media = await markedLoop('plain', { seconds: 6, segmentSeconds: 1 });
  const { feed, cutter, dones, from } = cut(media, media.bytes.length * 2);
  feed.ring.append(media.bytes, from, media.bytes.length);
  feed.publish();
  const before = dones.length;
  expect(before).toBeGreaterThan(1);
  cutter.close();
  const reads = vi.spyOn(feed.ring, 'chunkAt');
  feed.finish({ kind: 'ended' });
  expect([dones.length, reads.mock.calls]).toEqual([before, []]);
});
