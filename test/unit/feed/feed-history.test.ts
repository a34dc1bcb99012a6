/** How a worker that has some of a feed goes on with the rest from another one. */

import { describe, expect, it } from 'vitest';
import {
  FeedHistory,
  hasSamePictures,
  type OwnerHistory,
  type SourceClock,
  shiftBetween,
} from '../../../services/proxy/src/feed/feed-history.ts';
import { SentPictures } from '../../../services/proxy/src/mpegts/reading/sent-pictures.ts';

const TIMELINE = 'a';
const at = (epoch: number, ...changes: OwnerHistory['changes']): OwnerHistory => ({
  timeline: TIMELINE,
  epoch,
  changes,
});

describe('pictures of the same encoder on both sides', () => {
  const cases: [string, OwnerHistory, OwnerHistory, number, boolean][] = [
    ['the same owner as before', at(1), at(1), 500, true],
    ['an owner who had all that is here', at(1), at(2, { epoch: 2, afterDts: 500 }), 500, true],
    ['an owner who had even more', at(1), at(2, { epoch: 2, afterDts: 900 }), 500, true],
    ['an owner who had less', at(1), at(2, { epoch: 2, afterDts: 499 }), 500, false],
    ['an owner who began with nothing', at(1), at(2, { epoch: 2, afterDts: undefined }), 500, false],
    [
      'two changes, both behind what is here',
      at(1),
      at(3, { epoch: 2, afterDts: 600 }, { epoch: 3, afterDts: 800 }),
      500,
      true,
    ],
    [
      'two changes, the first before what is here',
      at(1),
      at(3, { epoch: 2, afterDts: 400 }, { epoch: 3, afterDts: 800 }),
      500,
      false,
    ],
    ['a change that was seen already', at(2), at(2, { epoch: 2, afterDts: 400 }), 500, true],
    ['an owner of the past', at(2), at(1), 500, false],
    ['times on both sides of the wrap', at(1), at(2, { epoch: 2, afterDts: 10 }), 2 ** 33 - 10, true],
  ];

  it.each(cases)('%s', (_name, mine, theirs, lastDts, same) => {
    expect(hasSamePictures(mine, theirs, lastDts)).toBe(same);
  });
});

/** A source that has sent numbered pictures, its timeline later than the numbers by `laterTicks`. */
function clockOf(
  pictures: readonly number[],
  laterTicks: number,
  providerShift?: number,
  telling: readonly number[] = [],
): SourceClock {
  const sent = new SentPictures();
  for (const n of pictures) {
    const shift = providerShift === undefined ? undefined : laterTicks - providerShift;
    sent.add({ dts: n * 3_600 + laterTicks, content: n, shift, isTelling: telling.includes(n) }, 0);
  }
  return { timeline: 'source', shift: 500, origin: { source: 's', shift: 0, sent } };
}

describe('the clocks of two feeds that were made side by side', () => {
  const here = clockOf([1, 2, 3, 4, 5], 10_000, 0, [2]);

  it.each<[string, SourceClock, number | undefined]>([
    ['three pictures that both have', clockOf([2, 3, 4], 90_000), -80_000],
    ['one picture with the time that it has at the provider', clockOf([4, 7], 90_000, 0), -80_000],
    ['the picture with which the other one has begun', clockOf([5, 6, 7], 90_000), -80_000],
    ['one picture that is telling', clockOf([0, 2, 7], 90_000), -80_000],
    ['pictures with the same times on both timelines', clockOf([3, 4, 5], 10_000), 0],
    ['two pictures that may be others', clockOf([0, 4, 5], 90_000), undefined],
    ['no picture', clockOf([6, 7, 8], 90_000), undefined],
  ])('are known by %s', (_what, theirs, ticks) => {
    expect(shiftBetween(undefined, theirs, here.origin?.sent)).toBe(ticks);
    expect(shiftBetween({ ...here, shift: 700 }, theirs, undefined)).toBe(
      ticks === undefined ? undefined : ticks + 200,
    );
  });
});

describe('a feed', () => {
  it('adopts the timeline of the first owner it follows', () => {
    const history = new FeedHistory();
    expect(history.follow(at(7), undefined)).toEqual({ shift: 0, samePictures: false });
    expect(history.current).toEqual(at(7));
  });

  it('goes on in the middle of a GOP with an owner who made its pictures', () => {
    const history = new FeedHistory();
    history.follow(at(7), undefined);
    expect(history.follow(at(7), 100)).toEqual({ shift: 0, samePictures: true });
  });

  it('moves another timeline onto its own, and knows it again', () => {
    const history = new FeedHistory();
    history.own(1, undefined);
    const { timeline } = history.current;
    expect(history.follow(at(9), 100)).toBeUndefined();
    expect(history.isForeign).toBe(true);
    expect(history.current).toMatchObject({ timeline, epoch: 9 });
    expect(history.follow(at(9), 200)).toEqual({ samePictures: true });
    expect(history.endOn(1_000, 300)).toEqual({ ticks: 700, timeline: TIMELINE });
  });

  it('does not know another timeline from which nothing has come', () => {
    const history = new FeedHistory();
    history.own(1, undefined);
    const { timeline } = history.current;
    history.follow(at(9), 100);
    expect(history.endOn(100, 300)).toEqual({ ticks: 100, timeline });
    expect(history.follow(at(9), 100)).toBeUndefined();
    expect(history.follow(at(9), 200)).toEqual({ samePictures: true });
  });

  it('goes on by itself after a worker that says other times of the same pictures', () => {
    const history = new FeedHistory();
    history.follow(at(7), undefined);
    const continues = { shift: 50, samePictures: true };
    expect(history.partFrom(at(9), 100, 50)).toEqual({ ticks: 50, timeline: TIMELINE, continues });
    expect(history.current.timeline).not.toBe(TIMELINE);
    expect(history.follow(at(9), 100)).toBeUndefined();
    expect(history.follow(at(9), 200)).toEqual({ samePictures: true });
    expect(history.endOn(200, 50)).toEqual({ ticks: 150, timeline: TIMELINE });
  });

  it('does not go on within its own pictures when it has made them without the registry', () => {
    const history = new FeedHistory();
    history.follow(at(0), undefined);
    history.own(0, 100);
    expect(history.follow(at(0), 500)).toEqual({ shift: 0, samePictures: false });
    expect(history.follow(at(0), 600)).toEqual({ shift: 0, samePictures: true });
  });

  it('tells those who follow what it had when it became the owner', () => {
    const history = new FeedHistory();
    history.follow(at(7), undefined);
    history.own(8, 500);
    history.own(8, 900);
    expect(history.current).toEqual(at(8, { epoch: 8, afterDts: 500 }));
    expect(history.endOn(1_000, 300)).toEqual({ ticks: 1_000, timeline: TIMELINE });
  });
});
