/** A follower hears which pictures the source feed has sent, each once, and survives whatever else it hears. */

import { expect, it } from 'vitest';
import { z } from 'zod';
import type { SourceClock } from '../../../services/proxy/src/feed/feed-history.ts';
import { SentPictures } from '../../../services/proxy/src/mpegts/reading/sent-pictures.ts';
import { ClockNews, HeardClock } from '../../../services/proxy/src/relay/clock-frames.ts';
import { encodeFrame, FrameReader, type RelayFrame } from '../../../services/proxy/src/relay/relay-frames.ts';

function sentPictures(count: number): SentPictures {
  const sent = new SentPictures();
  for (let n = 0; n < count; n++) sent.add({ dts: n * 3_600, content: 100 + n }, 0);
  return sent;
}

const clockOf = (sent: SentPictures, timeline = 't'): SourceClock => ({
  timeline,
  shift: 5,
  origin: { source: 's:a', shift: -7, sent },
});

/** What arrives of a frame that is sent. */
function received(frame: Exclude<RelayFrame, { type: 'data' }>): RelayFrame[] {
  const frames: RelayFrame[] = [];
  new FrameReader().push(encodeFrame(frame), (each) => frames.push(each));
  return frames;
}

function hear(heard: HeardClock, frame: ReturnType<ClockNews['of']>): void {
  for (const each of frame === undefined ? [] : received(frame)) if (each.type === 'clock') heard.take(each.clock, 0);
}

it('says every picture once', () => {
  const sent = sentPictures(3);
  const clock = clockOf(sent);
  const news = new ClockNews();
  const heard = new HeardClock();
  const first = news.of(clock);
  expect(first?.clock?.origin?.sent).toHaveLength(3);
  hear(heard, first);
  expect(news.of(clock)).toBe(undefined);
  sent.add({ dts: 3 * 3_600, content: 103 }, 0);
  const second = news.of(clock);
  expect(second?.clock?.origin?.sent).toEqual([[3 * 3_600, 103]]);
  hear(heard, second);
  expect(heard.current).toMatchObject({ timeline: 't', shift: 5, origin: { source: 's:a', shift: -7 } });
  expect(heard.current?.origin?.sent.after(0)).toEqual(sent.after(0));
});

it('says where the provider had another clock, once', () => {
  const sent = new SentPictures();
  const clock = clockOf(sent);
  const news = new ClockNews();
  const heard = new HeardClock();
  const add = (n: number, shift: number) => sent.add({ dts: n * 3_600, content: n, shift }, 0);
  for (const [n, shift] of [7, 7, 99, 99].entries()) add(n, shift);
  const first = news.of(clock);
  expect(first?.clock?.origin?.shifts).toEqual([
    [0, 7],
    [2 * 3_600, 99],
  ]);
  hear(heard, first);
  add(4, 99);
  const second = news.of(clock);
  expect(second?.clock?.origin?.shifts).toBe(undefined);
  hear(heard, second);
  add(5, 7);
  hear(heard, news.of(clock));
  expect(heard.current?.origin?.sent.after(0)).toEqual(sent.after(0));
  expect(heard.current?.origin?.sent.after(0).map(({ shift }) => shift)).toEqual([7, 7, 99, 99, 99, 7]);
});

it('begins anew with another timeline', () => {
  const news = new ClockNews();
  const heard = new HeardClock();
  hear(heard, news.of(clockOf(sentPictures(4))));
  hear(heard, news.of(clockOf(sentPictures(2), 'u')));
  expect(heard.current).toMatchObject({ timeline: 'u' });
  expect(heard.current?.origin?.sent.after(0)).toHaveLength(2);
  hear(heard, news.of(undefined));
  expect(heard.current).toBe(undefined);
});

it('is understood by a worker that knows nothing of pictures, and understands one', () => {
  const earlier = z.looseObject({ timeline: z.string(), shift: z.number() });
  const frame = new ClockNews().of(clockOf(sentPictures(2)));
  expect(earlier.safeParse(frame?.clock).data).toMatchObject({ timeline: 't', shift: 5 });
  expect(received({ type: 'clock', clock: { timeline: 't', shift: 5 } })).toEqual([
    { type: 'clock', clock: { timeline: 't', shift: 5 } },
  ]);
});

it.each([[{ source: 's:a', shift: 1, sent: [['x', 1]] }], [{ shift: 1 }], ['pictures'], [{ sent: [], shift: null }]])(
  'leaves out pictures that are none: %j',
  (origin) => {
    const frame = { type: 'clock', clock: { timeline: 't', shift: 5, origin } } as unknown as Exclude<
      RelayFrame,
      { type: 'data' }
    >;
    const heard = new HeardClock();
    for (const each of received(frame)) if (each.type === 'clock') heard.take(each.clock, 0);
    expect(heard.current).toEqual({ timeline: 't', shift: 5 });
  },
);
