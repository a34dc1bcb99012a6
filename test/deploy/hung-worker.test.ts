/**
 * A worker that hangs under 50 viewers: the probe of its container ends it, ECS starts another, and whoever watched it goes on
 * elsewhere. Prints what the viewers saw. `npm run test:deploy`.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultsOf } from '../support/judge/index.ts';
import type { Verdict } from '../support/judge/verdict.ts';
import { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { Ground, PROBE_INTERVAL_MS, SCALE } from './ground.ts';
import { gapsIn, type JudgedPlayer, judgePlayer, type Part, quantile, table } from './report.ts';
import type { Task } from './task.ts';
import { Visits } from './visits.ts';

const WORKERS = 3;
/** Four probes in a row that get no answer within 5 s, and a last word of 1 s; on a busy machine each takes a little longer. */
const ENDED_WITHIN_MS = 4 * (PROBE_INTERVAL_MS + 5_000) + 1_000 + 5_000;
/** Followers wait for the end of the owner's lease (5 s), then start a source and an FFmpeg. */
const TAKEOVER_MS = 10_000;
const STAYS_MS = 8_000;
/** Nobody waits longer for a byte when all is well. */
const LAST_BYTE_MS = 2_500;

const stage = new Stage();
let ground: Ground;
let visits: Visits;

beforeAll(async () => {
  ground = await Ground.open(stage, WORKERS);
  await ground.seat();
  visits = new Visits(ground.streams);
  await sleep(3_000);
});

afterAll(async () => {
  await visits?.end();
  await Promise.all(ground?.players.map((player) => player.leave()) ?? []);
  await stage.clear();
});

it('a worker that hangs under 50 viewers is ended by its probe, and another takes its place', async () => {
  const { ecs, balancer } = ground;
  const hung = ecs.tasks.reduce((one, other) => (ffmpegs(other) > ffmpegs(one) ? other : one));
  const [processes, watched] = [ffmpegs(hung), await balancer.sessions(hung.id)];
  expect(processes).toBeGreaterThan(0);
  const fromMs = Date.now();
  hung.worker.signal('SIGSTOP');
  await until(async () => !(await balancer.isHealthy(hung.id)), { what: 'the load balancer to notice' });
  const avoidedMs = Date.now() - fromMs;
  await until(() => hung.exit !== undefined, { timeoutMs: ENDED_WITHIN_MS, what: 'the probe to end the worker' });
  const endedMs = Date.now() - fromMs;
  await until(() => ecs.lost.length === 1, { what: 'ECS to notice' });
  await ecs.steady(30_000);
  const replacedMs = Date.now() - fromMs;
  await ground.everybodyPlays(5_000);
  await sleep(STAYS_MS);
  await visits.end();
  await Promise.all(ground.players.map((player) => player.leave()));
  // A gap begins with the last byte, which came before the worker hung.
  const part: Part = { name: 'a worker that hangs', fromMs: fromMs - LAST_BYTE_MS, toMs: Date.now() };

  const judged = ground.players.map(judgePlayer);
  const gaps = gapsIn(part, judged);
  const stayed = judged.filter(({ gaps: all }) => all.length === 0);
  const stalls = stayed.flatMap(({ pieces }) => pieces.map(({ verdict }) => verdict.maxStallMs));
  const missed = stayed.flatMap(({ pieces }) => pieces.map(({ verdict }) => longestStepMs(verdict)));
  const before = visits.visits.filter(({ status }) => status === 200).length;
  const s = (ms: number | undefined) => `${((ms ?? 0) / 1_000).toFixed(1)} s`;
  console.log(
    [
      '',
      `${hung.id} stood still with ${watched} viewers and ${processes} FFmpegs. The load balancer sent it nobody new after ${s(avoidedMs)};`,
      `the probe ended it after ${s(endedMs)} (in AWS up to ${s(4 * (15_000 + 5_000))}); another was ready after ${s(replacedMs)}.`,
      `Waiting times of AWS are 1/${SCALE}, those between two probes ${s(PROBE_INTERVAL_MS)} in place of 15 s.`,
      '',
      table([part], judged),
      '',
      `The ${stayed.length} viewers of other workers kept their connection: nothing came for ${s(quantile(stalls, 0.5))} (median), ${s(quantile(stalls, 1))} at most;`,
      `the longest step of their pictures was ${s(quantile(missed, 1))}. Of ${visits.visits.length} who came meanwhile, ${before} got the stream at once.`,
      '',
    ].join('\n'),
  );

  expect(ecs.lost).toEqual([hung]);
  expect(hung.exit).toEqual({ code: null, signal: 'SIGKILL' });
  expect(ecs.tasks).toHaveLength(WORKERS);
  // Whoever watched the hung worker reconnects once, when it has ended; nobody else does.
  expect(gaps.length).toBe(watched);
  expect(gaps.every(({ from }) => from === hung.id)).toBe(true);
  expect(new Set(gaps.map(({ player }) => player)).size).toBe(gaps.length);
  for (const { silentMs } of gaps) expect(silentMs).toBeLessThan(endedMs + 3_000);
  for (const stall of stalls) expect(stall).toBeLessThan(TAKEOVER_MS);
  expect(judged.flatMap(faults)).toEqual([]);
});

function ffmpegs({ worker }: Task): number {
  return worker.ffmpegPids().length;
}

/** What is wrong with what a viewer got, but for the jumps of a takeover, which are signalled. */
function faults({ player, pieces }: JudgedPlayer): string[] {
  return pieces.flatMap(({ piece, verdict }) =>
    faultsOf(verdict, { maxGapMs: TAKEOVER_MS }).map((fault) => `viewer ${player.number} on ${piece.from}: ${fault}`),
  );
}

/** The longest time between two pictures, by the stream's own clock. */
function longestStepMs({ video }: Verdict): number {
  const list = video?.dtsList ?? [];
  return list.slice(1).reduce((longest, dts, at) => Math.max(longest, (dts - (list[at] ?? dts)) / 90), 0);
}
