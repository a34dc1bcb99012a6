/** The child process that is many workers as Redis sees them: the real registry class, with renewals, viewers and no media. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { LEASE_MS, RENEW_MS, YOUNG_MS } from '../../services/proxy/src/timing.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { ClientReport, MadeStream, StreamSpec, WorkerNumbers } from '../../services/registry/types.ts';
import { answerCalls } from './remote.ts';

export interface SimulationOrder {
  redisPort: number;
  /** Numbers of the workers that this process is. */
  workers: readonly number[];
  streamIds: readonly string[];
  /** Viewers of one process. */
  cap: number;
  /** They tell of the streams that they make, as workers do that have media. */
  tellsMaking?: boolean;
}

/** What viewers and workers saw of Redis, in ms. */
export interface SimulationReport {
  joinsMs: number[];
  leavesMs: number[];
  renewalsMs: number[];
  refused: number;
}

const GRACE_MS = 3_000;
/** Joins under way at a time while a process fills up. */
const FILLING = 32;

interface Viewer {
  streamId: string;
  clientId: string;
  connectedAtMs: number;
  slot: number | undefined;
}

class SimulatedWorker {
  readonly registry: RedisRegistry;
  readonly viewers: Viewer[] = [];
  readonly #name: string;
  readonly #redis: Redis;
  readonly #cap: number;
  readonly #tellsMaking: boolean;
  /** Streams whose first process feed it makes. */
  readonly #made = new Set<string>();
  /** Viewers by stream and slot, which is what this worker has feeds of. */
  readonly #slots = new Map<string, Map<number, number>>();

  constructor(n: number, { redisPort, cap, tellsMaking = false }: SimulationOrder) {
    this.#name = `worker-${n}`;
    this.#cap = cap;
    this.#tellsMaking = tellsMaking;
    this.#redis = new Redis({ port: redisPort, lazyConnect: true });
    const me = { workerId: this.#name, incarnation: randomUUID(), address: `10.0.0.${n}:9085`, zone: undefined };
    const show = (spec: StreamSpec) => ({ url: spec.url, profile: spec.profile?.name ?? '' });
    this.registry = new RedisRegistry(this.#redis, me, {
      leaseMs: LEASE_MS,
      youngMs: YOUNG_MS,
      graceMs: GRACE_MS,
      show,
    });
  }

