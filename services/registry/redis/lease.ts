/** The lease of this worker: what a renewal says of it, and what the answer brings. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import type { SampleLog } from '../samples/sample-log.ts';
import { commandShape, ownerShape, parsed } from '../shapes.ts';
import type { Capacity, Renewal, WorkerIdentity, WorkerLoad } from '../types.ts';
import { type ClientCounters, counterKey, counterText } from './counters/client-counters.ts';
import { type SessionCounters, toldText } from './counters/session-counters.ts';
import { QUICK_MS, type QuestionLimit } from './limits.ts';
import type { OwnRecord } from './own-record.ts';
import { readKnownWorkers, samplesText } from './reads.ts';
import { ReplacedError } from './restoring.ts';
import type { RunScript } from './scripts.ts';

/** The answer to a renewal, with the number of this worker's clients in Redis. */
export interface RedisRenewal extends Renewal {
  readonly clientCount: number;
}

interface LeaseDeps {
  readonly redis: Redis;
  readonly run: RunScript;
  readonly me: WorkerIdentity;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly record: OwnRecord;
  readonly counters: ClientCounters;
  readonly sessions: SessionCounters;
  readonly samples: SampleLog;
  /** It learns the time in Redis from each answer. */
  readonly limit: QuestionLimit;
}

/** Messages for a worker. `lost`: another worker, which wrote back, has taken over one of its feeds. */
const waitingShape = z.union([
  commandShape,
  z.looseObject({ kind: z.literal('lost'), feed: z.string(), owner: ownerShape }),
]);

/** Clocks are compared to this exactly: how long the way to Redis takes says no more. */
const CLOCK_STEP_MS = 100;

export class Lease {
  readonly #deps: LeaseDeps;
  readonly #clock: Clock;
  /** Monotonic. */
  readonly #startedMs: number;
  #capacity: Capacity = 'free';
  /** What the last answered renewal has brought: it waits in Redis until the next one says so. */
  #heard: readonly string[] = [];
  /** The other workers, and the value of the `members` counter when they were read. */
  #known: readonly WorkerIdentity[] = [];
  #members = '';
  /** By how much the clock of this machine is ahead of that of Redis; undefined until they have been compared. */
  #clockAheadMs: number | undefined;
  /** A renewal has been answered: Redis has known this incarnation. */
  #hasRenewed = false;

  constructor(deps: LeaseDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
    this.#startedMs = deps.clock.monotonicMs();
  }

  /** As the last renewal has said it. */
  get capacity(): Capacity {
    return this.#capacity;
  }

  /** The other workers, as of the last arrival or departure. */
  get peers(): readonly WorkerIdentity[] {
    return this.#known;
  }

  /**
   * Renews the lease, and fetches what waits for this worker.
   *
   * @param isAgreed Redis has what this worker holds, as far as it knows: else what its sessions got waits until that is written back
   */
  async renew(load: WorkerLoad, isAgreed = true): Promise<RedisRenewal> {
    const { record: own, counters: count, sessions: seen, samples: sampled, run, me, leaseMs, graceMs } = this.#deps;
    const { capacity, ...numbers } = load;
    this.#capacity = capacity;
    const bytesPerSecond = count.bytesPerSecond(this.#clock.wallMs());
    const shown = { ...numbers, bytesPerSecond, clockAheadMs: this.#clockAheadMs };
    const record = own.toWrite(shown);
    const counters = count.toWrite();
    const samples = sampled.untold;
    const sessions = isAgreed ? seen.toTell() : [];
    const { incarnation, workerId } = me;
    const askedMs = this.#clock.monotonicMs();
    const uptimeMs = Math.round(askedMs - this.#startedMs);
    const reason = load.drainReason ?? '';
    const answer = await run(
      ...(['renew', incarnation, workerId, leaseMs, load.processes, capacity, record, reason, uptimeMs] as const),
      toldText(sessions, askedMs),
      JSON.stringify(this.#heard),
      graceMs,
      this.#hasRenewed ? '1' : '',
      samples === undefined ? '' : samplesText(workerId, sampled.all),
      ...counters.flatMap((report) => [counterKey(report.streamId, report.clientId), counterText(report)]),
    );
    if (answer === 'replaced') throw new ReplacedError(workerId);
    this.#hasRenewed = true;
    count.written(counters);
    if (samples !== undefined) sampled.told(samples);
    const [unbroken, clientCount, members, nowText, ...texts] = answer as [number, number, string, string, ...string[]];
    this.#deps.limit.answered(Number(nowText), askedMs);
    this.#compareClocks(Number(nowText), askedMs);
    this.#heard = texts;
    if (unbroken === 1) {
      own.written(shown);
      seen.told(sessions);
    }
    // Not awaited: a lease is short, and the peers are not urgent.
    void this.#learnPeers(members).catch(() => undefined);
    const renewal: RedisRenewal = { unbroken: unbroken === 1, clientCount, moved: [], commands: [] };
    for (const text of texts) {
      const command = parsed(waitingShape, text);
      // Unreadable, or from another version.
      if (command === undefined) continue;
      if (command.kind !== 'lost') renewal.commands.push(command);
      else renewal.moved.push({ feed: command.feed, place: { kind: 'relay', owner: command.owner } });
    }
    return renewal;
  }

  /** @param redisMs the clock of Redis as it answered */
  #compareClocks(redisMs: number, askedMs: number): void {
    const tookMs = this.#clock.monotonicMs() - askedMs;
    if (tookMs > QUICK_MS || !Number.isFinite(redisMs)) return;
    const aheadMs = this.#clock.wallMs() - tookMs / 2 - redisMs;
    this.#clockAheadMs = Math.round(aheadMs / CLOCK_STEP_MS) * CLOCK_STEP_MS;
  }

  async #learnPeers(members: string): Promise<void> {
    if (members === this.#members) return;
    const records = await readKnownWorkers(this.#deps.redis);
    this.#known = records
      .filter(({ incarnation }) => incarnation !== this.#deps.me.incarnation)
      .map(({ workerId, incarnation, address, zone }) => ({ workerId, incarnation, address, zone }));
    this.#members = members;
  }
}
