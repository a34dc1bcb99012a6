// Whose viewers share one connection to the provider.
import { expect, it } from 'vitest';
import { isShared } from '../../../services/proxy/src/streams/sharing.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { SPEC } from '../../support/stream-spec.ts';

it.each([
  // share, SHARE_DIRECT_STREAMS, current source, has an end; shared
  [undefined, false, 'http://tv.example/1.ts', false, false],
  [undefined, true, 'http://tv.example/1.ts', false, true],
  [true, false, 'http://tv.example/1.ts', false, true],
  [false, true, 'http://tv.example/1.ts', false, false],
  [true, false, 'http://tv.example/channel', false, true],
  [true, true, 'http://tv.example/channel', true, false],
  [true, true, 'http://tv.example/film.mkv', false, false],
  [true, true, 'http://tv.example/list.m3u8', false, false],
])('share %j, by default %j, from %s that has an end %j: %j', (share, byDefault, url, unshareable, shared) => {
  const stream = { ...newStream({ ...SPEC, url, share }, 0), unshareable };
  expect(isShared(stream, byDefault)).toBe(shared);
});

it('has no connection to share where the source has turned out to be DASH', () => {
  const stream = newStream({ ...SPEC, url: 'http://tv.example/channel', share: true }, 0);
  expect(isShared({ ...stream, dashUrl: stream.url }, true)).toBe(false);
  expect(isShared({ ...stream, dashUrl: 'http://tv.example/backup' }, true)).toBe(true);
});

it('always is a transcoded stream', () => {
  const profile = {
    name: 'x',
    variables: {},
    args: [],
    inputOptions: [],
    outputOptions: [],
    container: 'mpegts',
    hls: false,
    video: 'copy' as const,
    audio: 'copy' as const,
  };
  expect(isShared(newStream({ ...SPEC, share: false, profile }, 0), false)).toBe(true);
});
