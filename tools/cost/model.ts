/** The monthly cost of a stage, item by item, each with its calculation. Pure. */

import type { StageConfig } from '../../infra/config.ts';
import { egressUsd, HOURS_PER_MONTH as H, monthlyGb } from '../../services/admin-lambda/src/egress-cost.ts';
import { PUBLISHED, SERVICE_METRICS } from '../../services/shared/metric-names.ts';
import { PRICES, REDIS_PRICED } from './prices.ts';

export interface Load {
  /** Channels watched at the same time; each is transcoded once. */
  readonly channels: number;
  /** Viewers at the same time, around the clock. */
  readonly viewers: number;
  /** Mbit/s per viewer. */
  readonly mbit: number;
  /** Recordings at the same time, around the clock, each of `mbit`. */
  readonly recordings: number;
  /** vCPUs of one transcode. 1.5 is one 1080p with libx264 veryfast; 0 means no transcoding. */
  readonly vcpuPerChannel: number;
  /** Viewers that one vCPU serves in addition to its transcodes. */
  readonly viewersPerVcpu: number;
  /** USD an hour of a Redis node; replaces the built-in price, or supplies a missing one. */
  readonly redisHour?: number | undefined;
}

export const ASSUMED = { recordings: 0, vcpuPerChannel: 1.5, viewersPerVcpu: 150 } as const;

export interface Item {
  readonly name: string;
  readonly formula: string;
  readonly usd: number;
}

export interface Estimate {
  readonly workers: number;
  /** Relays between workers of different zones. */
  readonly crossZoneRelays: number;
  readonly items: readonly Item[];
  readonly totalUsd: number;
  /** Limits of the estimate that the reader must know. */
  readonly notes: readonly string[];
}

/** Assumptions for small items: GB of logs per worker, GB of an image, requests of people to the admin API. */
const SMALL = { logGbPerWorker: 1, imageGb: 1, adminRequests: 100_000 };
/** The schedules run every minute and every five minutes. Each run calls both functions, for 0.2 s at half a GB. */
const LAMBDA = { calls: 2 * (60 + 12) * H + 2 * SMALL.adminRequests, gbSeconds: 0.2 * 0.5 };

/** A segment of 6 s, and the index after it. */
const PUTS_PER_HOUR = (2 * 3600) / 6;

/** @throws {RangeError} for a load or a Redis node without a price */
export function estimate(stage: StageConfig, load: Load): Estimate {
  if (load.viewersPerVcpu === 0) throw new RangeError('A vCPU must serve at least one viewer (--viewers-per-vcpu).');
  const workers = workersFor(stage, load);
  const gb = monthlyGb((load.viewers * load.mbit * 1e6) / 8);
  const crossZoneRelays = relaysAcrossZones(load, workers, zonesOf(stage));
  const items = [
    fargate(stage, workers),
    addresses(workers, zonesOf(stage)),
    loadBalancer(load, gb),
    item('egress to viewers', `${whole(gb)} GB in tiers of 0 (100 GB), .09, .085, .07, .05`, egressUsd(gb)),
    relays(load, crossZoneRelays),
    redis(stage, load),
    recordings(stage, load),
    item('NAT', 'none: workers have addresses of their own', 0),
    admin(stage),
    watching(stage, workers),
    secretsAndImage(),
  ];
  const totalUsd = items.reduce((sum, { usd }) => sum + usd, 0);
  return { workers, crossZoneRelays, items, totalUsd, notes: notesFor(stage, load, workers) };
}

/** The number that scaling would start: enough CPU for transcodes and viewers, room for the viewers, and the stage's minimum. */
export function workersFor(stage: StageConfig, { channels, viewers, vcpuPerChannel, viewersPerVcpu }: Load): number {
  const vcpu = channels * vcpuPerChannel + viewers / viewersPerVcpu;
  const byCpu = Math.ceil(vcpu / ((stage.workerCpu / 1024) * (stage.cpuTarget / 100)));
  return Math.max(stage.minWorkers, byCpu, Math.ceil(viewers / stage.viewersPerWorker));
}

/**
 * The load balancer knows no channels, so the viewers of a channel are spread over workers at random. Each of these workers
 * except the owner relays it; the chance that the owner is in another zone is the share of the other zones.
 */
export function relaysAcrossZones({ channels, viewers }: Load, workers: number, zones: number): number {
  if (channels === 0) return 0;
  const spread = workers * (1 - (1 - 1 / workers) ** (viewers / channels));
  return channels * Math.max(0, spread - 1) * ((zones - 1) / zones);
}

function fargate({ workerCpu, workerMemoryMiB, architecture }: StageConfig, workers: number): Item {
  const { vcpu, gb } = PRICES.fargate[architecture];
  const [cpus, memory] = [workerCpu / 1024, workerMemoryMiB / 1024];
  return item(
    `Fargate (${architecture})`,
    `${workers} workers × ${H} h × (${cpus} vCPU × ${vcpu} + ${memory} GB × ${gb})`,
    workers * H * (cpus * vcpu + memory * gb),
  );
}

