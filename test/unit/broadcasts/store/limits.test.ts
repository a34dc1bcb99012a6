/** Which recordings go when there are too many: the oldest that have ended. */

import { expect, it } from 'vitest';
import {
  beyondLimits,
  type KeptRecording,
  type RecordingLimits,
} from '../../../../services/proxy/src/broadcasts/store/limits.ts';

const NOW_MS = 1_000_000;
const none: RecordingLimits = { max: 0, maxBytes: 0, maxAgeMs: 0 };

const recordings: readonly KeptRecording[] = [
  { id: 'newest', bytes: 30, endedAtMs: NOW_MS - 10 },
  { id: 'running', bytes: 100, endedAtMs: undefined },
  { id: 'oldest', bytes: 10, endedAtMs: NOW_MS - 5_000 },
  { id: 'middle', bytes: 20, endedAtMs: NOW_MS - 1_000 },
];

it.each<[string, Partial<RecordingLimits>, string[]]>([
  ['no limit', {}, []],
  ['as many as there are', { max: 4 }, []],
  ['one too many', { max: 3 }, ['oldest']],
  ['one, and that one runs', { max: 1 }, ['oldest', 'middle', 'newest']],
  ['as many bytes as there are', { maxBytes: 160 }, []],
  ['a byte too many', { maxBytes: 159 }, ['oldest']],
  ['fewer bytes than the one that runs has', { maxBytes: 50 }, ['oldest', 'middle', 'newest']],
  ['an age', { maxAgeMs: 1_000 }, ['oldest']],
  ['an age and a number', { maxAgeMs: 1_000, max: 2 }, ['oldest', 'middle']],
])('with %s, removes them in order', (_, limits, gone) => {
  expect(beyondLimits(recordings, { ...none, ...limits }, NOW_MS)).toEqual(gone);
});
