/** Thirty first viewers over three workers that have only just come up: one process a slot, one connection to the provider. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { ffmpegsOf, spread, troubles } from '../support/cluster.ts';
import type { LoopName } from '../support/fixtures.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { pick, seeded, TEST_SEED } from '../support/seed.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

interface Round {
  readonly fixture: LoopName;
  readonly cap: string;
  /** One FFmpeg per slot. */
  readonly ffmpegs: number;
  /** Each worker gets its viewers as soon as it listens, or all of them theirs at the same moment. */
  readonly begin: 'each at once' | 'all together';
  readonly seed: number;
}

const VIEWERS = 30;
const PLAY_MS = 2_000;
/** A worker's life counts from the line in which it says that it listens. */
const FIRST_SECOND_MS = 1_000;

const random = seeded(TEST_SEED);
const UNUSUAL = ['bframes', 'mp2', 'fps-29.97'] as const satisfies readonly LoopName[];

function round(fixture: LoopName, cap: 10 | 100): Round {
  const begin = pick(random, ['each at once', 'all together'] as const);
  return { fixture, cap: String(cap), ffmpegs: Math.ceil(VIEWERS / cap), begin, seed: Math.floor(random() * 2 ** 31) };
}

/** The plain source with both caps and one pick of the others; STREAMPOOL_LONG=1: ten of everything. */
function rounds(): Round[] {
  if (process.env.STREAMPOOL_LONG !== '1') {
    return [round('plain', 100), round('plain', 10), round(pick(random, UNUSUAL), pick(random, [10, 100] as const))];
  }
  const fixtures: readonly LoopName[] = ['plain', ...UNUSUAL];
  return Array.from({ length: 10 }, (_, n) => fixtures[n % fixtures.length] ?? 'plain').flatMap((fixture) => [
    round(fixture, 100),
    round(fixture, 10),
  ]);
}

staged.for(rounds())(`$fixture, cap $cap, $begin (TEST_SEED=${TEST_SEED})`, async (row, { stage }) => {
  const source = await stage.source({
    fixture: row.fixture,
    startPhaseSeconds: seeded(row.seed)() * 6,
    join: 'mid-packet',
    seed: row.seed,
  });
  const cluster = await stage.cluster(0, { MAX_CLIENTS_PER_SHARED_STREAM: row.cap });
  const ids = ['worker-1', 'worker-2', 'worker-3'];
  const viewers: RecordingHandle[] = [];
  if (row.begin === 'each at once') {
    const perWorker = VIEWERS / ids.length;
    for (const some of await Promise.all(ids.map(async (id) => watch(stage, [await cluster.start(id)], perWorker)))) {
      viewers.push(...some);
    }
  } else {
    viewers.push(...(await watch(stage, await Promise.all(ids.map((id) => cluster.start(id))), VIEWERS)));
  }

  async function watch(on: Stage, workers: readonly Worker[], count: number): Promise<RecordingHandle[]> {
    const [first] = workers as [Worker];
    const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
    const watching = spread(on, count, workers, stream_id);
    const ages = workers.map((worker) => Date.now() - Date.parse(String(worker.logged('listening')[0]?.time)));
    expect(Math.min(...ages)).toBeLessThan(FIRST_SECOND_MS);
    return watching;
  }

  const { workers } = cluster;
  await allPlaying(viewers);
  await sleep(PLAY_MS);
  expect(ffmpegsOf(workers), JSON.stringify(troubles(workers))).toHaveLength(row.ffmpegs);
  expect(await source.account()).toMatchObject({ open: 1, total: 1, maxConcurrent: 1 });
  for (const viewer of viewers) {
    expect(viewer.ended).toBe(false);
    const verdict = judgeTs(await viewer.stop());
    expectClean(verdict, { video: true, audio: true, minSeconds: PLAY_MS / 1000, maxSignalled: 0 });
  }
});
