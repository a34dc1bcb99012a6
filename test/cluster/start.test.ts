/** What a worker finds out at its start: its address and zone from ECS, and whether Redis lets it in. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { runWorkerToExit, startWorker } from '../support/worker.ts';

it('a task on ECS is reached at the address, and is in the zone, that its metadata says', async () => {
  const task = { AvailabilityZone: 'eu-west-1b', Containers: [{ Networks: [{ IPv4Addresses: ['127.0.0.9'] }] }] };
  const metadata = createServer((_, response) => void response.end(JSON.stringify(task)));
  await new Promise<void>((resolve) => metadata.listen(0, '127.0.0.1', resolve));
  const redis = await startRedis();
  const uri = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}/v4/abc`;
  const worker = await startWorker({
    ...redis.env,
    WORKER_ID: 'w',
    RELAY_PORT: '0',
    ECS_CONTAINER_METADATA_URI_V4: uri,
  });
  try {
    const record = JSON.parse(await redis.cli('HGET', 'workers', 'w')) as Record<string, unknown>;
    expect(record).toMatchObject({ workerId: 'w', zone: 'eu-west-1b', processes: 0, clients: 0, draining: false });
    expect(record.address).toMatch(/^127\.0\.0\.9:\d+$/);
    expect(Object.keys(record)).toEqual(expect.arrayContaining(['startedAtMs', 'lastSeenMs', 'cpu']));
  } finally {
    await worker.stop('SIGINT');
    await redis.stop();
    metadata.close();
  }
});

it('a Redis that refuses the password or the database stops the start, with what to check', async () => {
  const redis = await startRedis({ password: 'right' });
  try {
    for (const env of [{ REDIS_PASSWORD: 'wrong' }, { REDIS_PASSWORD: undefined }, { REDIS_DB: '99' }]) {
      const { code, output } = await runWorkerToExit({ ...redis.env, RELAY_PORT: '0', ...env });
      expect(output).toContain('Redis refuses this worker');
      expect(output).toContain('REDIS_PASSWORD');
      expect(output).not.toMatch(/wrong|right/);
      expect(code).toBe(1);
    }
  } finally {
    await redis.stop();
  }
});
