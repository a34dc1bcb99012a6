/** The next source of a direct live stream, in a connection that is opened before it is needed. */

import { systemClock } from '../../../../shared/clock.ts';
import { SourceError } from '../../errors.ts';
import { StagedSource } from '../failover/staged-source.ts';
import type { Held } from '../failover/standby.ts';
import type { Following } from '../provider/source-address.ts';
import { sourceFeedOf } from '../provider/source-key.ts';
import type { AccountPlace, SecondPlace } from './account-place.ts';
import type { DirectConnections } from './direct-connections.ts';
import type { AnsweredSource } from './transfer.ts';

export interface NextSourceDeps {
  /** For it alone. */
  readonly connections: DirectConnections;
  /** The viewer's place at the source of now. */
  readonly place: AccountPlace;
  /** Aborted when the viewer leaves. */
  readonly signal: AbortSignal;
}

interface Staged {
  readonly opened: AnsweredSource;
  readonly staged: StagedSource;
}

export class NextSource implements Held {
  readonly connections: DirectConnections;
  readonly #following: Following;
  readonly #place: AccountPlace;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  #opening: Promise<Staged> | undefined;
  /** At its provider. */
  #second: SecondPlace | undefined;

  constructor(following: Following, { connections, place, signal }: NextSourceDeps) {
    this.connections = connections;
    this.#following = following;
    this.#place = place;
    this.#signal = AbortSignal.any([this.#abort.signal, signal]);
  }

  /** Whether it is this source. */
  is({ address, index }: Following): boolean {
    return index === this.#following.index && sourceFeedOf(address) === sourceFeedOf(this.#following.address);
  }

  async stage(timeoutMs: number): Promise<void> {
    this.#opening ??= this.#open(timeoutMs);
    const { staged } = await this.#opening;
    await staged.begun(timeoutMs, this.#signal);
  }

  /** The connection, to be read from its beginning, and its place; undefined when it could not be opened. */
  async take(): Promise<AnsweredSource | undefined> {
    const made = await this.#opening?.catch(() => undefined);
    if (made === undefined) {
      await this.close();
      return undefined;
    }
    this.#second?.keep();
    const { staged, reader } = await made.staged.take();
    return { ...made.opened, reader, staged, openedMs: undefined };
  }

  /** Resolves when no connection is left. */
  async close(): Promise<void> {
    this.#abort.abort();
    const made = await this.#opening?.catch(() => undefined);
    made?.staged.close();
    await this.connections.closed();
    this.#second?.free();
  }

  async #open(tryMs: number): Promise<Staged> {
    const { address } = this.#following;
    this.#second = await this.#place.beside(address, this.#signal);
    const opened = await this.connections.open(address, { tryMs, signal: this.#signal });
    if (opened.kind === 'mpegts') return { opened, staged: new StagedSource(opened.reader, tryMs, systemClock) };
    opened.reader.close();
    throw new SourceError('not_media', 'The next source is no live MPEG-TS.');
  }
}
