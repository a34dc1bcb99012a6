/** What answers say of the media of a stream, whichever worker makes it. */

import { expect, it } from 'vitest';
import { makersOf, mediaViewsOf } from '../../../../services/proxy/src/api/views/media-views.ts';
import { workerShape } from '../../../../services/registry/shapes.ts';
import type { MadeStream, WorkerRecord } from '../../../../services/registry/types.ts';

const MADE: MadeStream = {
  ...{ bitsPerSecond: 2_600_400, speed: 1.01, failures: 0, epoch: 7 },
  input: {
    ...{ resolution: '1920x1080', videoCodec: 'h264', fps: 25, audioCodec: 'ac3', audioChannels: '5.1(side)' },
    ...{ bitsPerSecond: 8_123_456, bufferMs: 20_049, lastByteAgoMs: 12, repairs: 0 },
  },
  output: { resolution: '1280x720', videoCodec: 'h264', fps: 25, audioCodec: 'aac', audioChannels: 'stereo' },
};

function worker(workerId: string, making: unknown): WorkerRecord {
  return workerShape.parse({
    ...{ workerId, incarnation: `i-${workerId}`, address: '10.0.0.1:9085', zone: null },
    ...{ startedAtMs: 1, lastSeenMs: 1, cpu: 0, processes: 1, clients: 1, processFeeds: 1, sourceFeeds: 1 },
    ...{ bufferedBytes: 1, restarts: 0, skips: 0, stalls: 0, draining: false, making },
  });
}

it('shows what is known, in the units of m3u-proxy', () => {
  expect(mediaViewsOf({ profile: undefined }, MADE)).toEqual({
    media_info: {
      ...{ resolution: '1920x1080', video_codec: 'h264', fps: 25, bitrate_kbps: 8123 },
      ...{ audio_codec: 'ac3', audio_channels: '5.1(side)' },
    },
    output_media_info: {
      ...{ resolution: '1280x720', video_codec: 'h264', fps: 25, bitrate_kbps: 2600 },
      ...{ audio_codec: 'aac', audio_channels: 'stereo', container: 'mpegts', speed: 1.01 },
    },
    input: { buffer_seconds: 20, last_byte_ago_ms: 12, repairs: 0 },
  });
});

it('guesses nothing: what is not known is null, and all of it while nothing runs', () => {
  const unknown = { resolution: null, video_codec: null, fps: null, bitrate_kbps: null };
  const sound = { audio_codec: null, audio_channels: null };
  expect(mediaViewsOf({ profile: undefined }, { failures: 0, input: {}, output: {} })).toEqual({
    media_info: { ...unknown, ...sound },
    output_media_info: { ...unknown, ...sound, container: 'mpegts', speed: null },
    input: { buffer_seconds: null, last_byte_ago_ms: null, repairs: null },
  });
  const nothing = { media_info: null, output_media_info: null, input: null };
  expect(mediaViewsOf({ profile: undefined }, undefined)).toEqual(nothing);
  // A worker of an earlier version.
  expect(mediaViewsOf({ profile: undefined }, { failures: 0, speed: 1 })).toEqual(nothing);
});

it('believes the worker that has owned the stream last, and keeps one whose facts are unreadable', () => {
  const makers = makersOf([
    worker('before', { a: { ...MADE, epoch: 6 }, b: MADE }),
    worker('now', { a: MADE }),
    worker('odd', { c: { failures: 1, input: { fps: 'many', videoCodec: 'x'.repeat(99), repairs: 1 }, output: [] } }),
    worker('silent', undefined),
  ]);
  expect([...makers].map(([stream, maker]) => [stream, maker.worker.workerId])).toEqual([
    ['a', 'now'],
    ['b', 'before'],
    ['c', 'odd'],
  ]);
  expect(makers.get('a')?.made).toEqual(MADE);
  expect(makers.get('c')?.made).toEqual({ failures: 1, input: { repairs: 1 } });
});
