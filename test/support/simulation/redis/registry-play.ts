/**
 * Does the same to two registries, each on a Redis of its own, and compares every answer and everything that the two hold. What a
 * step asks depends on what the first one has answered before.
 */

import type { HeldFeed, Holdings } from '../../../../services/registry/memory/holdings.ts';
import type { RedisRegistry } from '../../../../services/registry/redis/redis-registry.ts';
import type {
  ClientRecord,
  Place,
  ProviderConnection,
  StreamRecord,
  StreamSpec,
  WorkerIdentity,
  WorkerLoad,
} from '../../../../services/registry/types.ts';
import { IDLE } from '../../idle-worker.ts';
import { SPEC } from '../../stream-spec.ts';
import { ComparedSides, type Side } from './compared-sides.ts';
import { STREAMS, type Step, type StepKind, WORKERS } from './registry-steps.ts';

const WAITS_MS = [0, 1, 10, 500, 1_000, 1_999, 2_000, 5_000, 5_001, 31_000];
const CAPS = [undefined, 0, 1, 1, 2, 2, 2, 10, 10, 10];
const CAPACITIES = ['free', 'busy', 'full'] as const;
const SPECS: readonly StreamSpec[] = Array.from({ length: STREAMS }, (_, n) => ({
  ...SPEC,
  id: String.fromCharCode(97 + n).repeat(32),
  failoverUrls: ['http://provider/2.ts', 'http://provider/3.ts'],
}));

interface Worker {
  readonly me: WorkerIdentity;
  readonly registries: readonly RedisRegistry[];
  readonly clients: ClientRecord[];
  readonly sessions: ClientRecord[];
  readonly feeds: Map<string, number>;
  readonly connections: ProviderConnection[];
}

export class RegistryPlay {
  readonly #sides: ComparedSides;
  readonly #workers: Worker[] = [];
  readonly #streams = new Map<string, StreamRecord>();
  readonly #epochs = new Map<string, number>();

  /** @param sides two that must be the same */
  constructor(sides: readonly Side[]) {
    this.#sides = new ComparedSides(sides);
  }

  async begin(): Promise<void> {
    await this.#sides.start();
    for (let n = 0; n < WORKERS; n++) this.#workers.push(this.#worker(n));
  }

  /** @throws an assertion error when the two differ */
  async play(step: Step): Promise<void> {
    await this.#does[step.kind](step);
    await this.#sides.expectSame(`what Redis holds after '${step.kind}'`);
  }

