/** Segments of a feed on the worker that makes it: what is cut of its ring, what playlists say of it, and who waits for what. */

import { beforeAll, describe, expect, it } from 'vitest';
import type { FeedMarks } from '../../../services/proxy/src/feed/marks/feed-marks.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { type FilledOptions, filledFeed } from '../../support/filled-feed.ts';
import { type MarkedFeed, markedLoop, segmentsOf } from '../../support/segmented.ts';

const { signal } = new AbortController();

let media: MarkedFeed;
beforeAll(async () => {
  media = await markedLoop('bframes', { seconds: 24 });
});

const filled = (options?: FilledOptions) => filledFeed(media, options);

function numbersIn(text: string): number[] {
  return [...text.matchAll(/segment\.ts\?n=(\d+)/g)].map(([, n]) => Number(n));
}

describe('the segments of a feed', () => {
  it('are those of its media, from the oldest that the ring has', async () => {
    const { feed, segments, fill } = filled();
    fill(media.bytes.length / 2);
    const unwant = segments.want();
    fill(media.bytes.length);
    feed.finish({ kind: 'ended' });
    const { dones } = segmentsOf(media);
    const { text } = await segments.playlist(signal);
    const numbers = numbersIn(text);
    // Three target durations, which are longer than four segments here.
    expect([text.includes('TARGETDURATION:4\n'), numbers.length >= 6, numbers.length < 8]).toEqual([true, true, true]);
    expect(numbers).toEqual(dones.slice(-numbers.length).map(({ n }) => n));
    // Three more are kept for slow viewers, and no others.
    const kept = dones.slice(-numbers.length - 3);
    expect(kept.length).toBeLessThan(dones.length);
    for (const { n, ts } of kept) expect((await segments.segment(n, signal)).equals(ts?.bytes as Buffer)).toBe(true);
    await expect(segments.segment((kept[0]?.n ?? 0) - 1, signal)).rejects.toMatchObject({ status: 404 });
    unwant();
  });

  it('are missing where its pictures at the marks are no keyframes, which is told', () => {
    for (const [off, faults] of [
      [0, 0],
      [5 * 3_600, media.marks.length],
    ] as const) {
      const { segments, fill, state } = filled({ off });
      segments.want();
      fill(media.bytes.length);
      expect(state.faults).toBe(faults);
    }
  });

  it('are waited for, as many as a player cannot begin without', async () => {
    const { segments, fill, positionOf } = filled();
    segments.want();
    const few = segments.playlist(signal, { least: 3 });
    fill(positionOf(3));
    expect(numbersIn((await segments.playlist(signal)).text)).toHaveLength(2);
    fill(positionOf(4));
    expect(numbersIn((await few).text)).toHaveLength(3);
    // When the time is over, it gets what there is.
    const { segments: others, fill: fillOthers } = filled();
    others.want();
    fillOthers(positionOf(3));
    expect(numbersIn((await others.playlist(signal, { least: 3 })).text)).toHaveLength(2);
  });

  it('are waited for: the first two, and the next one', async () => {
    const { segments, fill, positionOf } = filled();
    segments.want();
    fill(positionOf(1) - 188);
    await expect(segments.playlist(signal)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });
    const first = segments.playlist(signal);
    fill(positionOf(4));
    const numbers = numbersIn((await first).text);
    expect(numbers.length).toBeGreaterThanOrEqual(2);
    const next = segments.segment((numbers.at(-1) ?? 0) + 1, signal);
    fill(positionOf(5));
    expect((await next).length).toBeGreaterThan(0);
    const far = (numbers.at(-1) ?? 0) + 9;
    await expect(segments.segment(far, signal)).rejects.toMatchObject({ status: 404 });
    const tooFar = segments.playlist(signal, { reload: { msn: far, part: undefined } });
    await expect(tooFar).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('more than 2 segments'),
    });
  });

  it('that are here need no wait, and are the same; who has to wait is told so', async () => {
    const { segments, fill, positionOf } = filled();
    segments.want();
    fill(positionOf(3));
    const few = await segments.playlist(signal);
    const numbers = numbersIn(few.text);
    const next = (numbers.at(-1) ?? 0) + 1;
    const reload = { msn: next, part: undefined };
    expect(segments.playlistHere({})).toBe(few);
    expect([{ least: 3 }, { reload }].map((wish) => segments.playlistHere(wish))).toEqual([undefined, undefined]);
    expect([next, (numbers[0] ?? 0) - 9].map((n) => segments.mediaHere(n, undefined))).toEqual([undefined, undefined]);
    expect(segments.mediaHere(next, 0)).toBeUndefined();
    for (const n of numbers) expect(segments.mediaHere(n, undefined)).toBe(await segments.segment(n, signal));
    fill(positionOf(5));
    const more = segments.playlistHere({ least: 3, reload });
    expect(numbersIn(more?.text ?? '')).toContain(next);
    expect(segments.playlistHere({})).toBe(more);
    expect(segments.mediaHere(next, undefined)).toBe(await segments.segment(next, signal));
  });

  it('leave the ring what it needs: playlists get shorter, down to three target durations', async () => {
    const wide = filled({ size: 20 });
    wide.segments.want();
    wide.fill(media.bytes.length);
    const all = numbersIn((await wide.segments.playlist(signal)).text);
    const least = filled({ size: 20, maxBytes: wide.segments.heldBytes / all.length });
    least.segments.want();
    least.fill(media.bytes.length);
    // It is more than twice what the feed may take, so nobody gets it.
    await expect(least.segments.playlist(signal)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 10 });
    const { minimumBytes } = wide.feed.ring;
    const fitting = filled({ size: 20, maxBytes: (wide.segments.heldBytes * 9) / all.length + minimumBytes });
    fitting.segments.want();
    fitting.fill(media.bytes.length);
    const some = numbersIn((await fitting.segments.playlist(signal)).text);
    expect([all.length > 9, some.length >= 6, some.length <= 9]).toEqual([true, true, true]);
    expect(some).toEqual(all.slice(-some.length));
    expect(fitting.segments.heldBytes).toBeLessThanOrEqual((wide.segments.heldBytes * 9) / all.length);
  });

  it('end with what the feed failed with', async () => {
    const { feed, segments } = filled();
    segments.want();
    const first = segments.playlist(signal);
    feed.finish({ kind: 'failed', error: new Error('the source is gone') });
    await expect(first).rejects.toThrow('the source is gone');
    expect(segments.isOver).toBe(true);
  });

  it('go on by number, with a discontinuity, where the marks are those of another source with smaller numbers', async () => {
    const { segments, fill, state, positionOf } = filled();
    segments.want();
    fill(positionOf(3) - 188);
    const log = new MarkLog();
    const other: FeedMarks = { log, list: 'source', timeline: 'another', shift: 7 };
    state.marks = other;
    const add = log.add.bind(log);
    log.add = (marks, source) =>
      add(
        marks.map((mark) => ({ ...mark, n: mark.n - 1_000, discontinuities: 3 })),
        source,
      );
    fill(media.bytes.length);
    const { text } = await segments.playlist(signal);
    const numbers = numbersIn(text);
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
    expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
  });
});
