/**
 * A deployment and a scale-in as ECS does them, under 50 viewers: nobody is cut off who could be spared, those who must
 * reconnect go on at once, and nothing is made twice. Prints what it cost. `npm run test:deploy`.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SETTLE_MS } from '../../services/proxy/src/ecs/deployment.ts';
import { faultsOf } from '../support/judge/index.ts';
import { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { FakeEcs } from './fake-ecs.ts';
import { DEPLOY_DRAIN_S, Ground, SCALE } from './ground.ts';
import { gapsIn, type JudgedPlayer, judgePlayer, type Part, quantile, table } from './report.ts';
import type { Task } from './task.ts';
import { Visits } from './visits.ts';

const WORKERS = 3;
const KEPT_IN = join(import.meta.dirname, '..', '..', '.cache', 'deploy');
const LEAVES = 'another deployment is wanted: this worker drains';
/** A worker looks every 5 s who is to leave, and who is to be protected; and a busy machine. */
const ROUND_MS = 7_000;
/** Between the last word of a worker in Redis and the end of its process. */
const ENDING_MS = 1_000;
/** Nobody waits longer for a byte when all is well: a GOP, and a noisy machine. */
const SILENCE_MS = 2_500;
/** Longest that two FFmpegs of one stream run side by side, when it is handed over. */
const DOUBLE_MS = 5_000;

const stage = new Stage();
const parts: Part[] = [];
let ground: Ground;
let visits: Visits;
let judged: JudgedPlayer[] = [];

/** Runs a part of the whole, for the report. */
async function part(name: string, run: () => Promise<void>): Promise<void> {
  const fromMs = Date.now();
  try {
    await run();
  } finally {
    parts.push({ name, fromMs, toMs: Date.now() });
  }
}

beforeAll(async () => {
  ground = await Ground.open(stage, WORKERS);
  await ground.seat();
  visits = new Visits(ground.streams);
  // A worker asks for protection at its next round.
  await until(() => ground.ecs.tasks.every(({ isProtected }) => isProtected), {
    timeoutMs: ROUND_MS,
    what: 'every watched worker to be protected',
  });
});

afterAll(async () => {
  await visits?.end();
  await Promise.all(ground?.players.map((player) => player.leave()) ?? []);
  if (ground !== undefined) keepLogs(ground.ecs);
  await stage.clear();
});

describe('under 50 viewers', () => {
  it('a revision that does not start is taken back, and no worker leaves for it', async () => {
    await part('a revision that fails', async () => {
      ground.ecs.deploy(2, { FFMPEG_PATH: '/nowhere/ffmpeg' });
      await until(() => ground.ecs.rolledBack.includes(2), { timeoutMs: 30_000, what: 'revision 2 to be taken back' });
      await ground.ecs.steady(10_000);
    });
    expect(ground.ecs.tasks.map(({ revision }) => revision)).toEqual(Array(WORKERS).fill(1));
    expect(ground.ecs.stopped).toEqual([]);
  });

  it('a deployment replaces every worker, one after the other, each at the end of its time', async () => {
    const { ecs } = ground;
    const old = [...ecs.tasks];
    await part('a deployment', async () => {
      ecs.deploy(3, {});
      await until(() => ecs.tasks.length === 2 * WORKERS, { timeoutMs: 30_000, what: 'the new workers' });
      // The schedule asks in the middle of it; old workers leave by themselves.
      expect(await ground.scaleIn()).toBeUndefined();
      await ecs.steady(SETTLE_MS + WORKERS * (DEPLOY_DRAIN_S * 1_000 + 40_000));
      await ground.everybodyPlays(5_000);
    });
    expect(ecs.tasks.map(({ revision }) => revision)).toEqual(Array(WORKERS).fill(3));
    const gone = old.toSorted((a, b) => (a.stopAtMs ?? 0) - (b.stopAtMs ?? 0));
    for (const [at, task] of gone.entries()) {
      const leftAtMs = leavingOf(task);
      const before = gone[at - 1];
      if (before !== undefined) {
        expect(leftAtMs, `${task.id} and ${before.id}`).toBeGreaterThan((before.exitedAtMs ?? 0) - ENDING_MS);
      }
      // ECS had to wait for its protection, which it kept for its viewers to the end.
      expect(task.viewersAtStop).toBeGreaterThan(0);
      expect(Number(task.stopAtMs) - leftAtMs).toBeGreaterThanOrEqual(DEPLOY_DRAIN_S * 1_000 - 500);
    }
    await expectOneOfEach();
  });

  it('a scale-in drains the emptiest worker, once', async () => {
    const { ecs } = ground;
    const before = ecs.stopped.length;
    await part('a scale-in', async () => {
      ecs.desiredCount = WORKERS - 1;
      await sleep(1_000);
      // All are watched and protected: ECS stops nobody by itself.
      expect(ecs.tasks.filter(({ isStopping }) => isStopping)).toEqual([]);
      const drained = await ground.scaleIn();
      await until(async () => (await ground.scaleIn()) === undefined, { what: 'nobody else to be told to drain' });
      await ecs.steady(60_000);
      await ground.everybodyPlays(5_000);
      expect(ecs.stopped.slice(before).map(({ id }) => id)).toEqual([drained]);
    });
    await expectOneOfEach();
  });

  it('what they got is whole, and what it cost is little', async () => {
    await visits.end();
    ground.census.stop();
    await Promise.all(ground.players.map((player) => player.leave()));
    judged = ground.players.map(judgePlayer);
    report();
    const [failing, deployment, scaleIn] = parts as [Part, Part, Part];
    expect(gapsIn(failing, judged)).toEqual([]);
    // Whoever must reconnect does so once: the load balancer sends to new workers, which have fewer viewers.
    for (const each of [deployment, scaleIn]) {
      const players = gapsIn(each, judged).map(({ player }) => player.number);
      expect(new Set(players).size, each.name).toBe(players.length);
    }
    expect(Math.max(...judged.map(({ player }) => player.refusedInARow))).toBeLessThanOrEqual(1);
    const wrong = judged.flatMap(wrongPieces);
    expect(wrong).toEqual([]);
    expect(ground.ecs.stopped.map(({ id, exit, wasKilled }) => ({ id, exit, wasKilled }))).toEqual(
      ground.ecs.stopped.map(({ id }) => ({ id, exit: { code: 0, signal: null }, wasKilled: false })),
    );
    expect(ground.ecs.lost).toEqual([]);
    expect(visits.visits.filter(({ status }) => status !== 200)).toEqual([]);
    expect(Math.max(...ground.census.most.values())).toBeLessThanOrEqual(2);
    expect(ground.census.longestDoubleMs).toBeLessThan(DOUBLE_MS);
    const stats = await Promise.all(ground.source.paths.map((path) => ground.source.channel(path).stats()));
    for (const { maxConcurrent } of stats) expect(maxConcurrent).toBeLessThanOrEqual(2);
  });
});

