/** Plays one schedule: a simulated cluster of three workers, the faults, the rest after them, and the leaving of everybody. */

import { AtRest } from './at-rest.ts';
import { Failovers } from './failovers.ts';
import { Faults, REDIS_LOST_MS } from './faults.ts';
import { Invariants, type Violation } from './invariants.ts';
import { asSentence, circumstances, endMs, type Happening, type Schedule, WORKERS } from './schedule.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedViewer } from './sim-viewer.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { accountsOf, feedsOf, idOf, specOf } from './streams.ts';

/** How long after the last fault there must be one of each, and how long after the last viewer nothing must be left. */
const REST_MS = 15_000;
/** How long it must hold. */
const HOLDS_MS = 1_000;
const LOOK_MS = 250;
/** More slots than a schedule has viewers for. */
const SLOTS = 3;
/** When a worker cleans up after the last viewer. In the program one does so every now and then. */
const CLEANUP_MS = 3_000;
const IDLE_TTL_MS = 3_600_000;

export interface Outcome {
  /** The first step that broke a rule ends the schedule. */
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly virtualMs: number;
  /** What happened, in order; empty unless it was wanted. */
  readonly story: readonly string[];
  /** The same for the same schedule: a number made of every step. */
  readonly trace: number;
}

export interface SimulationOptions {
  readonly wantsStory?: boolean;
}

export function simulate(schedule: Schedule, options: SimulationOptions = {}): Promise<Outcome> {
  return new Simulation(schedule, options).play();
}

class Simulation {
  readonly #schedule: Schedule;
  readonly #scheduler: Scheduler;
  readonly #cluster: SimulatedCluster;
  readonly #invariants: Invariants;
  readonly #atRest: AtRest;
  readonly #faults: Faults;
  readonly #viewers: SimulatedViewer[] = [];
  readonly #wantsStory: boolean;
  readonly #story: string[] = [];
  #visits = 0;
  #trace = 0;
  #isOver = false;

  constructor(schedule: Schedule, { wantsStory = false }: SimulationOptions) {
    this.#schedule = schedule;
    this.#wantsStory = wantsStory;
    const scheduler = new Scheduler(schedule.seed);
    this.#scheduler = scheduler;
    const tell = (who: string, text: string) => this.#tell(who, text);
    const cluster = new SimulatedCluster({
      scheduler,
      tell,
      wantsStory,
      watchOf: (worker, place) => this.#invariants.watch(worker, place),
      redisKeptMs: schedule.happenings.some(isLoss) ? REDIS_LOST_MS : 0,
      habits: schedule.habits,
      broken: (rule, what) => this.#invariants.broken(rule, what),
    });
    this.#cluster = cluster;
    this.#faults = new Faults(cluster, () => this.#invariants, tell, schedule.seed);
    const streams = schedule.happenings.flatMap((each) => (each.kind === 'viewer' ? [each.stream] : []));
    const specs = [...new Set(streams)].map((stream) => specOf(stream, schedule));
    const streamIds = specs.map(({ id }) => id);
    const accounts = new Map(specs.map((spec) => [spec.id, accountsOf(spec)]));
    const deleted = schedule.happenings.flatMap((each) => (each.kind === 'delete' ? [idOf(each.stream)] : []));
    const world = {
      nowMs: () => scheduler.nowMs,
      workers: () => cluster.workers,
      redis: cluster.redis,
      provider: cluster.provider,
      streamIds,
      accountsOf: (streamId: string) => accounts.get(streamId) ?? [],
      isDeleted: (streamId: string) => deleted.includes(streamId),
      isCut: (one: string, other: string) => cluster.network.isCut(one, other),
      unrestMs: () => this.#faults.unrestMs,
    };
    const feeds = [...new Set(specs.flatMap((spec) => feedsOf(spec, SLOTS)))];
    this.#invariants = new Invariants(world, feeds);
    this.#atRest = new AtRest(world, feeds);
    const broken = (what: string) => this.#invariants.broken('a source that plays is kept', what);
    const failovers = new Failovers(cluster.provider, specs, onlySourcesFail(schedule), broken);
    cluster.redis.onPerformed = (link, request, tookMs) => {
      const { name } = request;
      if (wantsStory && !BORING.test(name)) this.#tell(link.process.machine.name, `Redis: ${name}`);
      this.#invariants.performed(link, request, tookMs);
      failovers.performed(request);
    };
    cluster.provider.resolver.onAsked = (url) => failovers.asked(url);
  }

