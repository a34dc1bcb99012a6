/** What a simulated Redis says of the cluster, read past every connection: for the invariants of a simulation. Changes nothing. */

import { keys } from '../../../../services/registry/redis/keys.ts';
import type { SimulatedRedis } from './simulated-redis.ts';

export interface RecordedOwner {
  readonly workerId: string;
  readonly incarnation: string;
  readonly epoch: number;
  /** Whether its lease has not run out. */
  readonly isAlive: boolean;
}

export class RedisContents {
  readonly #redis: SimulatedRedis;

  constructor(redis: SimulatedRedis) {
    this.#redis = redis;
  }

  /** The owners of all feeds, by feed. */
  owners(): Map<string, RecordedOwner> {
    const owners = new Map<string, RecordedOwner>();
    for (const [feed, fields] of this.#hashes(keys.ownerPrefix)) {
      const incarnation = fields.get('incarnation') ?? '';
      const [workerId = '', epoch] = [fields.get('worker'), Number(fields.get('epoch') ?? 0)];
      owners.set(feed, { workerId, incarnation, epoch, isAlive: this.isAlive(incarnation) });
    }
    return owners;
  }

  isAlive(incarnation: string): boolean {
    return this.#redis.value(keys.leasePrefix + incarnation) !== undefined;
  }

  /** Every incarnation that has not been cleaned up. */
  incarnations(): string[] {
    const value = this.#redis.value(keys.incarnations);
    return value?.kind === 'set' ? [...value.members] : [];
  }

  /** How many clients each slot of a stream has, by stream and slot. */
  slots(): Map<string, Map<number, number>> {
    const slots = new Map<string, Map<number, number>>();
    for (const [id, fields] of this.#hashes(keys.slots(''))) {
      slots.set(id, new Map([...fields].map(([slot, clients]) => [Number(slot), Number(clients)])));
    }
    return slots;
  }

  /** The clients of each stream: their ids with the incarnations that serve them. */
  clients(): Map<string, Map<string, string>> {
    const clients = new Map<string, Map<string, string>>();
    for (const [id, fields] of this.#hashes(keys.clients(''))) {
      const served = [...fields].map(([clientId, text]): [string, string] => {
        const { incarnation } = JSON.parse(text) as { incarnation: string };
        return [clientId, incarnation];
      });
      clients.set(id, new Map(served));
    }
    return clients;
  }

  /** The connections to each provider account: their ids with the incarnations that hold them. */
  connections(): Map<string, Map<string, string>> {
    return new Map([...this.#hashes(keys.connectionsPrefix)].map(([account, fields]) => [account, new Map(fields)]));
  }

  *#hashes(prefix: string): Generator<[string, ReadonlyMap<string, string>]> {
    for (const key of this.#redis.keys()) {
      if (!key.startsWith(prefix)) continue;
      const value = this.#redis.value(key);
      if (value?.kind === 'hash') yield [key.slice(prefix.length), value.fields];
    }
  }
}
