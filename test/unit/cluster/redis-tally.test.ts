/** A connection to Redis counts its answers and their times, over a real socket. */

import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { MeasuredRedis, RedisTally } from '../../../services/proxy/src/cluster/redis-tally.ts';

/** Answers PING, refuses DEL, and says nothing to GET. */
async function redisLike(): Promise<number> {
  const server = createServer((socket) => {
    socket.on('data', (bytes) => {
      for (const [, name = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
        const command = name.toUpperCase();
        if (command === 'DEL') socket.write('-ERR refused\r\n');
        else if (command !== 'GET') socket.write('+PONG\r\n');
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

it('counts what is answered, refused and not answered, alone and in a batch', async () => {
  const tally = new RedisTally();
  const seconds: number[] = [];
  tally.onAnswer((each) => seconds.push(each));
  const port = await redisLike();
  const redis = new MeasuredRedis({
    ...{ host: '127.0.0.1', port, lazyConnect: true, enableReadyCheck: false, disableClientInfo: true },
    ...{ commandTimeout: 1_000, maxRetriesPerRequest: 0, retryStrategy: () => null },
  });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  redis.tally = tally;
  expect(await redis.ping()).toBe('PONG');
  await redis.pipeline().ping().ping().exec();
  expect(seconds).toHaveLength(3);
  for (const each of seconds) expect(each).toBeGreaterThanOrEqual(0);
  await expect(redis.del('x')).rejects.toThrow('refused');
  expect(tally.errors).toBe(1);
  await expect(redis.get('x')).rejects.toThrow('timed out');
  expect(tally.errors).toBe(2);
  expect(seconds).toHaveLength(3);
});
