/** A worker that is to make a feed: what it has of the segments that players of the worker before know, when that one is gone. */

import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { pause } from '../../../services/proxy/src/async.ts';
import type { SegmentNews } from '../../../services/proxy/src/feed/hls/segment-list.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { type FilledFeed, filledFeed } from '../../support/filled-feed.ts';
import { type MarkedFeed, markedLoop } from '../../support/segmented.ts';

const OWNER = { workerId: 'other', incarnation: 'o', address: '127.0.0.1:9', epoch: 1 };
const SIZE = 12;
const MARKS = 10;
const { signal } = new AbortController();

let media: MarkedFeed;
beforeAll(async () => {
  media = await markedLoop('bframes', { seconds: 30 });
});

/** @param of who answers as long as it is there; undefined: it is gone */
function following(of: () => FilledFeed | undefined, bytes: Buffer, entry: number) {
  const listeners = new Set<() => void>();
  const request = (url: string) => {
    const call = Object.assign(new EventEmitter(), { end: () => undefined });
    const n = /segments\/(\d+)\.ts/.exec(url)?.[1];
    const found = n === undefined ? undefined : of()?.segments.mediaOf(Number(n));
    setImmediate(() => {
      if (found === undefined) call.emit('error', new Error('refused'));
      else call.emit('response', Object.assign(Readable.from([found]), { statusCode: 200 }));
    });
    return call;
  };
  const place = {
    ...{ feed: 'p:a:0', secret: 's', wire: { clock: systemClock, request } },
    current: { kind: 'relay', owner: OWNER, via: undefined } as { readonly kind: string; readonly epoch?: number },
    onOwner: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    mayPass: async () => place.current.kind === 'own',
  };
  const follower = filledFeed({ ...media, bytes }, { size: SIZE, entry, waitMs: 10_000, place });
  const takeOver = () => {
    place.current = { kind: 'own', epoch: 2 };
    for (const listener of listeners) listener();
  };
  return { ...follower, place, takeOver };
}

type Following = ReturnType<typeof following>;

/** The owner of the feed with its viewers, up to a mark; and what each segment is there. */
function owning() {
  const owner = filledFeed(media, { size: SIZE });
  owner.segments.want();
  owner.fill(owner.positionOf(MARKS));
  const news = owner.segments.news as SegmentNews;
  const listed = news.segments.map(({ n }) => [n, owner.segments.mediaOf(n)] as const);
  return { owner, news, listed };
}

async function expectAll({ segments }: FilledFeed, listed: ReturnType<typeof owning>['listed']): Promise<void> {
  expect(listed.length).toBeGreaterThan(MARKS / 2);
  for (const [n, bytes] of listed)
    expect([n, (await segments.segment(n, signal)).equals(bytes as Buffer)]).toEqual([n, true]);
  const { text } = await segments.playlist(signal);
  expect(text).toContain(`#EXT-X-MEDIA-SEQUENCE:${listed[0]?.[0]}\n`);
}

