/** Schedules of faults on a simulated cluster. `npm run test:simulation` plays more of them, and looks for planted faults. */

import { describe, expect, it } from 'vitest';
import { isLive, scheduleOf } from '../../support/simulation/drawn-schedule.ts';
import { asSentence, type Schedule } from '../../support/simulation/schedule.ts';
import { type Outcome, simulate } from '../../support/simulation/simulation.ts';
import { KEPT_GROUPS } from './kept-groups.ts';
import { KEPT } from './kept-schedules.ts';
import { KEPT_SOURCES } from './kept-sources.ts';

/** As many as take some seconds. They are always the same ones, so that a failure has a cause in the commit. */
const SCHEDULES = 100;

async function expectHolds(schedule: Schedule): Promise<Outcome> {
  const outcome = await simulate(schedule);
  if (outcome.violations.length > 0) {
    const { story } = await simulate(schedule, { wantsStory: true });
    expect.fail([`seed ${schedule.seed}`, ...schedule.happenings.map(asSentence), '', ...story].join('\n'));
  }
  return outcome;
}

it(`breaks no rule in ${SCHEDULES} schedules of faults`, { timeout: 120_000 }, async () => {
  let steps = 0;
  for (let seed = 1; seed <= SCHEDULES; seed++) steps += (await expectHolds(scheduleOf(seed))).steps;
  // Fewer mean that the workers of the simulation do nothing.
  expect(steps / SCHEDULES).toBeGreaterThan(500);
});

it('plays the same schedule in the same way twice', async () => {
  const live = Array.from({ length: 40 }, (_, seed) => seed).filter(isLive);
  expect(live.length).toBeGreaterThan(2);
  for (const seed of [3, 4, 5, ...live]) {
    const [one, other] = [await simulate(scheduleOf(seed)), await simulate(scheduleOf(seed))];
    expect([one.trace, one.steps]).toEqual([other.trace, other.steps]);
  }
});

it('tells a schedule as a story', async () => {
  const schedule: Schedule = {
    seed: 7,
    happenings: [
      { kind: 'viewer', atMs: 500, stream: 0, worker: 0, stayMs: undefined },
      { kind: 'crash', atMs: 2_000, worker: 'w1', downMs: 500 },
    ],
  };
  const { story } = await simulate(schedule, { wantsStory: true });
  const text = story.join('\n');
  expect(text).toContain('a viewer of stream 0 comes to w1 and stays');
  expect(text).toContain('w1 is killed; it begins again after 0.50 s');
  expect(text).toContain('everybody leaves');
});

it('leaves a feed whose owner has died to the worker that has its media, although another one asks sooner', async () => {
  const makers: (string | undefined)[] = [];
  for (let seed = 1; seed <= 12; seed++) {
    const { story } = await simulate(
      {
        seed,
        happenings: [
          { kind: 'viewer', atMs: 500, stream: 0, worker: 0, stayMs: undefined },
          { kind: 'viewer', atMs: 1_500, stream: 0, worker: 1, stayMs: undefined },
          { kind: 'pause', atMs: 3_995, worker: 'w2', ms: 60 },
          { kind: 'crash', atMs: 4_000, worker: 'w1', downMs: 6_000 },
          { kind: 'viewer', atMs: 4_000, stream: 0, worker: 2, stayMs: undefined },
        ],
      },
      { wantsStory: true },
    );
    const made = story.find((line) => /a feed has a new place \{"feed":"p:.*"kind":"own"/.test(line));
    makers.push(made?.trim().split(/\s+/)[1]);
  }
  // Where the source says that it is another one, w2 makes the feed from the beginning.
  const others = makers.filter((maker) => maker !== undefined);
  expect(others.length).toBeGreaterThan(5);
  expect(new Set(others)).toEqual(new Set(['w2']));
});

describe('no longer', () => {
  it.each([...KEPT, ...KEPT_GROUPS, ...KEPT_SOURCES])('$what', async ({ schedule }) => {
    await expectHolds(schedule);
  });
});
