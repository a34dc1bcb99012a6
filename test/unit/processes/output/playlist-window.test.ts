import { expect, it } from 'vitest';
import { playlistWindow } from '../../../../services/proxy/src/processes/output/playlist-window.ts';

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
