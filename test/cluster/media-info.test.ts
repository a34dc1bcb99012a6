/** Every worker says the same of a stream, whichever makes it, and the next owner says it after a death. */

import { expect } from 'vitest';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

interface Shown {
  readonly stream: {
    readonly media_info: Readonly<Record<string, unknown>> | null;
    readonly output_media_info: Readonly<Record<string, unknown>> | null;
  };
  readonly worker_id: string | null;
  readonly ffmpeg_lines: readonly string[] | null;
}

/** What does not move. */
const FACTS = {
  media_info: { resolution: '320x180', video_codec: 'h264', fps: 25, audio_codec: 'aac', audio_channels: 'mono' },
  output_media_info: {
    ...{ resolution: '320x180', video_codec: 'h264', fps: 25, audio_codec: 'aac', audio_channels: 'stereo' },
    container: 'mpegts',
  },
};

/** What each worker shows, once all show what the stream consists of, and the same maker. */
function shownBy(workers: readonly Worker[], streamId: string, isMaker: (workerId: string) => boolean) {
  return until(
    async () => {
      const answers = await Promise.all(workers.map(({ api }) => api.get<Shown>(`/streams/${streamId}`)));
      const shown = answers.map(({ body }) => body);
      const isKnown = ({ stream, worker_id, ffmpeg_lines }: Shown) =>
        worker_id !== null &&
        isMaker(worker_id) &&
        ffmpeg_lines !== null &&
        stream.media_info?.audio_channels !== null &&
        stream.output_media_info?.fps !== null &&
        stream.output_media_info?.bitrate_kbps !== null;
      return shown.every(isKnown) && shown;
    },
    { timeoutMs: 15_000, what: 'every worker to know the stream' },
  );
}

function nameOf(worker: Worker): string {
  return String(worker.logs.find((line) => line.worker !== undefined)?.worker);
}

staged('every worker shows what a stream consists of, and what its FFmpeg has said', async ({ stage }) => {
  const { workers } = await (stage as Stage).cluster(2);
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const [one, two] = workers as [Worker, Worker];
  const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewers = [one, two].map((worker) => stage.viewer(`${worker.url}/stream/${id}`));
  await allPlaying(viewers);
  const [owner, follower] = (one.ffmpegPids().length === 1 ? [one, two] : [two, one]) as [Worker, Worker];
  const before = await shownBy(workers, id, (name) => name === nameOf(owner));
  for (const { stream } of before) expect(stream).toMatchObject(FACTS);
  expect(before[1]?.ffmpeg_lines?.join('\n')).toContain('Output #0, mpegts');

  owner.signal('SIGKILL');
  await owner.exited;
  const [after] = await shownBy([follower], id, (name) => name === nameOf(follower));
  expect(after?.stream).toMatchObject(FACTS);
  expect(after?.ffmpeg_lines?.join('\n')).toContain('Output #0, mpegts');
});
