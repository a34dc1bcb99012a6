/** Makes a schedule that breaks a rule shorter, as long as the same rule is broken. */

import type { Rule } from './invariants.ts';
import type { Happening, Schedule } from './schedule.ts';
import type { Outcome } from './simulation.ts';

/** A part of a schedule may break the rule only when other things come first by chance: so many seeds are tried for it. */
const SEEDS = 8;

type Play = (schedule: Schedule) => Promise<Outcome>;

export async function shrunk(schedule: Schedule, rule: Rule, play: Play): Promise<Schedule> {
  const breaks = async (happenings: readonly Happening[], from: Schedule): Promise<Schedule | undefined> => {
    for (let n = 0; n < SEEDS; n++) {
      const tried = { ...from, seed: from.seed + n, happenings };
      if ((await play(tried)).violations.some((each) => each.rule === rule)) return tried;
    }
    return undefined;
  };
  let shortest = schedule;
  for (let isShorter = true; isShorter; ) {
    isShorter = false;
    for (const one of variants(shortest.happenings)) {
      const found = await breaks(one, shortest);
      if (found === undefined) continue;
      shortest = found;
      isShorter = true;
      break;
    }
  }
  return shortest;
}

/** Shorter schedules, the shortest first: without one happening, then with a shorter one. */
function* variants(happenings: readonly Happening[]): Generator<readonly Happening[]> {
  for (const at of happenings.keys()) yield happenings.toSpliced(at, 1);
  for (const [at, happening] of happenings.entries()) {
    const shorter = shortened(happening);
    if (shorter !== undefined) yield happenings.with(at, shorter);
  }
}

function shortened(happening: Happening): Happening | undefined {
  const half = (ms: number) => Math.round(ms / 200) * 100;
  if ('ms' in happening && happening.ms >= 400) return { ...happening, ms: half(happening.ms) };
  if ('downMs' in happening && happening.downMs >= 400) return { ...happening, downMs: half(happening.downMs) };
  return undefined;
}
