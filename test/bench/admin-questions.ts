/** The child process that is the admin API's function: its questions to Redis, and its answers as JSON. */

import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { DirectCluster } from '../../services/admin-lambda/src/cluster/direct-cluster.ts';
import { RedisLink } from '../../services/admin-lambda/src/cluster/redis-link.ts';
import { US_EAST_1_EGRESS } from '../../services/admin-lambda/src/egress-cost.ts';
import { readRegistry } from '../../services/admin-lambda/src/environment.ts';
import { viewOfStats, viewOfStreamDetails, viewOfStreams } from '../../services/admin-lambda/src/views.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import { median } from './numbers.ts';
import { answerCalls } from './remote.ts';

export type AdminQuestion = 'stats' | 'streams' | 'viewers' | 'every viewer';

export interface AdminTime {
  ms: number;
  answerBytes: number;
}

const TIMES = 5;
const PAGE = { limit: 100 };

async function ask(order: { redisPort: number; streamId: string; question: AdminQuestion }): Promise<AdminTime> {
  const { redisPort, streamId, question } = order;
  const settings = readRegistry({ REDIS_HOST: '127.0.0.1', REDIS_SERVER_PORT: String(redisPort) });
  const link = new RedisLink(settings);
  const redis = new Redis({ port: redisPort });
  const me = { workerId: 'admin', incarnation: randomUUID(), address: '', zone: undefined };
  const show = () => ({ url: '', profile: '' });
  const registry = new RedisRegistry(redis, me, { leaseMs: 0, youngMs: 0, graceMs: 0, show });
  const cluster = new DirectCluster(link, settings);
  const answer = async (): Promise<object | null> => {
    switch (question) {
      case 'stats':
        return viewOfStats(await cluster.numbers(), US_EAST_1_EGRESS);
      case 'streams':
        return viewOfStreams(await cluster.streams(PAGE));
      case 'viewers': {
        const stream = await cluster.stream(streamId, PAGE);
        return stream === null ? null : viewOfStreamDetails(stream);
      }
      case 'every viewer': {
        const [streams, clients] = await Promise.all([registry.streams(), registry.clients()]);
        return { streams: streams.length, clients: clients.length };
      }
    }
  };
  // Connects, and compiles what it runs.
  await answer();
  const took: number[] = [];
  let answerBytes = 0;
  for (let n = 0; n < TIMES; n++) {
    const startMs = performance.now();
    answerBytes = JSON.stringify(await answer()).length;
    took.push(performance.now() - startMs);
  }
  link.close();
  redis.disconnect();
  return { ms: median(took), answerBytes };
}

answerCalls({ ask });
