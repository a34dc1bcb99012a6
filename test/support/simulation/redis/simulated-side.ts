/** A simulated Redis on a clock that a test moves, to be compared with another one. */

import type { Side } from './compared-sides.ts';
import type { ScriptEngine } from './script-engine.ts';
import { SimulatedRedis } from './simulated-redis.ts';

/** @param engine what runs the scripts; by default their translation */
export function simulatedSide(engine?: ScriptEngine): Side {
  let nowMs = 0;
  let runId: string | undefined;
  const redis = new SimulatedRedis({ now: () => nowMs, engine });
  return {
    connection: () => redis.connection(),
    async move(toMs, process) {
      nowMs = toMs;
      if (process !== runId) redis.restarted();
      runId = process;
    },
    async perform(name, args) {
      redis.perform(name, args);
    },
    async empty(toMs, process) {
      nowMs = toMs;
      if (runId !== undefined) redis.emptied();
      runId = process;
    },
    dump: async () => redis.dump(),
  };
}
