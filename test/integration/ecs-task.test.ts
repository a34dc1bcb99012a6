/** A worker as an ECS task: protected while it is watched, draining as soon as ECS is about to stop it. */

import { expect } from 'vitest';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { TaskAgent } from '../support/task-agent.ts';
import { until } from '../support/until.ts';

/** It looks every 5 s; and a busy machine. */
const ROUND_MS = 8_000;

staged('is protected for its viewer, drains before it is stopped, and ends by itself', async ({ stage }) => {
  const agent = await TaskAgent.start('127.0.1.1', 7);
  stage.closeAfter(async () => agent.close());
  const source = await stage.source();
  const { workers, start } = await stage.cluster(0);
  const worker = await start('task', { ...agent.env, HOST: agent.address, DRAIN_TIMEOUT: '1' });
  expect(workers).toEqual([worker]);
  expect(worker.logged('joined the cluster')[0]?.relay).toMatch(/^127\.0\.1\.1:/);
  expect(agent.protections).toEqual([]);

  const { playUrl } = await worker.api.createTranscode({ url: source.url, profile: COPY });
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await until(() => agent.isProtected, { timeoutMs: ROUND_MS, what: 'the watched worker to ask for protection' });

  agent.desiredStatus = 'STOPPED';
  await until(async () => (await worker.api.get('/readyz')).status === 503, {
    timeoutMs: ROUND_MS,
    what: 'the worker to take no new viewers',
  });
  await until(() => !agent.isProtected, { what: 'the protection to be given up' });
  expect(viewer.ended).toBe(false);

  worker.signal('SIGTERM');
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  const recording = await viewer.done;
  expect(recording.endedBy).toBe('end');
  expectClean(judgeTs(recording), { maxSignalled: 0, minSeconds: 4 });
  expect(agent.protections.map(({ enabled }) => enabled)).toEqual([true, false]);
});