  async connect(): Promise<void> {
    await this.#redis.connect();
    const nowMs = Date.now();
    await this.registry.heartbeat({ startedAtMs: nowMs, lastSeenMs: nowMs, cpu: 0, ...this.#numbers() });
    await this.renew();
  }

  async renew(): Promise<void> {
    await this.registry.renew({ capacity: 'free', ...this.#numbers() });
  }

  /** What a worker's viewers have got, as it says once a second. */
  async report(): Promise<void> {
    const lastAccessMs = Date.now();
    const reports: ClientReport[] = this.viewers.map(({ streamId, clientId, connectedAtMs }) => ({
      streamId,
      clientId,
      connectedAtMs,
      bytesServed: lastAccessMs % 1e9,
      segmentsServed: 0,
      lastAccessMs,
    }));
    await this.registry.report(reports);
  }

  /** @returns false when the registry did not count the viewer in */
  async join(streamId: string): Promise<boolean> {
    const nowMs = Date.now();
    const slots = this.#slots.get(streamId) ?? new Map<number, number>();
    const answer = await this.registry.join({
      client: {
        streamId,
        workerId: this.#name,
        userAgent: 'Mozilla/5.0 (X11; Linux x64) VLC/3.0.18 LibVLC/3.0.18',
        ipAddress: `192.0.2.${nowMs % 256}`,
        username: undefined,
        connectedAtMs: nowMs,
        lastAccessMs: nowMs,
        bytesServed: 0,
        segmentsServed: 0,
      },
      clientId: `client_${randomUUID()}`,
      cap: this.#cap,
      localSlots: [...slots.keys()],
    });
    if (answer.kind !== 'joined') return false;
    const { slot } = answer;
    if (slot === 0 && answer.place?.kind === 'own') this.#made.add(streamId);
    this.viewers.push({ streamId, clientId: answer.client.id, connectedAtMs: nowMs, slot });
    if (slot !== undefined) slots.set(slot, (slots.get(slot) ?? 0) + 1);
    this.#slots.set(streamId, slots);
    return true;
  }

  /** Any of its viewers leaves, and with the last one of a slot its feed. */
  async leave(): Promise<void> {
    const at = Math.floor(Math.random() * this.viewers.length);
    const [viewer] = this.viewers.splice(at, 1);
    if (viewer === undefined) return;
    const { streamId, clientId, connectedAtMs, slot } = viewer;
    const slots = this.#slots.get(streamId);
    if (slot !== undefined && slots !== undefined) {
      const left = (slots.get(slot) ?? 1) - 1;
      if (left > 0) slots.set(slot, left);
      else slots.delete(slot);
    }
    const report = { streamId, clientId, connectedAtMs, lastAccessMs: Date.now() };
    const left = await this.registry.leave({ ...report, bytesServed: 1e6, segmentsServed: 0 });
    if (left === 0 && slot !== undefined) await this.registry.releaseSlot(streamId, slot);
  }

  close(): void {
    this.#redis.disconnect();
  }

  #numbers(): WorkerNumbers {
    const feeds = [...this.#slots.values()].reduce((sum, slots) => sum + slots.size, 0);
    return {
      processes: feeds,
      clients: this.viewers.length,
      processFeeds: feeds,
      sourceFeeds: this.#slots.size,
      // Never the same twice.
      bufferedBytes: Date.now() % 1e9,
      restarts: 0,
      skips: 0,
      stalls: 0,
      draining: false,
      ...(this.#tellsMaking ? { making: Object.fromEntries([...this.#made].map((id) => [id, madeStream()])) } : {}),
    };
  }
}

function madeStream(): MadeStream {
  const size = { width: 1280, height: 720 };
  const sound = { audioCodec: 'aac', audioChannels: 'stereo' };
  return {
    // Never the same twice.
    ...{ bitsPerSecond: 3e6 + Math.floor(Math.random() * 1e5), speed: 1, failures: 0, epoch: 1 },
    variant: { peakBitsPerSecond: 4e6, codecs: ['avc1.64001f', 'mp4a.40.2'], size, frameRate: 25 },
    input: { resolution: '1920x1080', videoCodec: 'h264', fps: 25, ...sound, bitsPerSecond: 8e6, lastByteAgoMs: 10 },
    output: { resolution: '1280x720', videoCodec: 'h264', fps: 25, ...sound },
  };
}

let workers: SimulatedWorker[] = [];
let streamIds: readonly string[] = [];
let seen: SimulationReport = nothingSeen();
const timers: NodeJS.Timeout[] = [];

function nothingSeen(): SimulationReport {
  return { joinsMs: [], leavesMs: [], renewalsMs: [], refused: 0 };
}

function any<T>(from: readonly T[]): T {
  return from[Math.floor(Math.random() * from.length)] as T;
}

async function timed(into: number[], action: () => Promise<unknown>): Promise<void> {
  const startMs = performance.now();
  await action();
  into.push(performance.now() - startMs);
}

async function start(order: SimulationOrder): Promise<void> {
  streamIds = order.streamIds;
  workers = order.workers.map((n) => new SimulatedWorker(n, order));
  await Promise.all(workers.map((worker) => worker.connect()));
  // A registry that is younger hands out nothing yet.
  await sleep(YOUNG_MS);
  // Spread over the second, as those of workers that were started by people are.
  for (const [n, worker] of workers.entries()) {
    await sleep(RENEW_MS / workers.length);
    const beat = async (): Promise<void> => {
      await worker.report();
      await timed(seen.renewalsMs, () => worker.renew());
    };
    timers.push(setInterval(() => void beat(), RENEW_MS + (n % 3)));
  }
}

async function join(): Promise<void> {
  await timed(seen.joinsMs, async () => {
    if (!(await any(workers).join(any(streamIds)))) seen.refused++;
  });
}

/** Brings in `count` viewers, as fast as a few at a time come in, or as many as come in within `seconds`. */
async function fill({ count, seconds }: { count: number; seconds: number }): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0 && performance.now() < endMs) await join();
  };
  await Promise.all(Array.from({ length: FILLING }, one));
  return workers.reduce((sum, { viewers }) => sum + viewers.length, 0);
}

/** For `seconds`, so many viewers come each second, and as many leave. */
async function churn({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<SimulationReport> {
  seen = nothingSeen();
  const startMs = performance.now();
  const under: Promise<void>[] = [];
  for (let n = 0; n < perSecond * seconds; n++) {
    const wait = startMs + (n * 1000) / perSecond - performance.now();
    if (wait > 1) await sleep(wait);
    under.push(
      join(),
      timed(seen.leavesMs, () => any(workers).leave()),
    );
  }
  await Promise.all(under);
  return seen;
}

/** How long one management answer takes, in ms. */
async function ask(what: 'clients' | 'clients of one stream' | 'streams'): Promise<number> {
  const { registry } = any(workers);
  const took: number[] = [];
  await timed(took, () => {
    if (what === 'streams') return registry.streams();
    return what === 'clients' ? registry.clients() : registry.clients(any(streamIds));
  });
  return took[0] ?? Number.NaN;
}

function stop(): void {
  for (const timer of timers) clearInterval(timer);
  for (const worker of workers) worker.close();
}

answerCalls({ start, fill, churn, ask, stop });