/** When it began to leave for a newer revision, as it says itself. */
function leavingOf({ id, worker }: Task): number {
  const [line] = worker.logged(LEAVES);
  if (line === undefined) throw new Error(`${id} was stopped without having left`);
  return Date.parse(String(line.time));
}

/** One FFmpeg for each stream and one connection to each source, wherever they are now. */
async function expectOneOfEach(): Promise<void> {
  const isRight = async () => {
    const { connections, ffmpegs } = await ground.running();
    return [...connections, ...ffmpegs].every((count) => count === 1);
  };
  await until(isRight, {
    timeoutMs: 10_000,
    everyMs: 250,
    what: async () => `one of each; there is ${JSON.stringify(await ground.running())}`,
  });
}

function wrongPieces({ player, pieces }: JudgedPlayer): string[] {
  return pieces.flatMap(({ piece, verdict }, at) => {
    const faults = faultsOf(verdict, { maxSignalled: 0, maxStallMs: SILENCE_MS });
    return faults.map(
      (fault) => `viewer ${player.number} of ${player.stream}, piece ${at + 1} on ${piece.from}: ${fault}`,
    );
  });
}

/** What the workers said, for whoever wants to know more. */
function keepLogs({ stopped, lost, tasks }: FakeEcs): void {
  mkdirSync(KEPT_IN, { recursive: true });
  for (const { id, worker } of [...stopped, ...lost, ...tasks])
    writeFileSync(join(KEPT_IN, `${id}.log`), worker.output);
}

function report(): void {
  const { ecs, census } = ground;
  const first = visits.visits.map(({ firstByteMs }) => firstByteMs ?? Number.POSITIVE_INFINITY);
  const handovers = ground.cluster.workers.flatMap((worker) => worker.logged('handed over'));
  const took = handovers.map(({ tookMs }) => Number(tookMs));
  const kept = ground.cluster.workers.flatMap((worker) => worker.logged('could not hand a feed over'));
  const stops = ecs.stopped.map((task) => {
    const s = (from: number | undefined, to: number | undefined) => (((to ?? 0) - (from ?? 0)) / 1_000).toFixed(1);
    const left = task.worker.logged(LEAVES).length > 0 ? `left ${s(leavingOf(task), task.stopAtMs)} s before, ` : '';
    const gaps = judged.flatMap(({ gaps }) => gaps.filter(({ from }) => from === task.id));
    const [silent, answer] = [gaps.map(({ silentMs }) => silentMs), gaps.map(({ answerMs }) => answerMs)].map((times) =>
      Math.round(quantile(times, 0.5) ?? 0),
    );
    return [
      `  ${task.id} of revision ${task.revision}: ${left}stopped with ${task.viewersAtStop} viewers`,
      `SIGTERM after ${s(task.stopAtMs, task.sigtermAtMs)} s, exit ${s(task.sigtermAtMs, task.exitedAtMs)} s later`,
      `its viewers got nothing for ${silent} ms, ${answer} ms of that from the worker they went to`,
    ].join(', ');
  });
  console.log(
    [
      '',
      `Waiting times are 1/${SCALE} of those in AWS; those in which something is done are not shortened.`,
      '',
      table(parts, judged),
      '',
      `Meanwhile ${first.length} others came, one after the other: first byte after ${Math.round(quantile(first, 0.5) ?? 0)} ms (median), ${Math.round(quantile(first, 1) ?? 0)} ms at most.`,
      `${handovers.length} feeds were handed over, in ${Math.max(0, ...took)} ms at most, ${kept.length} times refused.`,
      `At most ${Math.max(...census.most.values())} FFmpeg ran for one stream at a time; two of one side by side for ${Math.round(census.longestDoubleMs)} ms.`,
      ...stops,
      '',
    ].join('\n'),
  );
}
