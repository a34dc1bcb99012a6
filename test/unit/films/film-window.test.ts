import { describe, expect, test } from 'vitest';
import {
  type FilmReading,
  type FilmSegment,
  forgotten,
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

test('lists so few segments at first that players begin with the first one, and keeps some that it does not list', () => {
  const all = segments(20);
  expect(listed(all, reading(), false).map(({ n }) => n)).toEqual([100, 101, 102]);
  expect(listed(all, reading({ least: 5 }), false).length).toBe(5);
  expect(listed(all, reading({ fetched: 100 }), false)).toEqual(all);
  expect(listed(all, reading({ fetched: 115 }), true)[0]?.n).toBe(103);
  // An empty playlist would never end.
  expect(listed(segments(3), reading({ fetched: 102 }), true).map(({ n }) => n)).toEqual([100, 101, 102]);
  expect(listed(segments(4), reading({ fetched: 102 }), true).map(({ n }) => n)).toEqual([101, 102, 103]);
});
