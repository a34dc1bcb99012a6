/** What fails in a cell of the takeover matrix, what follows from that for what is owed, and how it is put right again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChannelOptions } from '../support/live-source.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';
import type { Ground } from './ground.ts';

/**
 * The owner is killed, stopped, told to end, told to end with no time for it, or cut off from Redis and from the other worker for
 * longer than its lease. The provider drops the connection, and its next one has the same clock or another, or is that of a backup.
 */
export const FAULTS = ['kill', 'stop', 'drain', 'drain-late', 'partition', 'drop', 'drop-clock', 'backup'] as const;

/**
 * Faults that only their name chooses: the provider drops the connection and the next one 2 to 3 s later; the owner's FFmpeg dies;
 * Redis dies and is back after five seconds, empty.
 */
export const OTHER_FAULTS = ['drop-twice', 'ffmpeg', 'redis'] as const;

export type FaultName = (typeof FAULTS)[number] | (typeof OTHER_FAULTS)[number];

export interface FaultPlan {
  /** Settings of both workers. */
  readonly env?: WorkerEnv;
  /** Of the provider's first address. */
  readonly clock?: ChannelOptions['clock'];
  readonly hasBackup?: true;
  /** The ways between the owner and the rest of the cluster can be cut. */
  readonly cutsWays?: true;
  /** Whoever read the provider dies, or nobody else hears of what it reads from then on. */
  readonly readerDies?: true;
  /** The reader reads on after the fault, and passes on what it reads. */
  readonly readsOn?: true;
  /** The source is opened anew. */
  readonly opens: boolean;
  /** The owner's own viewer goes on watching, so it is owed the same. */
  readonly ownStays?: true;
  begin(ground: Ground, random: () => number): Promise<void>;
  /** What has failed is back. Without: it stays away. */
  putRight?(ground: Ground): Promise<void>;
}

/** How long the viewers are watched after something is back, in ms. */
const RESUMED_MS = 3_000;
/** The same after a partition: until the worker that was cut off follows the new owner. */
const TOGETHER_MS = 5_000;
const DROPS_APART_MS = 2_000;

async function signal(owner: Worker, name: NodeJS.Signals): Promise<void> {
  owner.signal(name);
}

export const PLANS: { readonly [F in FaultName]: FaultPlan } = {
  kill: { readerDies: true, opens: true, begin: ({ owner }) => owner.kill().then(() => undefined) },
  stop: {
    readerDies: true,
    opens: true,
    ownStays: true,
    begin: ({ owner }) => signal(owner, 'SIGSTOP'),
    putRight: async ({ owner }) => {
      owner.signal('SIGCONT');
      await sleep(RESUMED_MS);
    },
  },
  drain: { readsOn: true, opens: true, begin: ({ owner }) => signal(owner, 'SIGTERM') },
  'drain-late': {
    env: { DRAIN_TIMEOUT: '0' },
    readsOn: true,
    opens: true,
    begin: ({ owner }) => signal(owner, 'SIGTERM'),
  },
  partition: {
    cutsWays: true,
    readerDies: true,
    opens: true,
    ownStays: true,
    begin: async ({ ways }) => {
      for (const way of ways) way.hold(true);
    },
    putRight: async ({ ways }) => {
      for (const way of ways) {
        // What was sent meanwhile is lost, so no connection can go on.
        way.cut();
        way.hold(false);
      }
      await sleep(TOGETHER_MS);
    },
  },
  drop: { opens: true, begin: ({ primary }) => primary.cutConnections() },
  'drop-clock': { clock: 'own', opens: true, begin: ({ primary }) => primary.cutConnections() },
  backup: {
    hasBackup: true,
    opens: true,
    begin: async ({ primary }) => {
      await primary.refuse();
      await primary.cutConnections();
    },
  },
  'drop-twice': {
    opens: true,
    begin: async ({ primary }, random) => {
      await primary.cutConnections();
      await sleep(DROPS_APART_MS * (1 + random() * 0.5));
      await primary.cutConnections();
    },
  },
  ffmpeg: {
    opens: false,
    begin: async ({ owner }) => {
      for (const pid of owner.ffmpegPids()) process.kill(pid, 'SIGKILL');
    },
  },
  redis: {
    opens: false,
    begin: ({ cluster }) => cluster.redis.kill(),
    putRight: async ({ cluster }) => {
      await cluster.redis.start();
      await sleep(RESUMED_MS);
    },
  },
};