describe('a worker that is to make a feed', () => {
  it('has what was listed before it came, also if nobody played HLS there', async () => {
    const { owner, news, listed } = owning();
    let there: FilledFeed | undefined = owner;
    const follower = following(() => there, media.bytes, media.entries.length >> 1);
    follower.fill(follower.positionOf(MARKS));
    follower.segments.hear(news);
    await follower.segments.prepare();
    there = undefined;
    follower.takeOver();
    await expectAll(follower, listed);
  });

  it('has what it has cut otherwise, although nobody has asked for it and it is the newest', async () => {
    const { owner, news, listed } = owning();
    let there: FilledFeed | undefined = owner;
    const bytes = Buffer.from(media.bytes);
    const newest = media.marks.findIndex(({ mark }) => mark.n === listed.at(-1)?.[0]);
    // The last byte of its media in the feed.
    const at = owner.positionOf(newest + 1) - 1;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    const follower = following(() => there, bytes, 0);
    follower.segments.want();
    follower.fill(follower.positionOf(MARKS));
    follower.segments.hear(news);
    await new Promise((resolve) => setTimeout(resolve, 50));
    there = undefined;
    follower.takeOver();
    await expectAll(follower, listed);
  });

  it('has what another follower has, when the owner died just after it came', async () => {
    const { owner, news, listed } = owning();
    let there: FilledFeed | undefined = owner;
    const early = following(() => there, media.bytes, 0);
    early.segments.want();
    early.fill(early.positionOf(MARKS));
    early.segments.hear(news);
    const late = following(() => there, media.bytes, media.entries.length >> 1);
    late.segments.want();
    late.fill(late.positionOf(MARKS));
    late.segments.hear(news);
    there = early;
    late.takeOver();
    const [oldest, bytes] = listed[0] as (typeof listed)[number];
    const asked = late.segments.segment(oldest, signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
    late.segments.offer(early.segments.news as SegmentNews, { ...OWNER, zone: undefined });
    expect((await asked).equals(bytes as Buffer)).toBe(true);
    await expectAll(late, listed);
  });

  it('says a discontinuity where nobody has told it with which counters the segment before ended', () => {
    const half = media.entries.length >> 1;
    const follower = following(() => undefined, media.bytes, half);
    follower.takeOver();
    follower.segments.want();
    follower.fill(media.bytes.length);
    const [first, ...others] = follower.segments.news?.segments ?? [];
    expect(media.marks.find(({ mark }) => mark.n === first?.n)?.mark.discontinuity).toBe(false);
    expect(first?.discontinuity).toBe(true);
    expect(others.length).toBeGreaterThan(2);
    expect(others.some(({ discontinuity }) => discontinuity)).toBe(false);
  });

  /** A follower that has not had the end of the newest segment when the owner died, and its clock. */
  function dying() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const { owner, news, listed } = owning();
    let there: FilledFeed | undefined = owner;
    const follower = following(() => there, media.bytes, 0);
    follower.segments.want();
    follower.fill(follower.positionOf(MARKS - 1));
    follower.segments.hear(news);
    there = undefined;
    follower.takeOver();
    const [newest, bytes] = listed.at(-1) as (typeof listed)[number];
    return { follower, newest, bytes };
  }

  it('lets a player wait for what was listed and died with its owner, until the takeover brings it', async () => {
    const { follower, newest, bytes } = dying();
    const asked = follower.segments.segment(newest, signal);
    // Longer than a player waits for a segment that comes next.
    await vi.advanceTimersByTimeAsync(7_000);
    follower.fill(follower.positionOf(MARKS));
    await vi.advanceTimersByTimeAsync(300);
    expect((await asked).equals(bytes as Buffer)).toBe(true);
  });

  it('asks a player to come back for what the takeover does not bring', async () => {
    const { follower, newest } = dying();
    const asked = follower.segments.segment(newest, signal).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(await asked).toMatchObject({ status: 503, retryAfterSeconds: 1 });
  });
});

describe('a worker that has stood still', () => {
  /** It knows the segments up to four before the newest. */
  function behind(news: SegmentNews, of: () => FilledFeed): Following {
    const follower = following(of, media.bytes, 0);
    follower.segments.want();
    follower.fill(follower.positionOf(MARKS - 4));
    follower.segments.hear({ ...news, segments: news.segments.slice(0, -4) });
    return follower;
  }

  it('waits for what other workers have listed meanwhile', async () => {
    const { owner, news, listed } = owning();
    const { n = 0 } = news.segments.at(-1) ?? {};
    const { segments } = behind(news, () => owner);
    const asked = [
      segments.segment(n, signal),
      segments.playlist(signal, { reload: { msn: n, part: undefined } }),
    ] as const;
    await pause(20);
    segments.hear(news);
    expect((await asked[0]).equals(listed.at(-1)?.[1] as Buffer)).toBe(true);
    expect((await asked[1]).text).toContain(`?n=${n}\n`);
  });

  it('asks whether it still makes the feed before it calls a segment unknown', async () => {
    const { owner, news } = owning();
    const { n = 0 } = news.segments.at(-1) ?? {};
    const { segments, place, takeOver } = behind(news, () => owner);
    takeOver();
    // Another one makes it.
    place.mayPass = async () => {
      place.current = { kind: 'relay', owner: OWNER } as { kind: string };
      return false;
    };
    const asked = segments.segment(n, signal);
    await pause(20);
    segments.hear(news);
    expect((await asked).length).toBeGreaterThan(0);
  });
});
