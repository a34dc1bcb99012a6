/** What a stream is made of and what comes of it, as answers show it. The worker that makes it has said so. */

import { z } from 'zod';
import type { MadeStream, StreamRecord, WorkerRecord } from '../../../../registry/types.ts';
import type { MediaFacts } from '../../../../shared/media-facts.ts';

const known = {
  resolution: z.string().nullable().describe('In pixels: 1920x1080.'),
  video_codec: z.string().nullable().describe('As FFmpeg calls it.'),
  fps: z.number().nullable(),
  bitrate_kbps: z.number().nullable().describe('Measured over the last 10 s.'),
  audio_codec: z.string().nullable().describe('As FFmpeg calls it.'),
  audio_channels: z.string().nullable().describe('As FFmpeg calls them: mono, stereo, 5.1(side).'),
};

const mediaInfo = z.object(known);
const outputMediaInfo = z.object({
  ...known,
  container: z.string().nullable(),
  speed: z
    .number()
    .nullable()
    .describe('Seconds of media made in a second, over the last 10 s; below 1 viewers run out.'),
});
const inputView = z.object({
  buffer_seconds: z.number().nullable().describe('Media of the source that the worker holds.'),
  last_byte_ago_ms: z.int().nullable().describe('Since the newest media of the source came.'),
  repairs: z.int().nullable().describe('Jumps of the clock of the source that were mended since it was opened.'),
});

/** The part of a stream's view that is here. A field is null while it is not known, and each of these while the stream does not run. */
export const mediaViews = {
  media_info: mediaInfo
    .nullable()
    .describe('Of the source. Null: nothing runs, or the version of that worker does not say it.'),
  output_media_info: outputMediaInfo.nullable().describe('Of what viewers get.'),
  input: inputView.nullable().describe('How the source comes.'),
};

export type MediaViews = {
  readonly [Name in keyof typeof mediaViews]: z.infer<(typeof mediaViews)[Name]>;
};

/** The worker that makes a stream, and what it says of that. */
export interface Maker {
  readonly worker: WorkerRecord;
  readonly made: MadeStream;
}

/** The makers of all streams, by stream. Where two workers say that they make one, the one that owns it now does. */
export function makersOf(workers: readonly WorkerRecord[]): ReadonlyMap<string, Maker> {
  const makers = new Map<string, Maker>();
  for (const worker of workers) {
    for (const [streamId, made] of Object.entries(worker.making ?? {})) {
      const other = makers.get(streamId)?.made;
      if (other === undefined || (made.epoch ?? 0) > (other.epoch ?? 0)) makers.set(streamId, { worker, made });
    }
  }
  return makers;
}

export function mediaViewsOf({ profile }: Pick<StreamRecord, 'profile'>, made: MadeStream | undefined): MediaViews {
  if (made === undefined) return { media_info: null, output_media_info: null, input: null };
  const { input, output, bitsPerSecond, speed } = made;
  return {
    media_info: input === undefined ? null : viewOf(input, input.bitsPerSecond),
    output_media_info:
      output === undefined
        ? null
        : { ...viewOf(output, bitsPerSecond), container: profile?.container ?? 'mpegts', speed: speed ?? null },
    input:
      input === undefined
        ? null
        : {
            buffer_seconds: input.bufferMs === undefined ? null : Math.round(input.bufferMs / 100) / 10,
            last_byte_ago_ms: input.lastByteAgoMs === undefined ? null : Math.round(input.lastByteAgoMs),
            repairs: input.repairs === undefined ? null : Math.round(input.repairs),
          },
  };
}

function viewOf(facts: MediaFacts, bitsPerSecond: number | undefined): z.infer<typeof mediaInfo> {
  return {
    resolution: facts.resolution ?? null,
    video_codec: facts.videoCodec ?? null,
    fps: facts.fps ?? null,
    bitrate_kbps: bitsPerSecond === undefined ? null : Math.round(bitsPerSecond / 1000),
    audio_codec: facts.audioCodec ?? null,
    audio_channels: facts.audioChannels ?? null,
  };
}
