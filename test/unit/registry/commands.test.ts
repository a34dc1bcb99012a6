/** A command for a worker comes with the answer to a renewal. It waits until the worker says that it has got that, and comes once. */

import { expect, it } from 'vitest';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { Command } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';

const GOES: Command = { kind: 'disconnect', clientId: 'tv' };
const MOVES: Command = { kind: 'failover', streamId: 'a'.repeat(32) };

/** Two workers; the answers of Redis to the second one can be lost. */
async function cluster() {
  const nowMs = 1_764_000_000_000;
  const redis = new SimulatedRedis({ now: () => nowMs });
  let isLost = false;
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const connection = redis.connection(async ({ perform }) => {
      const answer = perform();
      if (isLost && workerId === 'w2') throw new Error('Connection is closed.');
      return answer;
    });
    const options = { leaseMs: 60_000, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }) };
    const registry = new RedisRegistry(connection, me, { ...options, clock: systemClock });
    const { capacity: _, ...numbers } = IDLE;
    await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
    await registry.renew(IDLE);
    return registry;
  };
  const [sender, receiver] = [await worker('w1'), await worker('w2')];
  return {
    send: (command: Command) => sender.send(command, 'w2'),
    renew: async () => (await receiver.renew(IDLE)).commands,
    loseAnswers: (is: boolean) => {
      isLost = is;
    },
  };
}

it('comes again when the answer was lost that brought it', async () => {
  const { send, renew, loseAnswers } = await cluster();
  await send(GOES);
  loseAnswers(true);
  for (let n = 0; n < 2; n++) await expect(renew()).rejects.toThrow('closed');
  loseAnswers(false);
  expect(await renew()).toEqual([GOES]);
  expect(await renew()).toEqual([]);
});

it('does not come twice when the answer was lost to the renewal that said that it had come', async () => {
  const { send, renew, loseAnswers } = await cluster();
  await send(GOES);
  expect(await renew()).toEqual([GOES]);
  await send(MOVES);
  loseAnswers(true);
  await expect(renew()).rejects.toThrow('closed');
  loseAnswers(false);
  expect(await renew()).toEqual([MOVES]);
  expect(await renew()).toEqual([]);
});

it('comes as often as it was sent', async () => {
  const { send, renew } = await cluster();
  for (let n = 0; n < 2; n++) await send(GOES);
  expect(await renew()).toEqual([GOES, GOES]);
  await send(GOES);
  expect(await renew()).toEqual([GOES]);
  expect(await renew()).toEqual([]);
});