  async play(): Promise<Outcome> {
    const scheduler = this.#scheduler;
    for (const sentence of circumstances(this.#schedule)) this.#tell('', sentence);
    for (const name of WORKERS) scheduler.at(scheduler.between(0, 200), undefined, () => this.#cluster.begin(name));
    const { happenings } = this.#schedule;
    for (const happening of happenings) scheduler.at(happening.atMs, undefined, () => this.#happens(happening));
    const overMs = Math.max(0, ...happenings.map((each) => (each.kind === 'viewer' ? each.atMs : endMs(each))));
    scheduler.at(overMs + 1, undefined, () => this.#rest());
    this.#lookAgain();
    const { violations } = this.#invariants;
    await scheduler.run(() => {
      this.#trace = (Math.imul(this.#trace, 31) + Math.round(scheduler.nowMs * 1000)) >>> 0;
      return this.#isOver || violations.length > 0;
    });
    for (const { atMs, rule, what } of violations) this.#tell('BROKEN', `${rule}: ${what}`, atMs);
    this.#cluster.stop();
    const { nowMs, steps } = scheduler;
    return { violations, steps, virtualMs: nowMs, story: this.#story, trace: this.#trace };
  }

  #tell(who: string, text: string, atMs = this.#scheduler.nowMs): void {
    if (this.#wantsStory) this.#story.push(`${(atMs / 1000).toFixed(3).padStart(7)} ${who.padEnd(6)} ${text}`);
  }

  #happens(happening: Happening): void {
    this.#tell('', asSentence(happening));
    if (happening.kind === 'viewer') this.#comes(happening);
    else this.#faults.happens(happening);
  }

  #comes({ stream, worker, stayMs }: Happening & { kind: 'viewer' }): void {
    const viewer = new SimulatedViewer(`v${++this.#visits}`, specOf(stream, this.#schedule), worker, {
      scheduler: this.#scheduler,
      chooseWorker: (wanted) => this.#cluster.choose(wanted),
      onCut: (what) => {
        this.#tell('', what);
        if (this.#faults.unrestMs === Number.NEGATIVE_INFINITY) this.#invariants.broken('nobody is cut', what);
      },
      broken: (rule, what) => this.#invariants.broken(rule, what),
      provider: this.#cluster.provider,
      tell: (text) => this.#tell('', text),
    });
    this.#viewers.push(viewer);
    viewer.come();
    if (stayMs !== undefined) this.#scheduler.after(stayMs, undefined, () => this.#leaves(viewer));
  }

  #leaves(viewer: SimulatedViewer): void {
    const at = this.#viewers.indexOf(viewer);
    if (at < 0) return;
    this.#viewers.splice(at, 1);
    viewer.leave();
  }

  /** All faults are over. */
  #rest(): void {
    this.#tell('', 'all faults are over');
    const sinceMs = this.#scheduler.nowMs;
    let heldMs: number | undefined;
    const look = () => {
      const why = this.#atRest.unsettled(this.#viewers);
      const { nowMs } = this.#scheduler;
      heldMs = why === undefined ? (heldMs ?? nowMs) : undefined;
      if (why !== undefined && nowMs - sinceMs > REST_MS) this.#invariants.broken('one of each', why);
      else if (heldMs !== undefined && nowMs - heldMs >= HOLDS_MS) this.#leave();
      else this.#scheduler.after(LOOK_MS, undefined, look);
    };
    look();
  }

  #leave(): void {
    this.#tell('', 'everybody leaves');
    for (const viewer of [...this.#viewers]) this.#leaves(viewer);
    const [any] = this.#cluster.workers;
    if (any !== undefined) this.#scheduler.after(CLEANUP_MS, any.process, () => void any.registry.cleanup(IDLE_TTL_MS));
    const sinceMs = this.#scheduler.nowMs;
    const look = () => {
      const what = this.#atRest.left();
      const { nowMs } = this.#scheduler;
      // What is still on its way may bring something back.
      const { lateMs } = this.#cluster.network;
      if (what === undefined && nowMs > lateMs) this.#isOver = true;
      else if (nowMs - Math.max(sinceMs, lateMs) > REST_MS) this.#invariants.broken('nothing left', `${what} is left`);
      else this.#scheduler.after(LOOK_MS, undefined, look);
    };
    look();
  }

  #lookAgain(): void {
    this.#scheduler.after(LOOK_MS, undefined, () => {
      this.#invariants.look();
      this.#lookAgain();
    });
  }
}

function isLoss(happening: Happening): boolean {
  return happening.kind === 'redis' && happening.kept === 'all_but_a_second';
}

/** Nothing else than a source gives a reason to leave it. */
function onlySourcesFail({ happenings }: Schedule): boolean {
  return happenings.every(({ kind }) => kind === 'viewer' || kind === 'source' || kind === 'resolver');
}

/** What workers ask all the time. */
const BORING = /^(renew|missing|hgetall|hvals)/;
