/** What a deployment happens to: a service of real workers behind HAProxy, one Redis, four streams of three sources, viewers. */

import { checkStage } from '../../infra/config.ts';
import { DEREGISTRATION_DELAY_S, STOP_TIMEOUT_S } from '../../infra/limits.ts';
import { DirectCluster } from '../../services/admin-lambda/src/cluster/direct-cluster.ts';
import { RedisLink } from '../../services/admin-lambda/src/cluster/redis-link.ts';
import { EcsService } from '../../services/admin-lambda/src/ecs/tasks.ts';
import { US_EAST_1_EGRESS } from '../../services/admin-lambda/src/egress-cost.ts';
import { readRegistry } from '../../services/admin-lambda/src/environment.ts';
import type { AdminHandler } from '../../services/admin-lambda/src/handler.ts';
import { createHandler } from '../../services/admin-lambda/src/handler.ts';
import { pause } from '../../services/proxy/src/async.ts';
import { createLogger } from '../../services/shared/log.ts';
import type { TestCluster } from '../support/cluster.ts';
import type { LiveSource } from '../support/live-source.ts';
import { lightAt, type Stage } from '../support/stage.ts';
import { CLUSTER } from '../support/task-agent.ts';
import { until } from '../support/until.ts';
import type { WorkerEnv } from '../support/worker.ts';
import { WorkerApi } from '../support/worker-api.ts';
import { Census } from './census.ts';
import { FakeEcs, SERVICE_NAME } from './fake-ecs.ts';
import { LoadBalancer } from './load-balancer.ts';
import { Player } from './player.ts';

/** Times in which nothing but waiting happens are this much shorter than in AWS; those in which work is done are not. */
export const SCALE = Number(process.env.STREAMPOOL_DEPLOY_SCALE) || 20;
const STAGE = checkStage({ stage: 'prod' });
const DEREGISTRATION_S = DEREGISTRATION_DELAY_S / SCALE;
const DRAIN_S = STAGE.drainTimeout / SCALE;
export const DEPLOY_DRAIN_S = STAGE.deployDrain / SCALE;
/** A worker has as much time for its end, after its last viewer, as in AWS. */
const STOP_S = DRAIN_S + (STOP_TIMEOUT_S - STAGE.drainTimeout);

/** Of the container's health check; a probe costs CPU, so it is not run as often as the others wait less. */
export const PROBE_INTERVAL_MS = Math.max(2_000, 15_000 / SCALE);

const ENV: WorkerEnv = {
  DRAIN_TIMEOUT: String(DRAIN_S),
  DEPLOY_DRAIN: String(DEPLOY_DRAIN_S),
  MAX_CLIENTS_PER_SHARED_STREAM: '0',
  STREAM_TIMEOUT: '6',
  API_RATE_LIMIT: '0',
};

export interface TestStream {
  readonly id: string;
  /** What only its FFmpegs have among their arguments. */
  readonly mark: string;
  readonly playUrl: string;
}

/** Of each stream: its source, its bitrate as a mark, and how many watch. The last one is on few workers. */
const STREAMS = [
  { path: '/one.ts', kbits: 121, viewers: 20 },
  { path: '/one.ts', kbits: 122, viewers: 15 },
  { path: '/two.ts', kbits: 123, viewers: 13 },
  { path: '/three.ts', kbits: 124, viewers: 2 },
] as const;
const DAY_MS = 86_400_000;
const SCHEDULE_MS = 60_000;
/** Between two viewers' arrivals. */
const ARRIVAL_MS = 20;
const FIRST_BYTES_MS = 20_000;

export class Ground {
  readonly cluster: TestCluster;
  readonly balancer: LoadBalancer;
  readonly ecs: FakeEcs;
  readonly source: LiveSource;
  readonly streams: readonly TestStream[];
  readonly players: Player[] = [];
  readonly census: Census;
  readonly admin: AdminHandler;

  private constructor(parts: Pick<Ground, 'cluster' | 'balancer' | 'ecs' | 'source' | 'streams' | 'admin'>) {
    this.cluster = parts.cluster;
    this.balancer = parts.balancer;
    this.ecs = parts.ecs;
    this.source = parts.source;
    this.streams = parts.streams;
    this.admin = parts.admin;
    this.census = new Census(
      this.cluster.workers,
      this.streams.map(({ mark }) => mark),
    );
  }