  readonly #does: Record<StepKind, (step: Step) => Promise<void>> = {
    wait: ({ n }) => this.#sides.pass(WAITS_MS[n] ?? 0),
    renew: async ({ by, n }) => {
      const drainReason = ([undefined, 'told', 'stopping', 'deployment'] as const)[Math.max(0, n - 6)];
      const drain = { draining: drainReason !== undefined, drainReason };
      const load: WorkerLoad = { ...IDLE, ...drain, capacity: CAPACITIES[n % 3] ?? 'free', processes: n };
      await this.#ask(by, (registry) => registry.renew(load));
    },
    heartbeat: async ({ by, n }) => {
      const { capacity: _, ...numbers } = IDLE;
      await this.#ask(by, (registry) => registry.heartbeat({ ...numbers, startedAtMs: 1, lastSeenMs: 1, cpu: n }));
    },
    create: async ({ by, stream, n }) => {
      const answer = await this.#ask(by, (registry) => registry.createStream(this.#spec(stream), n === 9 ? 1 : 0));
      if (answer !== undefined && answer !== 'full') this.#streams.set(answer.stream.id, answer.stream);
    },
    delete: async ({ by, stream }) =>
      void (await this.#ask(by, (registry) => registry.deleteStream(this.#spec(stream).id))),
    join: (step) => this.#join(step),
    'join a session': (step) => this.#join(step, true),
    leave: async ({ by, n }) => {
      const [client] = this.#at(by).clients.splice(n % 3, 1);
      if (client === undefined) return;
      const report = { ...client, clientId: client.id, bytesServed: client.bytesServed + n };
      await this.#ask(by, (registry) => registry.leave(report));
    },
    'expire a session': async ({ by, stream, n }) => {
      const session = { streamId: this.#spec(stream).id, clientId: `c${n % 4}` };
      const end = await this.#ask(by, (registry) => registry.expire(session));
      const { sessions } = this.#at(by);
      const at = sessions.findIndex(({ streamId, id }) => streamId === session.streamId && id === session.clientId);
      if (end !== 'lives' && at >= 0) sessions.splice(at, 1);
    },
    report: async ({ by, n }) => {
      const reports = this.#at(by).clients.map((client) => {
        client.bytesServed += 1000 * n;
        client.segmentsServed += n;
        client.lastAccessMs = this.#sides.nowMs;
        return { ...client, clientId: client.id };
      });
      const seen = { atMs: this.#sides.monotonicMs, timeoutMs: WAITS_MS[n] ?? 0 };
      const got = { bytesServed: 1000 * n, segmentsServed: n, lastAccessMs: this.#sides.nowMs };
      const told = this.#at(by).sessions.map((session) => ({ ...session, clientId: session.id, ...got, seen }));
      await this.#ask(by, (registry) => registry.report([...reports, ...told]));
    },
    'release slot': async ({ by, stream, n }) => {
      const released = await this.#ask(by, (registry) => registry.releaseSlot(this.#spec(stream).id, n % 2));
      if (released === true) this.#at(by).feeds.delete(this.#feed({ stream, n }));
    },
    acquire: async ({ by, stream, n }) =>
      this.#note(
        by,
        this.#feed({ stream, n }),
        await this.#ask(by, (registry) => registry.acquire(this.#feed({ stream, n }))),
      ),
    seize: async ({ by, to, stream, n }) => {
      const { incarnation } = this.#at(to).me;
      const feed = this.#feed({ stream, n });
      this.#note(by, feed, await this.#ask(by, (registry) => registry.seize(feed, incarnation)));
    },
    transfer: async ({ by, to, stream, n }) => {
      const feed = this.#feed({ stream, n });
      const epoch = (this.#epochs.get(feed) ?? 1) + (n === 9 ? 1 : 0);
      const next = await this.#ask(by, (registry) => registry.transfer(feed, epoch, this.#at(to).me));
      if (next === undefined) return;
      this.#at(by).feeds.delete(feed);
      // The new owner may not know yet.
      if (n % 4 !== 0) this.#note(to, feed, { kind: 'own', epoch: next });
      else this.#epochs.set(feed, next);
    },
    release: async ({ by, stream, n }) => {
      const feed = this.#feed({ stream, n });
      this.#at(by).feeds.delete(feed);
      await this.#ask(by, (registry) => registry.release(feed));
    },
    'take connection': async ({ by, n }) => {
      const connection = { account: `account${n % 2}`, id: `connection${n}` };
      if (await this.#ask(by, (registry) => registry.takeConnection(connection, 2)))
        this.#at(by).connections.push(connection);
    },
    'return connection': async ({ by, n }) => {
      const connection = { account: `account${n % 2}`, id: `connection${n}` };
      const { connections } = this.#at(by);
      const at = connections.findIndex(({ id }) => id === connection.id);
      if (at >= 0) connections.splice(at, 1);
      await this.#ask(by, (registry) => registry.returnConnection(connection));
    },
    send: async ({ by, to, stream, n }) => {
      const command = { kind: 'failover', streamId: this.#spec(stream).id } as const;
      await this.#ask(by, (registry) => registry.send(command, n < 5 ? `w${to}` : undefined));
    },
    drain: async ({ by, to, n }) =>
      void (await this.#ask(by, (registry) => registry.drain({ workerId: `w${to}`, force: n === 9 }))),
    undrain: async ({ by, to }) => void (await this.#ask(by, (registry) => registry.undrain(`w${to}`))),
    'may leave': async ({ by }) => void (await this.#ask(by, (registry) => registry.mayLeave())),
    deployment: async ({ by, n }) => {
      await this.#ask(by, (registry) => registry.noteDeployment({ revision: n, createdAtMs: n, desiredCount: n }, n));
      await this.#ask(by, (registry) => registry.deployment());
    },
    'fail over': async ({ by, stream, n }) => {
      const next = { index: n % 2, attempts: n, lastAtMs: this.#sides.nowMs, currentUrl: `http://provider/${n}.ts` };
      await this.#ask(by, (registry) => registry.advanceFailover(this.#spec(stream).id, (n % 3) - 1, next));
    },
    'cannot be shared': async ({ by, stream }) =>
      void (await this.#ask(by, (registry) => registry.markUnshareable(this.#spec(stream).id))),
    'count an error': async ({ by, stream }) =>
      void (await this.#ask(by, (registry) => registry.countError(this.#spec(stream).id))),
    missing: async ({ by }) => void (await this.#ask(by, (registry) => registry.restoring.missing(this.#holdings(by)))),
    restore: (step) => this.#restore(step),
    'restore a stream': async ({ by, stream }) => {
      const known = this.#streams.get(this.#spec(stream).id);
      if (known !== undefined) await this.#ask(by, (registry) => registry.restoring.restoreStream(known));
    },
    end: async ({ by, to }) =>
      void (await this.#ask(by, (registry) => registry.endIncarnation(this.#at(to).me.incarnation))),
    'leave the cluster': async ({ by }) => void (await this.#ask(by, (registry) => registry.leaveCluster())),
    'clean up': async ({ by, n }) => void (await this.#ask(by, (registry) => registry.cleanup(n * 1_000, n === 9))),
    'begin anew': async ({ by }) => {
      this.#workers[by] = this.#worker(by);
    },
    read: async ({ by, stream }) => {
      const { id } = this.#spec(stream);
      await this.#ask(by, (registry) => registry.summaries());
      await this.#ask(by, (registry) => registry.streams());
      await this.#ask(by, (registry) => registry.clients());
      await this.#ask(by, (registry) => registry.workers());
      await this.#ask(by, async (registry) => (await registry.clientPage(id, { limit: 100 })).clients);
      await this.#ask(by, (registry) => registry.findClients({ field: 'username', value: 'viewer', limit: 100 }));
    },
    secret: async ({ by, n }) =>
      void (await this.#ask(by, (registry) => registry.agreeOnSecret('cluster', `secret${n}`))),
    evict: async (step) => {
      const key = await this.#anyKey(step);
      if (key !== undefined) await this.#sides.perform('DEL', [key]);
    },
    spoil: (step) => this.#spoil(step),
    restart: () => this.#sides.restart(),
    empty: () => this.#sides.empty(),
  };

  async #join({ by, to, stream, n }: Step, isSession = false): Promise<void> {
    const { id: streamId } = this.#spec(stream);
    const times = {
      connectedAtMs: this.#sides.nowMs,
      lastAccessMs: this.#sides.nowMs,
      bytesServed: 0,
      segmentsServed: 0,
    };
    const client = {
      streamId,
      workerId: `w${by}`,
      userAgent: 'vlc',
      ipAddress: '192.0.2.1',
      username: 'viewer',
      ...times,
    };
    const request = {
      ...{ client, clientId: `c${n % 4}`, cap: CAPS[n], localSlots: n < 5 ? [] : [n % 2] },
      ...{ capacity: CAPACITIES[to], sourceFeed: 's:0', alone: n === 8 },
      session: isSession ? { timeoutMs: WAITS_MS[to + 4] ?? 0, onlyLive: n === 9 } : undefined,
    };
    const heldSince = (id: string) => (n === 7 && id === 'c3' ? this.#sides.nowMs - 1 : undefined);
    const answer = await this.#ask(by, (registry) => registry.join(request, heldSince));
    if (answer?.kind !== 'joined') return;
    this.#streams.set(streamId, answer.stream);
    (isSession ? this.#at(by).sessions : this.#at(by).clients).push({ ...answer.client });
    if (answer.slot !== undefined && answer.place !== undefined)
      this.#note(by, `p:${streamId}:${answer.slot}`, answer.place);
  }

  async #restore({ by, to, stream, n }: Step): Promise<void> {
    const held = this.#holdings(by);
    const feeds = held.feeds.map((feed): HeldFeed => {
      if (n === 1) return { ...feed, dead: this.#at(to).me.incarnation };
      return n === 2 ? { ...feed, epoch: 0 } : feed;
    });
    const variant: Holdings = {
      ...held,
      feeds: n === 3 ? [] : feeds,
      clients: n === 4 ? [] : held.clients,
      deleted: n === 5 ? [{ id: this.#spec(stream).id, atMs: this.#sides.nowMs - to }] : [],
    };
    const answer = await this.#ask(by, (registry) => registry.restoring.restore(variant));
    for (const { feed, place } of answer?.places ?? []) this.#note(by, feed, place);
    for (const { clientId, newId } of answer?.renamed ?? []) {
      const { clients, sessions } = this.#at(by);
      for (const client of [...clients, ...sessions]) if (client.id === clientId) client.id = newId;
    }
  }

  /**
   * Puts something into a key that no worker can have written. Not a value of another type: that ends a script in the middle, at a
   * place which depends on the order in which Redis keeps its sets.
   */
  async #spoil(step: Step): Promise<void> {
    const key = (await this.#anyKey(step)) ?? '';
    const { kind, value } = (await this.#sides.dump())[key] ?? {};
    const names = kind === 'hash' ? Object.keys(value as object) : [];
    const name = names[step.n % Math.max(1, names.length)];
    if (name !== undefined) await this.#sides.perform('HSET', [key, name, ['', 'x', '{}', '-1'][step.n % 4] ?? '']);
    else if (kind === 'string' && !key.startsWith('sp:lease:')) await this.#sides.perform('SET', [key, '{']);
  }

  async #anyKey({ by, to, stream, n }: Step): Promise<string | undefined> {
    const keys = Object.keys(await this.#sides.dump());
    return keys[(n + 10 * (by + 3 * (to + 3 * stream))) % Math.max(1, keys.length)];
  }

  #ask<T>(by: number, question: (registry: RedisRegistry) => Promise<T>): Promise<T | undefined> {
    return this.#sides.ask(this.#at(by).registries, question);
  }

  #worker(n: number): Worker {
    return { ...this.#sides.begin(`w${n}`), clients: [], sessions: [], feeds: new Map(), connections: [] };
  }

  #at(n: number): Worker {
    const worker = this.#workers[n];
    if (worker === undefined) throw new Error(`there is no worker ${n}`);
    return worker;
  }

  #spec(stream: number): StreamSpec {
    return SPECS[stream] ?? SPEC;
  }

  #feed({ stream, n }: Pick<Step, 'stream' | 'n'>): string {
    return n < 3 ? `s:${n % 2}` : `p:${this.#spec(stream).id}:${n % 2}`;
  }

  #note(by: number, feed: string, place: Place | undefined): void {
    const { feeds } = this.#at(by);
    if (place?.kind === 'own') feeds.set(feed, place.epoch);
    if (place?.kind === 'relay') feeds.delete(feed);
    if (place?.kind === 'own') this.#epochs.set(feed, place.epoch);
    if (place?.kind === 'relay') this.#epochs.set(feed, place.owner.epoch);
  }

  #holdings(by: number): Holdings {
    const { clients, sessions, feeds, connections } = this.#at(by);
    return {
      streams: [...this.#streams.values()],
      clients: [...clients, ...sessions.map((session) => ({ ...session, lastsMs: 1_000 }))].map((client) => ({
        ...client,
        told: true,
      })),
      feeds: [...feeds].map(([feed, epoch]) => ({ feed, epoch })),
      connections: [...connections],
      deleted: [],
      givenUp: { feeds: [], clients: [], connections: [] },
    };
  }
}
