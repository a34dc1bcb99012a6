import { describe, expect, test } from 'vitest';
import {
  type FilmReading,
  type FilmSegment,
  forgotten,
  type Listing,
  listed,
  readsOn,
} from '../../../services/proxy/src/films/film-window.ts';

const MB = 1_000_000;

/** Segments of 2 s and a megabyte, from number 100 on. */
function segments(count: number, bytes = MB): FilmSegment[] {
  return Array.from({ length: count }, (_, at) => ({ n: 100 + at, seconds: 2, bytes }));
}

function reading(some: Partial<FilmReading> = {}): FilmReading {
  return { fetched: undefined, size: { segments: 10 }, targetDuration: 4, maxBytes: 100 * MB, least: 2, ...some };
}

describe('how far a film is read', () => {
  test.each<[string, number, Partial<FilmReading>, boolean]>([
    ['nothing is there', 0, {}, true],
    ['less than a window is there, and nothing was asked for', 9, {}, true],
    ['a window is there', 10, {}, false],
    ['a window of seconds is not there', 9, { size: { seconds: 20 } }, true],
    ['a window of seconds is there', 10, { size: { seconds: 20 } }, false],
    ['a window has three target durations at least', 5, { size: { segments: 2 } }, true],
    ['three target durations are there', 6, { size: { segments: 2 } }, false],
    ['some of a window was asked for', 12, { fetched: 102 }, true],
    ['a window is there beyond what was asked for', 13, { fetched: 102 }, false],
    ['the next segment was asked for before it was there', 3, { fetched: 103 }, true],
    ['there is no memory for more', 5, { maxBytes: 5 * MB }, false],
    ['there is no memory, and too little for a player to begin', 1, { maxBytes: MB }, true],
    ['there is no memory, and the viewer has all but one', 5, { maxBytes: 5 * MB, fetched: 103 }, true],
  ])('%s', (_, count, some, expected) => {
    expect(readsOn(segments(count), reading(some))).toBe(expected);
  });
});

describe('what is kept of a film', () => {
  test.each<[string, number, Partial<FilmReading>, number]>([
    ['all that nobody has asked for', 30, {}, 0],
    ['a window and three behind the viewer', 30, { fetched: 112 }, 0],
    ['no more than that', 30, { fetched: 115 }, 3],
    ['less where memory is short', 20, { fetched: 109, maxBytes: 16 * MB }, 5],
    ['three behind the viewer, however short it is', 20, { fetched: 109, maxBytes: MB }, 7],
    ['all of what comes next, however short it is', 20, { maxBytes: MB }, 0],
  ])('%s', (_, count, some, expected) => {
    expect(forgotten(segments(count), reading(some))).toBe(expected);
  });
});

describe('what a playlist lists of a film', () => {
  const some = { hasForgotten: false, isOver: false };
  test.each<[string, number, Partial<FilmReading>, Listing, number[]]>([
    ['three at first, so that players begin with the first one', 20, {}, some, [100, 102]],
    ['more at first, where a player needs more', 20, { least: 5 }, some, [100, 104]],
    ['three beyond what was asked for', 20, { fetched: 103 }, some, [100, 106]],
    ['not the newest, which may be the last one', 5, { fetched: 102 }, some, [100, 103]],
    ['the first three, although one may be the last', 3, { fetched: 100 }, some, [100, 102]],
    ['not the last one beside others', 6, { fetched: 103 }, { ...some, isOver: true }, [100, 104]],
    ['the last one alone', 6, { fetched: 104 }, { ...some, isOver: true }, [100, 105]],
    ['all of a short film', 3, {}, { ...some, isOver: true }, [100, 102]],
    ['not the oldest, which it keeps', 20, { fetched: 115 }, { ...some, hasForgotten: true }, [103, 118]],
    ['three, however short memory is', 6, { fetched: 102 }, { ...some, hasForgotten: true }, [102, 104]],
    ['three at the end, too', 4, { fetched: 103 }, { hasForgotten: true, isOver: true }, [101, 103]],
    ['what there is', 2, { fetched: 101 }, { hasForgotten: true, isOver: true }, [100, 101]],
  ])('%s', (_, count, asked, listing, [first, last]) => {
    const numbers = listed(segments(count), reading(asked), listing).map(({ n }) => n);
    expect([numbers[0], numbers.at(-1)]).toEqual([first, last]);
  });

  test.each([3, 4, 5, 9, 13])('never less than before, to the end, of a film of 13 made %i ahead', (lead) => {
    let fetched: number | undefined;
    let to = 0;
    for (let made = lead; made < 30; made++) {
      const listing = { hasForgotten: false, isOver: made >= 13 };
      const last = listed(segments(Math.min(made, 13)), reading({ fetched }), listing).at(-1)?.n ?? 0;
      expect(last).toBeGreaterThanOrEqual(to);
      to = last;
      fetched = Math.min(to, (fetched ?? 99) + 1);
    }
    expect(to).toBe(112);
  });
});