  /** @param env settings of the workers, beside those of all */
  static async open(stage: Stage, workers: number, env: WorkerEnv = {}): Promise<Ground> {
    const cluster = await stage.cluster(0, { ...ENV, ...env });
    const source = await stage.sourceProcess({
      channels: { '/one.ts': {}, '/two.ts': { fixture: 'bframes' }, '/three.ts': { fixture: 'bframes' } },
    });
    const balancer = await LoadBalancer.start();
    stage.closeAfter(() => balancer.stop());
    const times = {
      deregistrationMs: DEREGISTRATION_S * 1_000,
      stopTimeoutMs: STOP_S * 1_000,
      probeIntervalMs: PROBE_INTERVAL_MS,
    };
    const ecs = new FakeEcs({ cluster, balancer, times }, { revision: 1, env: {} });
    stage.closeAfter(() => ecs.stop());
    ecs.desiredCount = workers;
    await ecs.steady(60_000);
    const link = new RedisLink(readRegistry({ ...cluster.redis.env, REDIS_TLS: 'false' }));
    stage.closeAfter(async () => link.close());
    const admin = createHandler({
      cluster: new DirectCluster(link, { streamIdleTtlMs: DAY_MS, sharedStreamGraceMs: 0 }),
      ecs: new EcsService(ecs.client(), CLUSTER, SERVICE_NAME),
      prices: US_EAST_1_EGRESS,
      log: createLogger('fatal'),
    });
    const api = new WorkerApi(balancer.url);
    const streams: TestStream[] = [];
    for (const { path, kbits } of STREAMS) {
      const profile = lightAt(kbits).replace('-c:a aac', '-c:a aac -b:a 48k');
      const { stream_id: id, playUrl } = await api.createTranscode({ url: source.channel(path).url, profile });
      streams.push({ id, mark: `${kbits}k`, playUrl });
    }
    const ground = new Ground({ cluster, balancer, ecs, source, streams, admin });
    stage.closeAfter(async () => ground.census.stop());
    return ground;
  }

  /** Everybody comes, and gets bytes. */
  async seat(): Promise<void> {
    const seats = this.streams.flatMap((stream, at) => Array.from({ length: STREAMS[at]?.viewers ?? 0 }, () => stream));
    for (const [number, { mark, playUrl }] of seats.entries()) {
      this.players.push(new Player(number + 1, mark, playUrl));
      await new Promise((resolve) => setTimeout(resolve, ARRIVAL_MS));
    }
    await this.everybodyPlays(FIRST_BYTES_MS);
  }

  async everybodyPlays(timeoutMs: number): Promise<void> {
    const waiting = () => this.players.filter(({ byteCount }) => byteCount === 0);
    await until(() => waiting().length === 0, {
      timeoutMs,
      what: () => `${waiting().length} players to get something; ${JSON.stringify(waiting()[0]?.refusals ?? [])}`,
    });
  }

  /** What the schedule does every minute; answers whom it has told to drain. */
  async scaleIn(): Promise<string | undefined> {
    return ((await this.admin({ job: 'scale-in' })) as { drain?: string }).drain;
  }

  /** From now on the schedule does that as often as in AWS, until the stage is cleared. */
  schedule(stage: Stage): void {
    const abort = new AbortController();
    const { signal } = abort;
    const run = async () => {
      while (!signal.aborted) {
        await this.scaleIn();
        await pause(SCHEDULE_MS / SCALE, signal);
      }
    };
    const running = run();
    stage.closeAfter(async () => {
      abort.abort();
      await running;
    });
  }

  /** So many connections have the sources each, and so many FFmpegs the streams. */
  async running(): Promise<{ connections: number[]; ffmpegs: number[] }> {
    const stats = await Promise.all(this.source.paths.map((path) => this.source.channel(path).stats()));
    return { connections: stats.map(({ open }) => open), ffmpegs: [...this.census.now().values()] };
  }
}
