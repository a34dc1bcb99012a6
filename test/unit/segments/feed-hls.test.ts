/** Segments of one feed in two containers: what they share, and what happens when the memory is too little for both. */

import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import type { Container } from '../../../services/proxy/src/feed/hls/segment-events.ts';
import type { FeedMarks } from '../../../services/proxy/src/feed/marks/feed-marks.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { FeedHls } from '../../../services/proxy/src/segments/feed-hls.ts';
import { OWN } from '../../support/filled-feed.ts';
import { type MarkedFeed, markedLoop, segmentsOf } from '../../support/segmented.ts';
import { until } from '../../support/until.ts';

const { signal } = new AbortController();
const NO_SOURCE = { openInARow: 0, openCounts: false };

let media: MarkedFeed;
beforeAll(async () => {
  media = await markedLoop('bframes', { seconds: 24 });
});

/** A feed with all of the media. @param off how far its marks are behind its keyframes */
function filled({ maxBytes = 2 ** 30, off = 0, maxClients = 0 } = {}) {
  const feed = new Feed({ retainMs: 60_000, joinBufferMs: 0, maxBytes: 2 ** 30 });
  const log = new MarkLog();
  const marks: FeedMarks = { log, list: 'source', timeline: 'source', shift: 0 };
  const faults: number[] = [];
  const hls = new FeedHls({
    ...{ feed, place: OWN as never, marks: () => marks, onFault: ({ n }) => faults.push(n) },
    ...{ maxBytes: () => maxBytes, list: { segmentSeconds: 2, size: { segments: 8 } } },
    ...{ settings: { startSegments: 2, waitMs: 50, partMs: 330, maxClients }, log: pino({ level: 'silent' }) },
    choice: { of: async () => 'ts', decided: 'ts' },
  });
  let at = 0;
  for (const { at: position, prefix, dts } of media.entries) {
    feed.ring.append(media.bytes, at, position);
    feed.ring.mark(prefix, dts / 90);
    at = position;
  }
  feed.ring.append(media.bytes, at, media.bytes.length);
  log.add(
    media.marks.map(({ mark }) => ({ ...mark, pts: mark.pts + off })),
    NO_SOURCE,
  );
  feed.publish();
  return { feed, hls, faults };
}

async function textOf(hls: FeedHls, container: Container): Promise<string> {
  return (await hls.want().of(container).playlist(signal)).text;
}

function numbersIn(text: string): number[] {
  return [...text.matchAll(/^segment\.(?:ts|m4s)\?n=(\d+)$/gm)].map(([, n]) => Number(n));
}

describe('two containers of one feed', () => {
  it('have the same numbers, and the media of the segmenter', async () => {
    const { hls } = filled();
    const [ts, fmp4] = [await textOf(hls, 'ts'), await textOf(hls, 'fmp4')];
    expect(numbersIn(fmp4)).toEqual(numbersIn(ts));
    expect(hls.status?.containers).toEqual(['ts', 'fmp4']);
    const { dones, parts } = segmentsOf(media, { containers: { ts: false, fmp4: true }, partTicks: 0.33 * 90_000 });
    const [, init = ''] = /EXT-X-MAP:URI="segment\.mp4\?k=(\w+)"/.exec(fmp4) ?? [];
    const wanted = hls.want().of('fmp4');
    expect((await wanted.init(init)).equals(dones[0]?.fmp4?.init.bytes as Buffer)).toBe(true);
    const counts = dones
      .filter(({ n }) => numbersIn(fmp4).includes(n))
      .map(({ fmp4: made }) => made?.parts.length ?? 0);
    expect(Math.min(...counts)).toBeGreaterThan(5);
    expect(fmp4).toContain('#EXT-X-PART-INF:PART-TARGET=0.33\n');
    for (const n of numbersIn(fmp4)) {
      const done = dones.find((each) => each.n === n);
      for (const [p] of done?.fmp4?.parts.entries() ?? [])
        expect(await wanted.part(n, p, signal)).toEqual(parts.find((part) => part.n === n && part.p === p)?.bytes);
      expect((await wanted.segment(n, signal)).equals(done?.fmp4?.bytes as Buffer)).toBe(true);
    }
    await expect(wanted.init('00000000')).rejects.toMatchObject({ status: 404 });
  });

  it('let two requests wait for each client, free them when their players go, and refuse what nobody waits for', async () => {
    const { hls } = filled({ maxClients: 1 });
    const wanted = hls.want().of('fmp4');
    const newest = numbersIn((await wanted.playlist(signal)).text).at(-1) as number;
    const gone = new AbortController();
    const reload = { msn: newest + 2, part: undefined };
    const waiting = [wanted.playlist(gone.signal, { reload }), wanted.part(newest + 2, 0, gone.signal)];
    const ended = Promise.allSettled(waiting);
    await until(() => hls.waiting === 2, { what: 'two requests to wait' });
    await expect(wanted.playlist(signal, { reload })).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });
    await expect(wanted.part(newest + 2, 1, signal)).rejects.toMatchObject({ status: 503 });
    expect((await wanted.playlist(signal, { reload: { msn: newest, part: 2 } })).text).toContain('#EXT-X-PRELOAD-HINT');
    await expect(wanted.playlist(signal, { reload: { msn: newest + 3, part: 0 } })).rejects.toMatchObject({
      status: 400,
    });
    await expect(wanted.part(newest + 3, 0, signal)).rejects.toMatchObject({ status: 404 });
    gone.abort();
    await ended;
    expect(hls.waiting).toBe(0);
  });

  it('find the same fault, which is told once', () => {
    const { hls, faults } = filled({ off: 5 * 3_600 });
    const wanted = hls.want();
    for (const container of ['ts', 'fmp4'] as const) wanted.of(container);
    expect(faults.length).toBeGreaterThan(3);
    expect(new Set(faults).size).toBe(faults.length);
  });

  it('shorten the window of the one that was asked for last; with less memory there is one container', async () => {
    const wide = filled();
    const whole = numbersIn(await textOf(wide.hls, 'ts')).length;
    const { heldBytes } = wide.hls;
    const { minimumBytes } = wide.feed.ring;
    const some = filled({ maxBytes: minimumBytes + 1.6 * heldBytes });
    expect(numbersIn(await textOf(some.hls, 'ts'))).toHaveLength(whole);
    const second = numbersIn(await textOf(some.hls, 'fmp4')).length;
    expect([second >= 6, second < whole]).toEqual([true, true]);
    expect(some.hls.heldBytes).toBeLessThanOrEqual(1.6 * heldBytes);
    expect(numbersIn(await textOf(some.hls, 'ts'))).toHaveLength(whole);

    const little = filled({ maxBytes: minimumBytes + heldBytes });
    expect(numbersIn(await textOf(little.hls, 'ts'))).toHaveLength(whole);
    await expect(textOf(little.hls, 'fmp4')).rejects.toMatchObject({ status: 503, retryAfterSeconds: 10 });
    expect(little.hls.status?.containers).toEqual(['ts']);
  });
});
