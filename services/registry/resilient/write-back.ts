/**
 * Renews this worker's lease, and with each renewal finds out whether the registry still has all that this worker holds. What it
 * has lost, or could not be told during an outage, this worker writes back.
 */

import type { Clock } from '../../shared/clock.ts';
import type { LocalHoldings } from '../memory/holdings.ts';
import type { RedisRegistry } from '../redis/redis-registry.ts';
import type { Restored } from '../redis/restoring.ts';
import type { Command, Renewal, WorkerLoad } from '../types.ts';
import type { Reachability } from './reachability.ts';

/** Checks the registry for holes after this many renewals (one a second). */
const WHOLE_RENEWALS = 2;

/** A registry that answers more slowly than this is asked nothing that can wait. */
const QUICK_MS = 200;

export interface WriteBackDeps {
  readonly shared: RedisRegistry;
  readonly held: LocalHoldings;
  readonly reach: Reachability;
  /** Awaited before this worker writes back, also the first time: the registry may have forgotten the worker. */
  readonly introduce: () => Promise<void>;
  readonly clock: Clock;
  /** Called with where the registry differs from what this worker holds; it gets that anew. */
  readonly onLoss: (lost: readonly string[]) => void;
}

export class WriteBack {
  readonly #shared: RedisRegistry;
  readonly #held: LocalHoldings;
  readonly #reach: Reachability;
  readonly #introduce: () => Promise<void>;
  readonly #clock: Clock;
  readonly #onLoss: (lost: readonly string[]) => void;
  #introduced = false;
  #renewals = 0;
  /** Where the registry differed at the last check. */
  #missing: readonly string[] = [];
  /** Commands sent during an outage. */
  readonly #unsent: { command: Command; workerId: string | undefined }[] = [];
  /** What the registry has said, once, with a renewal that then failed. */
  #unheard: Pick<Renewal, 'commands' | 'moved'> = { commands: [], moved: [] };
  /** Counts joins and leaves: client counts are only compared when none happened meanwhile. */
  #turnover = 0;

  constructor({ shared, held, reach, introduce, clock, onLoss }: WriteBackDeps) {
    this.#shared = shared;
    this.#held = held;
    this.#reach = reach;
    this.#introduce = introduce;
    this.#clock = clock;
    this.#onLoss = onLoss;
  }

  /** A client comes or goes, or has come or gone. */
  noteTurnover(): void {
    this.#turnover++;
  }

  /** Sends a command when the registry is back. */
  sendLater(command: Command, workerId: string | undefined): void {
    this.#unsent.push({ command, workerId });
  }

  /** The next renewal may reach a registry that does not know this worker. */
  introduceAgain(): void {
    this.#introduced = false;
  }

  /** Renews the lease, and writes back this worker's state if the registry may lack some of it. */
  async renew(load: WorkerLoad): Promise<Renewal> {
    await this.#held.records.renew(load);
    const { commands, moved } = this.#unheard;
    this.#unheard = { commands: [], moved: [] };
    const renew = async (isAgreed: boolean) => {
      const turnover = this.#turnover;
      const quiet = this.#reach.quiet;
      const sentMs = this.#clock.monotonicMs();
      const renewed = await this.#shared.renew(load, isAgreed);
      const isQuick = this.#clock.monotonicMs() - sentMs < QUICK_MS;
      for (const command of renewed.commands) {
        if (command.kind === 'delete') await this.#forgetDeleted(command.streamId);
        if (command.kind === 'ended') this.#held.records.forgetSession(command);
        if (command.kind === 'failover') await this.#noteMoved(command.streamId);
      }
      commands.unshift(...renewed.commands);
      moved.unshift(...renewed.moved.filter((each) => !this.#held.isStale(each)));
      if (!renewed.unbroken) await this.#introduceTo(true);
      // A different count means Redis holds a stale client or misses one: write our state back. A deleted stream's clients are
      // already gone there; here they go when the delete command is carried out.
      const deletes = renewed.commands.some(({ kind }) => kind === 'delete');
      const comparable = quiet && !deletes && this.#reach.quiet && turnover === this.#turnover;
      const isWhole = !isQuick || (await this.#isWhole());
      return renewed.unbroken && isWhole && !(comparable && renewed.clientCount !== this.#held.records.clientCount);
    };
    const tell = async () => {
      const held = await this.#held.snapshot();
      // One that leaves from now on is in the registry, or is counted out there.
      const untold = held.clients.filter(({ told }) => !told);
      for (const { streamId, id, connectedAtMs } of untold) {
        this.#held.untold.take({ streamId, clientId: id, connectedAtMs });
      }
      let restored: Restored;
      try {
        restored = await this.#shared.restoring.restore(held);
      } catch (error) {
        this.#held.noteUntold(untold);
        throw error;
      }
      const { places, deleted, switched, renamed } = restored;
      this.#held.givenUp.told(held.givenUp);
      moved.push(...places);
      for (const client of renamed) {
        this.#held.records.renameClient(client);
        commands.push({ kind: 'renamed', ...client });
      }
      for (const streamId of deleted) {
        await this.#held.forgetStream(streamId);
        commands.push({ kind: 'delete', streamId });
      }
      for (const streamId of switched) {
        await this.#noteMoved(streamId);
        commands.push({ kind: 'failover', streamId });
      }
      for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
        await this.#shared.send(next.command, next.workerId);
        this.#unsent.shift();
      }
    };
    let unbroken: boolean;
    try {
      unbroken = await this.#reach.renewal({ prepare: () => this.#introduceTo(false), renew, tell });
    } catch (error) {
      this.#unheard.commands.unshift(...commands);
      this.#unheard.moved.unshift(...moved);
      throw error;
    }
    for (const { feed, place } of moved) {
      // Given up while it was written back: nobody makes it here any more.
      if (place.kind === 'own' && !this.#held.isMadeHere(feed)) continue;
      this.#held.notePlace(feed, place);
    }
    // Some other question, such as a join, may have been the first to find out that another worker makes a feed.
    const confirmed = moved.filter(({ place }) => place.kind === 'own');
    return { commands, moved: [...confirmed, ...this.#held.takeTaken()], unbroken };
  }

  /**
   * Whether the registry has exactly what this worker holds. Something that is just coming or going may differ once; what differs
   * twice is wrong.
   */
  async #isWhole(): Promise<boolean> {
    if (++this.#renewals % WHOLE_RENEWALS !== 0 && this.#missing.length === 0) return true;
    const before = this.#missing;
    this.#missing = await this.#shared.restoring.missing(await this.#held.snapshot());
    const lost = this.#missing.filter((each) => before.includes(each));
    if (lost.length === 0) return true;
    this.#missing = [];
    this.#onLoss(lost);
    // Including the shared secrets.
    await this.#introduceTo(true);
    return false;
  }

  /** The stream may have been created anew since. */
  async #forgetDeleted(streamId: string): Promise<void> {
    if ((await this.#shared.stream(streamId)) === undefined) await this.#held.forgetStream(streamId);
  }

  /** While the registry is too slow to be asked, whoever follows the move goes by what is held here. */
  async #noteMoved(streamId: string): Promise<void> {
    const stream = await this.#shared.stream(streamId);
    if (stream !== undefined) this.#held.records.noteState(streamId, stream.failover);
  }

  /** @param forgotten the registry knew this worker and no longer does */
  async #introduceTo(forgotten: boolean): Promise<void> {
    if (this.#introduced && !forgotten) return;
    await this.#introduce();
    this.#introduced = true;
  }
}
