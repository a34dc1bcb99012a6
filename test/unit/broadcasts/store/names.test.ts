/** How the files of recordings are named: what a name says, and which ones nobody gets to use. */

import { expect, it } from 'vitest';
import {
  BROADCAST_ID,
  epochOf,
  segmentFile,
  segmentName,
  writingEpoch,
} from '../../../../services/proxy/src/broadcasts/store/names.ts';

it.each([
  [0, 'live000000.ts'],
  [123, 'live000123.ts'],
  [999_999, 'live999999.ts'],
  [1_000_000, 'live1000000.ts'],
])('names segment %i %s, and reads that', (n, name) => {
  expect(segmentName(n)).toBe(name);
  expect(segmentFile(name)).toEqual({ n, kind: 'ts' });
});

it('names the subtitles of a segment as its media', () => {
  expect(segmentName(7, 'vtt')).toBe('live000007.vtt');
  expect(segmentFile('live000007.vtt')).toEqual({ n: 7, kind: 'vtt' });
});

it.each([
  'live.ts',
  'live12345.ts',
  'live0000123.ts',
  'live-00001.ts',
  'live12345.vtt',
  'live000001.srt',
  'live_vtt.m3u8',
  '../live000001.ts',
  'live000001.ts/',
  'index.json',
  '',
])('takes %j for no file of a segment', (name) => {
  expect(segmentFile(name)).toBeUndefined();
});

it.each([
  ['1767225600000', 1_767_225_600_000],
  ['1', 1],
  ['01', undefined],
  ['1e3', undefined],
  ['..', undefined],
  ['', undefined],
])('reads folder %j as epoch %s', (name, epoch) => {
  expect(epochOf(name)).toBe(epoch);
});

it.each(['a', 'Network_1-b', 'x'.repeat(128)])('takes %j for an id', (id) => {
  expect(BROADCAST_ID.test(id)).toBe(true);
});

it.each(['', '.', '..', 'a/b', 'a b', 'a%2fb', 'ä', 'x'.repeat(129), 'a\n'])('refuses %j as an id', (id) => {
  expect(BROADCAST_ID.test(id)).toBe(false);
});

it.each([
  [1_000, [], 1_000],
  [1_000, [400, 900], 1_000],
  [1, [1, 2], 3],
  [900, [900], 901],
])('with the epoch %i granted and %j stored, writes under %i', (granted, stored, epoch) => {
  expect(writingEpoch(granted, stored)).toBe(epoch);
});
