/** In which container a viewer gets segments who asks for none. */

import { expect, it } from 'vitest';
import { saidContainer } from '../../../services/proxy/src/segments/container-choice.ts';

it.each([
  ['-f hls -hls_segment_type fmp4 index.m3u8', 'fmp4'],
  ['-f hls -hls_segment_type mpegts index.m3u8', 'ts'],
  ['-f hls -hls_segment_type mpegts -hls_segment_type fmp4', 'fmp4'],
  ['-f hls -hls_time 4', undefined],
])('a profile with "%s" says', (args, container) => {
  expect(saidContainer(args.split(' '))).toBe(container);
});
