/** Outputs other than MPEG-TS: shared and joinable in mid-stream, and ended at a whole fragment when their FFmpeg dies. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { decodeErrors } from '../support/judge/index.ts';
import { allPlaying, staged } from '../support/stage.ts';

const ENCODE =
  '-i {input_url} -c:v libx264 -preset ultrafast -b:v 200k -c:a aac -ac 2 -ar 48000 -f {format} {output_args}';
const WEBM =
  '-i {input_url} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 200k -g 50 -c:a libopus -ar 48000 -f webm {output_args}';
const SOUND = '-i {input_url} -vn -c:a {codec} -ar 48000 -f {format} {output_args}';

const PROGRAM_STREAM =
  '-i {input_url} -c:v mpeg2video -b:v 400k -g 25 -c:a mp2 -ac 2 -ar 48000 -f {format} {output_args}';
const OGG = '-i {input_url} -c:v libtheora -b:v 300k -g 50 -c:a libopus -ar 48000 -f {format} {output_args}';

const OUTPUTS = [
  { format: 'mp4', type: 'video/mp4', profile: ENCODE },
  { format: 'mov', type: 'video/mp4', profile: ENCODE },
  { format: 'flv', type: 'video/x-flv', profile: ENCODE },
  { format: 'mpeg', type: 'video/mpeg', profile: PROGRAM_STREAM },
  { format: 'ogg', type: 'video/ogg', profile: OGG },
  { format: 'matroska', type: 'video/x-matroska', profile: ENCODE },
  { format: 'webm', type: 'video/webm', profile: WEBM },
  { format: 'adts', type: 'audio/aac', profile: SOUND, codec: 'aac' },
  { format: 'mp3', type: 'audio/mpeg', profile: SOUND, codec: 'libmp3lame' },
];

describe.concurrent('an output in', () => {
  staged.for(OUTPUTS)('$format is shared, and ends whole', async ({ format, type, profile, codec }, { stage }) => {
    const source = await stage.source();
    const worker = await stage.worker();
    const stream = await worker.api.createTranscode({
      url: source.url,
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
    const pids = worker.ffmpegPids();
    expect(pids).toHaveLength(1);
    expect(await source.account()).toMatchObject({ total: 1 });
    process.kill(pids[0] as number, 'SIGKILL');
    for (const viewer of [early, late]) {
      const recording = await viewer.done;
      expect(recording).toMatchObject({ status: 200, endedBy: 'end' });
      expect(recording.headers['content-type']).toBe(type);
      expect(await decodeErrors(recording.bytes)).toEqual([]);
      expect(recording.bytes.length).toBeGreaterThan(20_000);
    }
    // Whoever comes again gets a new process, on the same stream.
    const again = stage.viewer(stream.playUrl);
    await allPlaying([again]);
    expect(worker.ffmpegPids()).toHaveLength(1);
  });
});
