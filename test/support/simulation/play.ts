/** Plays many schedules in this process, one after the other, and says what it found as lines of JSON. See scripts/simulate.mjs. */

import { isLive, scheduleOf } from './drawn-schedule.ts';
import { asSentence, type Schedule } from './schedule.ts';
import { shrunk } from './shrink.ts';
import { type Outcome, simulate } from './simulation.ts';

export interface PlayOptions {
  readonly from: number;
  readonly count: number;
  /** Every which seed this process plays. */
  readonly step: number;
  /** Ends with the first schedule that breaks a rule. */
  readonly endsAtFirst: boolean;
  readonly shrinks: boolean;
  readonly story: boolean;
  /** Only schedules whose streams source feeds read. */
  readonly live?: boolean;
}

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);

let unhandled: unknown;
process.on('unhandledRejection', (error) => {
  unhandled ??= error;
});

/** An error that nobody waits for breaks a rule too. */
async function played(schedule: Schedule, wantsStory: boolean): Promise<Outcome> {
  const outcome = await simulate(schedule, { wantsStory });
  await new Promise<void>((resolve) => void setImmediate(resolve));
  if (unhandled === undefined) return outcome;
  const what = unhandled instanceof Error ? (unhandled.stack ?? unhandled.message) : String(unhandled);
  unhandled = undefined;
  return {
    ...outcome,
    violations: [...outcome.violations, { rule: 'errors are handled', what, atMs: outcome.virtualMs }],
  };
}

const options = JSON.parse(process.argv[2] ?? '{}') as PlayOptions;
// To take a stack at each error, and the parts of a worker abort much, takes a tenth of the time.
if (!options.story) Error.stackTraceLimit = 0;
const begunMs = performance.now();
let count = 0;
let steps = 0;
let virtualMs = 0;
for (let seed = options.from; seed < options.from + options.count; seed += options.step) {
  if (options.live === true && !isLive(seed)) continue;
  const schedule = scheduleOf(seed);
  const outcome = await played(schedule, options.story);
  count++;
  steps += outcome.steps;
  virtualMs += outcome.virtualMs;
  if (options.story) say({ story: outcome.story, trace: outcome.trace });
  const [violation] = outcome.violations;
  if (violation === undefined) continue;
  say({ seed, rule: violation.rule, what: violation.what, after: count });
  if (options.shrinks) {
    const shorter = await shrunk(schedule, violation.rule, (each) => played(each, false));
    const { story } = await played(shorter, true);
    say({ seed, schedule: shorter, sentences: shorter.happenings.map(asSentence), story });
  }
  if (options.endsAtFirst) break;
}
const { user, system } = process.cpuUsage();
say({ played: count, steps, virtualMs, ms: performance.now() - begunMs, cpuMs: (user + system) / 1000 });
