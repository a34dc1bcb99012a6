import { expect, it } from 'vitest';
import { playlistWindow, windowSeconds } from '../../../../services/proxy/src/feed/hls/window.ts';

it.each([
  ['-f hls -hls_time 2 -hls_list_size 30 index.m3u8', { seconds: 60 }],
  ['-f hls -hls_time 1.5 -hls_list_size 10', { seconds: 15 }],
  ['-f hls -hls_list_size 6', { seconds: 12 }],
  ['-f hls -hls_time 4', undefined],
  // All that there was: nothing is kept for ever.
  ['-f hls -hls_time 2 -hls_list_size 0', undefined],
  ['-f hls -hls_list_size', undefined],
  ['-c copy -f mpegts pipe:1', undefined],
])('a playlist of "%s"', (args, window) => {
  expect(playlistWindow(args.split(' '))).toEqual(window);
});

it.each([
  [{ seconds: 60 }, 2, 60],
  [{ segments: 15 }, 4, 60],
  // Three target durations are listed, whatever is asked.
  [{ seconds: 4 }, 2, 6],
  [{ segments: 1 }, 10, 30],
] as const)('a segment stays in a playlist of %j, at %d s, for %d s', (size, targetDuration, seconds) => {
  expect(windowSeconds(size, targetDuration)).toBe(seconds);
});
