/** The translation of the scripts does what they do in a Lua interpreter: the same answers, and the same in Redis afterwards. */

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TEST_SEED } from '../../../support/seed.ts';
import { translatedScript } from '../../../support/simulation/redis/lua-engine.ts';
import { luaInterpreter } from '../../../support/simulation/redis/lua-interpreter.ts';
import { RegistryPlay } from '../../../support/simulation/redis/registry-play.ts';
import { type Step, steps } from '../../../support/simulation/redis/registry-steps.ts';
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
    await fc.assert(same, { seed: TEST_SEED, numRuns: 15 });
  });

  it('is found out when it differs', async () => {
    const wrong: ScriptEngine = (lua, name) =>
      translatedScript(lua.replace('count_in(K.slots .. id, slot, 1)', 'count_in(K.slots .. id, slot, 2)'), name);
    const who = { by: 0, to: 0, stream: 0 };
    const done: Step[] = [
      { kind: 'renew', ...who, n: 0 },
      { kind: 'create', ...who, n: 0 },
      { kind: 'wait', ...who, n: 6 },
      { kind: 'join', ...who, n: 7 },
    ];
    await played(done, [translatedScript, interpreter]);
    await expect(played(done, [wrong, interpreter])).rejects.toThrow("what Redis holds after 'join'");
  });
});
