/** What workers tell of streams and of themselves: the same from each of them, and also when one is gone. */

import { expect } from 'vitest';
import { keys } from '../../services/registry/redis/keys.ts';
import type { OneStream, OneStreamState } from '../../services/shared/console/one-stream.ts';
import { EventStream } from '../support/event-stream.ts';
import { allPlaying, COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
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
        // A new FFmpeg has said nothing yet when what it makes is known from the feed already.
        ffmpeg_lines?.some((line) => line.includes('Output #0, mpegts')) === true &&
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

staged.concurrent('every worker shows what a stream consists of, and what its FFmpeg has said', async ({ stage }) => {
  const { workers } = await stage.cluster(2);
  const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
  const [one, two] = workers as [Worker, Worker];
  const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewers = [one, two].map((worker) => stage.viewer(`${worker.url}/stream/${id}`));
  await allPlaying(viewers);
  const [owner, follower] = (one.ffmpegPids().length === 1 ? [one, two] : [two, one]) as [Worker, Worker];
  const before = await shownBy(workers, id, (name) => name === nameOf(owner));
  for (const { stream } of before) expect(stream).toMatchObject(FACTS);

  owner.signal('SIGKILL');
  await owner.exited;
  const [after] = await shownBy([follower], id, (name) => name === nameOf(follower));
  expect(after?.stream).toMatchObject(FACTS);
});

interface Point {
  readonly at: string;
  readonly viewers: number;
  readonly streams: number;
  readonly ffmpeg_processes: number;
  readonly in_mbits: number;
  readonly out_mbits: number;
  readonly between_mbits: number;
  readonly joins: number;
  readonly memory_bytes: number;
  readonly missing: readonly string[];
}

interface History {
  readonly workers: readonly string[];
  readonly samples: readonly Point[];
}

async function historyOf({ api }: Worker): Promise<History> {
  const { status, body } = await api.get<History>('/stats/history?minutes=2');
  expect(status).toBe(200);
  return body;
}

interface StreamPoint {
  readonly at: string;
  readonly viewers: number;
  readonly bitrate_kbps: number | null;
}

/** The last minutes of a stream, as its owner tells whichever worker is asked. */
async function minutesOf({ api }: Worker, streamId: string): Promise<readonly StreamPoint[]> {
  const { body } = await api.get<{ history: readonly StreamPoint[] | null }>(`/streams/${streamId}`);
  return body.history ?? [];
}

/** What the page of a stream is told by a worker, when it is opened. */
async function pageOf(stage: Stage, { url }: Worker, streamId: string): Promise<OneStream | undefined> {
  const page = await EventStream.open(`${url}/console/live?view=stream&stream_id=${streamId}`);
  stage.closeAfter(() => page.close());
  const told = () => page.messages.find(({ event }) => event === 'snapshot')?.data.state as OneStreamState | undefined;
  return (await until(told, { what: 'the page of the stream' })).stream;
}

/** The first point for which this holds, once there is one. A worker measures every 10 s. */
function pointOf(worker: Worker, what: string, holds: (point: Point) => boolean): Promise<Point> {
  return until(async () => (await historyOf(worker)).samples.find(holds), { timeoutMs: 30_000, everyMs: 250, what });
}

staged.concurrent(
  'the last hour adds up what the workers measure, also what one has measured that is killed then',
  async ({ stage }) => {
    const cluster = await stage.cluster(2);
    const [one, two] = cluster.workers as [Worker, Worker];
    const source = await stage.source({ fixture: 'plain', burstSeconds: 2 });
    const { stream_id: id } = await one.api.createTranscode({ url: source.url, profile: COPY });
    await allPlaying([one, two].map((worker) => stage.viewer(`${worker.url}/stream/${id}`)));

    // One FFmpeg and one connection serve both; the source sends some 400 kbit/s. The first 10 s may have the beginning only.
    const full = await pointOf(two, 'both viewers to be measured', (point) => {
      const { viewers, missing, in_mbits, out_mbits, between_mbits } = point;
      const isFlowing = in_mbits > 0.1 && between_mbits > 0.1 && out_mbits > between_mbits;
      return viewers === 2 && missing.length === 0 && isFlowing;
    });
    expect(full).toMatchObject({ streams: 1, ffmpeg_processes: 1 });
    expect(full.memory_bytes).toBeGreaterThan(50_000_000);
    const others = (await historyOf(one)).samples.find(({ at }) => at === full.at);
    expect(others).toEqual(full);

    const owner = one.ffmpegPids().length === 1 ? one : two;
    const left = owner === one ? two : one;
    const isBoth = ({ viewers, bitrate_kbps }: StreamPoint) => viewers === 2 && (bitrate_kbps ?? 0) > 100;
    const minutes = await until(
      async () => {
        const known = await minutesOf(left, id);
        return known.some(isBoth) && known;
      },
      { timeoutMs: 15_000, what: 'the owner to tell of the last minutes' },
    );
    const newest = minutes.at(-1)?.at;
    expect((await minutesOf(owner, id)).filter(({ at }) => at <= String(newest))).toEqual(minutes);
    const shown = await pageOf(stage, left, id);
    expect(shown?.samples?.some(({ viewers }) => viewers === 2)).toBe(true);
    expect(shown?.slots).toMatchObject([{ slot: 0, worker: nameOf(owner), relays: [nameOf(left)] }]);

    owner.signal('SIGKILL');
    await owner.exited;
    const { workers, samples } = await historyOf(left);
    expect(workers).toEqual(['worker-1', 'worker-2']);
    expect(samples.find(({ at }) => at === full.at)).toEqual(full);
    // Who relayed the stream goes on with its minutes, too.
    const after = await until(
      async () => {
        const known = await minutesOf(left, id);
        return known.length > 0 && known;
      },
      { timeoutMs: 15_000, what: 'the new owner to tell of the last minutes' },
    );
    expect(after.some(({ at, viewers }) => at === minutes.at(-1)?.at && viewers === 2)).toBe(true);
    // A key for each, which goes by itself.
    const texts = (await cluster.redis.cli('KEYS', `${keys.samplesPrefix}*`)).split('\n').filter(Boolean);
    expect(texts).toHaveLength(2);
    for (const key of texts) {
      expect(Number(await cluster.redis.cli('STRLEN', key))).toBeLessThan(32 * 1024);
      expect(Number(await cluster.redis.cli('PTTL', key))).toBeGreaterThan(0);
    }
  },
);
