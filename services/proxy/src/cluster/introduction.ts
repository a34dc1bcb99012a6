/**
 * Introduces this worker to Redis: with its address, under its name, and with the secrets that all workers share. Needed at the
 * start, and whenever Redis may have forgotten the worker.
 */

import type { Redis } from 'ioredis';
import type { RedisRegistry } from '../../../registry/redis/redis-registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { StreampoolError } from '../errors.ts';
import { incarnationAt } from '../relay/peers.ts';
import type { Wire } from '../relay/wire.ts';
import { addressTowards, hostPort } from './own-address.ts';
import { evictionOf } from './redis-connection.ts';
import { FORMER_MS, type SharedSecrets } from './shared-secrets.ts';

const PING_TIMEOUT_MS = 2_000;

export interface IntroductionDeps {
  readonly redis: Redis;
  readonly shared: RedisRegistry;
  /** Its address is kept up to date here. */
  readonly identity: WorkerIdentity;
  readonly secrets: SharedSecrets;
  readonly log: Logger;
}

export class Introduction {
  readonly #deps: IntroductionDeps;
  #fixedHost: string | undefined;
  #port = 0;
  #named = false;
  #eviction: string | undefined;

  constructor(deps: IntroductionDeps) {
    this.#deps = deps;
  }

  /** Whether this worker has introduced itself once. */
  get isDone(): boolean {
    return this.#named;
  }

  /** What is wrong with a Redis that drops keys; undefined if it does not. */
  get eviction(): string | undefined {
    return this.#eviction;
  }

  /**
   * Says where other workers reach this one. Call it before the first introduction.
   *
   * @param fixedHost undefined: the address that the connection to Redis leaves from
   */
  async listensAt(fixedHost: string | undefined, port: number): Promise<void> {
    const { redis, identity } = this.#deps;
    this.#fixedHost = fixedHost;
    this.#port = port;
    identity.address = hostPort(fixedHost ?? (await addressTowards(redis.options.host ?? 'localhost')), port);
  }

  /** Asks which secrets for playback the cluster has replaced. */
  learnSecrets(): Promise<void> {
    return this.#learnSecrets(undefined);
  }

  async #learnSecrets(replaced: string | undefined): Promise<void> {
    const { shared, secrets } = this.#deps;
    secrets.learn(await shared.formerSecrets(replaced, FORMER_MS));
  }

  /** @throws {StreampoolError} 503 when another process runs under the same WORKER_ID */
  async introduce(): Promise<void> {
    const { redis, shared, identity, secrets, log } = this.#deps;
    identity.address = hostPort(this.#fixedHost ?? redis.stream.localAddress ?? '127.0.0.1', this.#port);
    const replaced = await secrets.agree((name, own) => shared.agreeOnSecret(name, own));
    await this.#learnSecrets(replaced);
    // A player that this worker has served may come to any other one.
    if (replaced !== undefined) await shared.send({ kind: 'secrets' });
    if (this.#named) return;
    this.#eviction = await evictionOf(redis);
    if (this.#eviction !== undefined) log.warn(this.#eviction);
    await takeName(shared, identity, secrets.cluster);
    this.#named = true;
    log.info({ relay: identity.address, zone: identity.zone }, 'joined the cluster');
  }
}

/** Ends the previous incarnation under this name if it is dead; throws if it is alive. */
export async function takeName(
  registry: RedisRegistry,
  me: WorkerIdentity,
  secret: string,
  wire?: Wire,
): Promise<void> {
  const before = (await registry.knownWorkers()).find((worker) => worker.workerId === me.workerId);
  if (before === undefined || before.incarnation === me.incarnation) return;
  const answer =
    before.address === me.address ? undefined : await incarnationAt(before.address, secret, PING_TIMEOUT_MS, wire);
  if (answer === before.incarnation || answer === 'stranger') {
    const message = `Another process runs as ${me.workerId} at ${before.address}. Give every worker its own WORKER_ID.`;
    throw new StreampoolError(503, message);
  }
  await registry.endIncarnation(before.incarnation);
}
