/** Whether a registry that takes its time is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Reachability } from '../../../services/registry/resilient/reachability.ts';

async function open() {
  const outages: unknown[] = [];
  const reach = new Reachability((error) => outages.push(error));
  await reach.renewal({ prepare: async () => undefined, renew: async () => true, tell: async () => undefined });
  return { reach, outages };
}

const own = async () => 'own';

it('waits for an answer that comes in parts for as long as they come', async () => {
  const { reach, outages } = await open();
  const inParts = async (onProgress: () => void) => {
    for (let part = 0; part < 5; part++) {
      await sleep(300);
      onProgress();
    }
    return 'shared';
  };
  expect(await reach.ask(inParts, own)).toBe('shared');
  expect(outages).toEqual([]);
});

it('takes one that stops coming for an outage', async () => {
  const { reach, outages } = await open();
  const stops = async (onProgress: () => void) => {
    await sleep(300);
    onProgress();
    return new Promise<string>(() => undefined);
  };
  expect(await reach.ask(stops, own)).toBe('own');
  expect(outages).toHaveLength(1);
});
