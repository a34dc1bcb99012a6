/** A film by HLS whose viewer reaches two workers in turn: one of them makes it, and nobody takes it over. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import type { HlsViewer } from '../support/hls-viewer.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '2', HLS_SEGMENT_TIME: '1', HLS_LIST_SIZE: '3' };
const SECONDS = 20;

interface Scene {
  readonly workers: readonly [Worker, Worker];
  readonly id: string;
  /** Opened at the first worker. */
  readonly viewer: HlsViewer;
}

async function scene(stage: Stage, client = 'c1'): Promise<Scene> {
  const files = await startFileSource();
  stage.closeAfter(() => files.close());
  const { workers } = await stage.cluster(2, ENV);
  const [one, two] = workers as [Worker, Worker];
  const { stream_id: id } = await one.api.createTranscode({ url: files.url('movie.mp4'), profile: LIGHT });
  const entry = `${one.url}/hls/${id}/playlist.m3u8?client_id=${encodeURIComponent(client)}`;
  return { workers: [one, two], id, viewer: await stage.hlsViewer(entry) };
}

async function clientsOf(worker: Worker) {
  return (await worker.api.get<{ clients: { client_id: string }[] }>('/clients')).body.clients;
}

staged.concurrent(
  'plays a film through two workers in turn: one FFmpeg, one session, every picture once',
  async ({ stage }) => {
    // A client may give itself any text as its id.
    const { workers, id, viewer } = await scene(stage, 'living room / TV: 1');
    const pieces: Buffer[] = [];
    let last = 0;
    let most = 0;
    for (let turn = 0; ; turn++) {
      const at = (n: number) => (workers[n % 2] as Worker).url;
      const playlist = await viewer.playlist(at(turn));
      most = Math.max(most, workers[0].ffmpegPids().length + workers[1].ffmpegPids().length);
      const due = playlist.numbers.filter((n) => n > last);
      if (last > 0 && due[0] !== undefined) expect(due[0]).toBe(last + 1);
      for (const n of due) {
        pieces.push(await viewer.segment(n, at(n)));
        last = n;
      }
      if (playlist.parsed.endlist && due.length === 0) break;
      if (due.length === 0) await sleep(100);
    }
    expectClean(judgeTs(Buffer.concat(pieces), { gapMs: 100 }), {
      ...{ video: true, audio: true, minSeconds: SECONDS - 1, maxSignalled: 0, maxGapMs: 100 },
    });
    expect(most).toBe(1);
    expect((await clientsOf(workers[1])).map(({ client_id }) => client_id)).toEqual(['living room / TV: 1']);
    await workers[0].api.request('DELETE', `/streams/${id}`);
  },
);

staged.concurrent(
  'ends the film at the worker that makes it when its viewer is disconnected at the other',
  async ({ stage }) => {
    const { workers, id, viewer } = await scene(stage);
    await viewer.playlist();
    const { numbers } = await viewer.playlist(workers[1].url);
    await viewer.segment(numbers[0] as number, workers[1].url);
    expect([workers[0].ffmpegPids().length, workers[1].ffmpegPids().length]).toEqual([1, 0]);
    await workers[1].api.request('DELETE', `/hls/${id}/clients/c1`);
    await until(() => workers[0].ffmpegPids().length === 0, { what: 'FFmpeg to end', timeoutMs: 6_000 });
    for (const { url } of workers) expect((await fetch(url + viewer.path)).status).toBe(410);
  },
);

staged.concurrent(
  'tells the viewer when the worker is gone that made its film, and begins it anew for a new entry',
  async ({ stage }) => {
    const { workers, id, viewer } = await scene(stage);
    const { numbers } = await viewer.playlist();
    await viewer.playlist(workers[1].url);
    await viewer.segment(numbers[0] as number, workers[1].url);
    await workers[0].kill();
    const gone = await until(
      async () => {
        const answer = await fetch(workers[1].url + viewer.path);
        return answer.status === 503 ? undefined : answer;
      },
      { what: 'an answer about the film', timeoutMs: 10_000 },
    );
    expect(gone.status).toBe(410);
    expect(await gone.json()).toMatchObject({ detail: expect.stringContaining('begins from the start') });
    expect((await fetch(workers[1].url + viewer.path)).status).toBe(410);
    const again = await stage.hlsViewer(`${workers[1].url}/hls/${id}/playlist.m3u8?client_id=c1`);
    const anew = await again.playlist();
    // Another one, from its first segment on; two that begin in the same half second have the same first number.
    expect(workers[1].ffmpegPids()).toHaveLength(1);
    expect(anew.numbers[0]).toBeGreaterThanOrEqual(numbers[0] as number);
    expect((await again.segment(anew.numbers[0] as number)).length).toBeGreaterThan(0);
    expect((await clientsOf(workers[1])).length).toBe(1);
    await workers[1].api.request('DELETE', `/streams/${id}`);
  },
);

staged.concurrent('lets a worker that drains play its film to the end, through the other one', async ({ stage }) => {
  const { workers, id, viewer } = await scene(stage);
  const { numbers } = await viewer.playlist();
  const drained = await workers[1].api.request('POST', '/workers/worker-1/drain');
  expect(drained.status).toBe(202);
  let last = (numbers[0] as number) - 1;
  for (let ended = false; !ended; ) {
    const playlist = await viewer.playlist(workers[1].url);
    const due = playlist.numbers.filter((n) => n > last);
    for (const n of due) last += Number((await viewer.segment(n, workers[1].url)).length > 0);
    ended = playlist.parsed.endlist === true && due.length === 0;
    if (due.length === 0) await sleep(100);
  }
  expect(last - (numbers[0] as number)).toBe(SECONDS - 1);
  expect(workers[0].exit).toBeUndefined();
  await workers[1].api.request('DELETE', `/streams/${id}`);
});