function addresses(workers: number, zones: number): Item {
  const count = workers + zones;
  return item(
    'public IPv4 addresses',
    `(${workers} workers + ${zones} of the load balancer) × ${H} h × ${PRICES.ipv4}`,
    count * H * PRICES.ipv4,
  );
}

function loadBalancer({ viewers }: Load, gb: number): Item {
  const { hour, unit, unitGb, unitConnections } = PRICES.loadBalancer;
  const units = Math.max(gb / H / unitGb, viewers / unitConnections);
  return item(
    'load balancer',
    `${H} h × (${hour} + ${unit} × max(${whole(gb)} GB / ${H} h, ${viewers} viewers / ${unitConnections}) units)`,
    H * (hour + unit * units),
  );
}

function relays({ mbit }: Load, links: number): Item {
  const gb = monthlyGb((links * mbit * 1e6) / 8);
  return item(
    'relays across zones',
    `${whole(links)} relays × ${mbit} Mbit/s = ${whole(gb)} GB × ${PRICES.crossZoneGb}`,
    gb * PRICES.crossZoneGb,
  );
}

function redis({ redisNode, redisReplicas }: StageConfig, { redisHour }: Load): Item {
  const hour = redisHour ?? PRICES.redisHour[redisNode];
  if (hour === undefined) {
    throw new RangeError(`There is no price for ${redisNode} here; give it with --redis-hour, in USD an hour.`);
  }
  const nodes = 1 + redisReplicas;
  const source = redisHour === undefined ? REDIS_PRICED : '--redis-hour';
  return item(`ElastiCache (${redisNode})`, `${nodes} nodes × ${H} h × ${hour} (${source})`, nodes * H * hour);
}

/** What is kept of all days. Each segment is a PUT, and so is the index after it. */
function recordings({ recordingsDays }: StageConfig, { recordings: count, mbit }: Load): Item {
  const { gb, putThousand } = PRICES.bucket;
  const kept = (count * mbit * recordingsDays * 86_400) / 8 / 1000;
  const puts = count * PUTS_PER_HOUR * H;
  return item(
    'recordings (S3)',
    `${whole(kept)} GB of ${recordingsDays} days × ${gb} + ${whole(puts)} PUTs × ${putThousand} / 10³`,
    kept * gb + (puts / 1000) * putThousand,
  );
}

function admin(stage: StageConfig): Item {
  const { million, gbSecond } = PRICES.lambda;
  const calls = LAMBDA.calls + (stage.adminAuth === 'token' ? SMALL.adminRequests / 10 : 0);
  const requests = SMALL.adminRequests;
  return item(
    'Lambda and API Gateway',
    `${whole(calls)} calls × (${million} / 10⁶ + ${LAMBDA.gbSeconds} GB-s × ${gbSecond}) + ${whole(requests)} requests × ${PRICES.apiMillion} / 10⁶`,
    calls * (million / 1e6 + LAMBDA.gbSeconds * gbSecond) + (requests * PRICES.apiMillion) / 1e6,
  );
}

function watching({ redisReplicas, minWorkers, maxWorkers }: StageConfig, workers: number): Item {
  const { logGb, metric, alarm } = PRICES.cloudWatch;
  const metrics = Object.keys({ ...PUBLISHED, ...SERVICE_METRICS }).length;
  // Six for the viewers' side, two for scaling (one where nothing scales), three for each Redis node, two for the functions.
  const alarms = 6 + (minWorkers === maxWorkers ? 1 : 2) + 3 * (1 + redisReplicas) + 2;
  const gb = workers * SMALL.logGbPerWorker;
  return item(
    'logs, metrics, alarms',
    `${gb} GB × ${logGb} + ${metrics} metrics × ${metric} + ${alarms} alarms × ${alarm}`,
    gb * logGb + metrics * metric + alarms * alarm,
  );
}

function secretsAndImage(): Item {
  const { secret, imageGb } = PRICES;
  return item(
    'secrets, image',
    `5 secrets × ${secret} + ${SMALL.imageGb} GB × ${imageGb}`,
    5 * secret + SMALL.imageGb * imageGb,
  );
}

function notesFor(stage: StageConfig, { viewers, mbit }: Load, workers: number): string[] {
  const notes: string[] = [];
  if (workers > stage.maxWorkers) {
    notes.push(
      `This takes ${workers} workers, and the stage allows ${stage.maxWorkers}: take larger workers, or raise maxWorkers.`,
    );
  }
  const gbitPerWorker = (viewers * mbit) / workers / 1000;
  if (gbitPerWorker > 1) {
    notes.push(
      `Each worker would send ${gbitPerWorker.toFixed(1)} Gbit/s. AWS promises no rate to a Fargate task: measure it before you rely on it.`,
    );
  }
  return notes;
}

function zonesOf({ zones }: StageConfig): number {
  return typeof zones === 'number' ? zones : zones.length;
}

function item(name: string, formula: string, usd: number): Item {
  return { name, formula, usd };
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
