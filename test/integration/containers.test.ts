/** Outputs other than MPEG-TS: shared and joinable in mid-stream, and ended at a whole fragment when their FFmpeg dies. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeErrors } from '../support/judge/index.ts';
import type { LiveSource } from '../support/live-source.ts';
import { ffmpegProcesses } from '../support/processes.ts';
import { allPlaying, Stage } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const ENCODE =
  '-i {input_url} -c:v libx264 -preset ultrafast -b:v 200k -c:a aac -ac 2 -ar 48000 -f {format} {output_args}';
const WEBM =
  '-i {input_url} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 200k -g 50 -c:a libopus -ar 48000 -f webm {output_args}';
const SOUND = '-i {input_url} -vn -c:a {codec} -ar 48000 -f {format} {output_args}';

const PROGRAM_STREAM =
  '-i {input_url} -c:v mpeg2video -b:v 400k -g 25 -c:a mp2 -ac 2 -ar 48000 -f {format} {output_args}';
const OGG = '-i {input_url} -c:v libtheora -b:v 300k -g 50 -c:a libopus -ar 48000 -f {format} {output_args}';

const PACK = Buffer.from([0, 0, 1, 0xba]);
const SEQUENCE = Buffer.from([0, 0, 1, 0xb3]);

const OUTPUTS = [
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

const stage = new Stage();
let source: LiveSource;
let worker: Worker;
beforeAll(async () => {
  source = await stage.source({ channels: Object.fromEntries(OUTPUTS.map(({ format }) => [`/${format}.ts`, {}])) });
  worker = await stage.worker();
});
afterAll(() => stage.clear());

/** The FFmpegs that write into this container. */
function pidsOf(muxer: string): number[] {
  return ffmpegProcesses(worker.descendants())
    .filter(({ args }) => args.slice(-3).join(' ') === `-f ${muxer} pipe:1`)
    .map(({ pid }) => pid);
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

describe.concurrent('an output in', () => {
  it.for(OUTPUTS)('$format is shared, and ends whole', async ({ format, muxer, type, profile, codec }) => {
    const channel = source.channel(`/${format}.ts`);
    const stream = await worker.api.createTranscode({
      url: channel.url,
      profile,
      output_format: format,
      profile_variables: { codec: codec ?? '' },
    });
    const early = stage.viewer(stream.playUrl);
    await allPlaying([early]);
    await sleep(4_500);
    const late = stage.viewer(stream.playUrl);
    await allPlaying([late]);
    await sleep(3_000);
    const pids = pidsOf(muxer ?? format);
    expect(pids).toHaveLength(1);
    expect(await channel.stats()).toMatchObject({ total: 1 });
    process.kill(pids[0] as number, 'SIGKILL');
    for (const viewer of [early, late]) {
      const recording = await viewer.done;
      expect(recording).toMatchObject({ status: 200, endedBy: 'end' });
      expect(recording.headers['content-type']).toBe(type);
      expect(await complaintsOf(format, recording.bytes)).toEqual([]);
      expect(recording.bytes.length).toBeGreaterThan(20_000);
    }
    // Whoever comes again gets a new process, on the same stream.
    const again = stage.viewer(stream.playUrl);
    await allPlaying([again]);
    expect(pidsOf(muxer ?? format)).toHaveLength(1);
    await again.stop();
  });
});
