/** The translation of the scripts does what they do in a Lua interpreter: the same answers, and the same in Redis afterwards. */

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TEST_SEED } from '../../../support/seed.ts';
import { translatedScript } from '../../../support/simulation/redis/lua-engine.ts';
import { luaInterpreter } from '../../../support/simulation/redis/lua-interpreter.ts';
import { RegistryPlay } from '../../../support/simulation/redis/registry-play.ts';
import { type Step, steps, told } from '../../../support/simulation/redis/registry-steps.ts';
import type { ScriptEngine } from '../../../support/simulation/redis/script-engine.ts';
import { simulatedSide } from '../../../support/simulation/redis/simulated-side.ts';

let interpreter: ScriptEngine;

beforeAll(async () => {
  interpreter = await luaInterpreter();
});

async function played(done: readonly Step[], engines: readonly ScriptEngine[]): Promise<void> {
  const play = new RegistryPlay(engines.map(simulatedSide));
  await play.begin();
  for (const step of done) await play.play(step);
}

describe('the translation of the scripts', () => {
  it('answers as an interpreter does, and leaves the same behind', { timeout: 60_000 }, async () => {
    const same = fc.asyncProperty(steps(60), (done) => played(done, [translatedScript, interpreter]));
    await fc.assert(same, { seed: TEST_SEED, numRuns: 20 });
  });

  it('is found out when it differs, with the fewest steps that show it', async () => {
    const wrong: ScriptEngine = (lua, name) =>
      translatedScript(lua.replace('count_in(K.slots .. id, slot, 1)', 'count_in(K.slots .. id, slot, 2)'), name);
    const differing = fc.asyncProperty(steps(40), (done) => played(done, [wrong, translatedScript]));
    const { failed, counterexample } = await fc.check(differing, { seed: 1, numRuns: 30 });
    expect(failed).toBe(true);
    expect(told(counterexample?.[0] ?? []).split('\n').length).toBeLessThan(4);
  });
});
