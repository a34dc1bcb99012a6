/** Drains over the API: who is refused, what is taken back, what a viewer is told, and when a worker on ECS ends. */

import { describe, expect, onTestFinished } from 'vitest';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { TaskAgent } from '../support/task-agent.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** A command reaches its worker with the next renewal, within a second; and a busy machine. */
const TOLD_MS = 3_000;

async function pair(stage: Stage, env: Record<string, string> = {}) {
  const cluster = await stage.cluster(0, env);
  const one = await cluster.start('worker-1');
  const two = await cluster.start('worker-2');
  return { cluster, one, two };
}

function tell(worker: Worker, id: string, what: string) {
  return worker.api.post<{ detail?: string }>(`/workers/${id}/${what}`);
}

async function readiness(worker: Worker, status: 200 | 503): Promise<void> {
  await until(async () => (await worker.api.get('/readyz')).status === status, {
    timeoutMs: TOLD_MS,
    what: `/readyz to answer ${status}`,
  });
}

describe.concurrent('a drain', () => {
  staged('is taken back by any worker, and as often as one likes', async ({ stage }) => {
    const { one, two } = await pair(stage);
    for (const through of [one, two]) {
      for (let times = 0; times < 2; times++) expect((await tell(one, 'worker-2', 'drain')).status).toBe(202);
      await readiness(two, 503);
      for (let times = 0; times < 2; times++) expect((await tell(through, 'worker-2', 'undrain')).status).toBe(202);
      await readiness(two, 200);
    }
    expect((await tell(one, 'worker-9', 'undrain')).status).toBe(404);
  });

  staged('of the last worker needs force; then viewers are told why there is no process', async ({ stage }) => {
    const { one, two } = await pair(stage);
    const source = await stage.source();
    const { stream_id, playUrl } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    expect((await tell(one, 'worker-2', 'drain')).status).toBe(202);
    expect(await tell(two, 'worker-1', 'drain')).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('Worker worker-1 is the last one that takes viewers.') },
    });
    expect((await tell(two, 'worker-1', 'drain?force=true')).status).toBe(202);
    await readiness(one, 503);
    await readiness(two, 503);
    const refused = async () => {
      const answer = await one.api.get<{ detail?: string }>(`/stream/${stream_id}`);
      return { status: answer.status, detail: answer.body.detail, retry: answer.headers.get('retry-after') };
    };
    expect(await refused()).toEqual({
      status: 503,
      detail: expect.stringMatching(/^Every worker drains, /),
      retry: '10',
    });
    expect((await tell(two, 'worker-1', 'undrain')).status).toBe(202);
    await readiness(one, 200);
    await allPlaying([stage.viewer(playUrl)]);
  });

  staged('of the worker that is asked works without Redis, and so does its end', async ({ stage }) => {
    const { cluster, one, two } = await pair(stage);
    await cluster.redis.pause();
    // What clears the stage asks Redis.
    onTestFinished(() => cluster.redis.resume());
    // Others cannot be told, and nobody knows which worker is the last.
    for (const [id, what] of [
      ['worker-2', 'drain'],
      ['worker-1', 'undrain'],
      ['worker-1', 'drain?force=true'],
    ] as const) {
      const answer = await tell(two, id, what);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    }
    expect((await tell(two, 'worker-2', 'drain?force=true')).status).toBe(202);
    expect((await two.api.get('/readyz')).status).toBe(503);
    expect((await tell(two, 'worker-2', 'undrain')).status).toBe(202);
    expect((await two.api.get('/readyz')).status).toBe(200);
    expect((await tell(two, 'worker-2', 'drain?force=true')).status).toBe(202);
    cluster.redis.resume();
    // What the worker says of itself holds for all.
    await until(async () => (await tell(two, 'worker-1', 'drain')).status === 409, {
      timeoutMs: 2 * TOLD_MS,
      what: 'worker-1 to be known as the last one that takes viewers',
    });
    expect((await tell(one, 'worker-2', 'undrain')).status).toBe(202);
    await readiness(two, 200);
    expect((await one.api.get('/readyz')).status).toBe(200);
  });

  staged('by SIGTERM is not taken back', async ({ stage }) => {
    const { one, two } = await pair(stage, { DRAIN_TIMEOUT: '8' });
    const source = await stage.source();
    const { stream_id } = await one.api.createTranscode({ url: source.url, profile: LIGHT });
    const viewer = stage.viewer(`${two.url}/stream/${stream_id}`);
    await allPlaying([viewer]);
    two.signal('SIGTERM');
    await readiness(two, 503);
    await until(async () => (await tell(one, 'worker-2', 'undrain')).status === 409, {
      timeoutMs: TOLD_MS,
      what: 'the others to know that it stops',
    });
    expect(await tell(two, 'worker-2', 'undrain')).toMatchObject({
      status: 409,
      body: { detail: 'Worker worker-2 is stopping, so it cannot take viewers again.' },
    });
    expect((await two.api.get('/readyz')).status).toBe(503);
    await viewer.stop();
    expect(await two.exited).toEqual({ code: 0, signal: null });
  });

  staged('ends a worker on ECS when it is empty, and no other one', { timeout: 90_000 }, async ({ stage }) => {
    const { cluster, one, two } = await pair(stage);
    const agent = await TaskAgent.start('127.0.1.9', 7);
    stage.closeAfter(async () => agent.close());
    const [drained, back] = await Promise.all([
      cluster.start('drained', { ...agent.env, HOST: agent.address }),
      cluster.start('back', { ...agent.env }),
    ]);
    for (const id of ['drained', 'back', 'worker-2']) expect((await tell(one, id, 'drain')).status).toBe(202);
    await readiness(back, 503);
    expect((await tell(one, 'back', 'undrain')).status).toBe(202);
    expect(await drained.exited).toEqual({ code: 0, signal: null });
    expect(drained.logged('drained, and nobody has been here for a while: this worker ends')).toHaveLength(1);
    // Gone for the others too, and nobody takes it for one that may come back.
    expect((await tell(one, 'drained', 'undrain')).status).toBe(404);
    expect([back.exit, two.exit]).toEqual([undefined, undefined]);
    await readiness(back, 200);
    expect((await two.api.get('/readyz')).status).toBe(503);
  });
});
