/** Profiles of the containers that a stream may have beside MPEG-TS, and how the bytes of each are judged. */

import { expect } from 'vitest';
import { decodeErrors } from './judge/index.ts';
import type { RecordingHandle } from './recorder.ts';

export interface ContainerCase {
  readonly format: string;
  /** FFmpeg's name of its muxer, where that is another. */
  readonly muxer?: string;
  /** The content type of the answer. */
  readonly type: string;
  readonly profile: string;
  readonly codec?: string;
}

const ENCODE =
  '-i {input_url} -c:v libx264 -preset ultrafast -b:v 200k -c:a aac -ac 2 -ar 48000 -f {format} {output_args}';
const WEBM =
  '-i {input_url} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 200k -g 50 -c:a libopus -ar 48000 -f webm {output_args}';
const SOUND = '-i {input_url} -vn -c:a {codec} -ar 48000 -f {format} {output_args}';
const PROGRAM_STREAM =
  '-i {input_url} -c:v mpeg2video -b:v 400k -g 25 -c:a mp2 -ac 2 -ar 48000 -f {format} {output_args}';
const OGG = '-i {input_url} -c:v libtheora -b:v 300k -g 50 -c:a libopus -ar 48000 -f {format} {output_args}';

export const CONTAINERS: readonly ContainerCase[] = [
  { format: 'mp4', type: 'video/mp4', profile: ENCODE },
  { format: 'mov', type: 'video/mp4', profile: ENCODE },
  { format: 'flv', type: 'video/x-flv', profile: ENCODE },
  { format: 'mpeg', muxer: 'vob', type: 'video/mpeg', profile: PROGRAM_STREAM },
  { format: 'ogg', type: 'video/ogg', profile: OGG },
  { format: 'matroska', type: 'video/x-matroska', profile: ENCODE },
  { format: 'webm', type: 'video/webm', profile: WEBM },
  { format: 'adts', type: 'audio/aac', profile: SOUND, codec: 'aac' },
  { format: 'mp3', type: 'audio/mpeg', profile: SOUND, codec: 'libmp3lame' },
];

const PACK = Buffer.from([0, 0, 1, 0xba]);
const SEQUENCE = Buffer.from([0, 0, 1, 0xb3]);

/** The body of `POST /transcode`. */
export function containerOrder({ format, profile, codec = '' }: ContainerCase, url: string) {
  return { url, profile, output_format: format, profile_variables: { codec } };
}

/**
 * What FFmpeg complains of. A program stream has no fragments: its last picture may be cut, so what follows its last entry is left out, and
 * the sound of a viewer who joins begins inside a frame.
 */
async function complaintsOf(format: string, bytes: Buffer): Promise<string[]> {
  if (format !== 'mpeg') return decodeErrors(bytes);
  const lines = await decodeErrors(bytes.subarray(0, bytes.lastIndexOf(PACK, bytes.lastIndexOf(SEQUENCE))));
  return lines.filter((line) => !/^\[mp2 .*\] Header missing$|^Error while decoding stream #0:1: /.test(line));
}

/** Requires that each viewer got the container, that all of it decodes, and that the answer ended as a whole. */
export async function expectEndedWhole(
  viewers: readonly RecordingHandle[],
  { format, type }: ContainerCase,
): Promise<void> {
  for (const viewer of viewers) {
    const recording = await viewer.done;
    expect(recording).toMatchObject({ status: 200, endedBy: 'end' });
    expect(recording.headers['content-type']).toBe(type);
    expect(await complaintsOf(format, recording.bytes)).toEqual([]);
    expect(recording.bytes.length).toBeGreaterThan(20_000);
  }
}
