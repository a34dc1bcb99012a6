/** How a direct live stream gets its source again, or the next one: opened when it is needed, or before. */

import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import type { SourceRecovery } from '../failover/source-recovery.ts';
import { accountOf } from '../provider/provider-connections.ts';
import type { FailoverCause, Following, SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import { isLiveByName } from '../provider/source-kind.ts';
import type { AccountPlace } from './account-place.ts';
import { DirectConnections, type DirectConnectionsDeps, IsListedError } from './direct-connections.ts';
import { NextSource } from './next-source.ts';
import type { AnsweredSource } from './transfer.ts';

export interface LiveSourcesDeps {
  readonly source: SwitchableSource;
  readonly recovery: SourceRecovery;
  readonly connections: DirectConnectionsDeps;
  readonly place: AccountPlace;
  /** Aborted when the viewer leaves. */
  readonly signal: AbortSignal;
}

/** How long the source that the stream has gone to may take to its first picture, while the one before still sends. */
const TRY_MS = 5_000;

/** What is read. */
export interface Reading {
  readonly opened: AnsweredSource;
  /** Of the source among those of the stream. */
  readonly index: number;
}

export class LiveSources {
  readonly #deps: LiveSourcesDeps;
  #connections: DirectConnections;
  #reading: Reading;
  #left = new AbortController();
  /** Opened beside the source of now. */
  #next: NextSource | undefined;
  /** Where the stream played when that began. */
  #besideIndex = -1;
  /** It was opened in that way, and the stream has moved there. */
  #kept: NextSource | undefined;
  /** Where the stream has gone while what is read still sends; `isDecided`: it delivers, or cannot be opened beside that. */
  #going: { readonly index: number; isDecided: boolean } | undefined;
  readonly #leaving = new Set<Promise<void>>();

  /** @param connections those of `first` */
  constructor(first: Reading, connections: DirectConnections, deps: LiveSourcesDeps) {
    this.#reading = first;
    this.#connections = connections;
    this.#deps = deps;
  }

  get reading(): Reading {
    return this.#reading;
  }

  /** Aborted when the stream has gone to the next source, which was opened beside the one of now. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /**
   * Goes on with the current source, or with the next one that works.
   * @param tryMs how long each step of an opening may take; undefined: as the settings say
   * @param failed told of each try that fails
   * @throws {SourceError} when none is left
   */
  async reopen(tryMs: () => number | undefined, failed: (error: SourceError) => void): Promise<Reading> {
    // A provider counts the last connection until it is closed.
    await this.#connections.closed();
    const attempt = async (address: SourceAddress) => {
      try {
        return (await this.#takeNext()) ?? (await this.#open(address, tryMs()));
      } catch (error) {
        if (error instanceof SourceError) failed(error);
        throw error;
      }
    };
    this.#reading = await this.#deps.recovery.open(attempt, () => this.left);
    return this.#reading;
  }

  /**
   * Whether what is read has to be left now, because the stream has gone elsewhere: others have moved it. What still sends is read until
   * the source that the stream plays now delivers. Where one account has both, one comes after the other.
   * @param isSending it has sent media just now
   */
  isOver({ index, opened }: Reading, isSending: boolean): boolean {
    const { source } = this.#deps;
    if (source.index === index) {
      if (this.#going !== undefined) this.#dropKept();
      this.#going = undefined;
      return false;
    }
    if (!isSending || this.#next?.is(source) === true) return true;
    if (this.#going?.index !== source.index) this.#going = this.#goTo(source, opened.address);
    return this.#going.isDecided;
  }

  #goTo({ index, address }: Following, from: SourceAddress): { readonly index: number; isDecided: boolean } {
    const isBeside = accountOf(address) !== accountOf(from) && isLiveByName(address.url);
    const going = { index, isDecided: !isBeside };
    this.#dropKept();
    if (!isBeside) return going;
    const next = this.#beside({ index, address });
    this.#kept = next;
    const decided = () => {
      going.isDecided = true;
    };
    const failed = () => {
      if (this.#kept === next) this.#dropKept();
      decided();
    };
    next.stage(TRY_MS).then(decided, failed);
    return going;
  }

  #beside(following: Following): NextSource {
    const { place, signal } = this.#deps;
    const connections = new DirectConnections(this.#deps.connections);
    return new NextSource(following, { connections, place, signal });
  }

  #dropKept(): void {
    if (this.#kept !== undefined) this.#leave(this.#kept);
    this.#kept = undefined;
  }

  /** As `Standby` has it. */
  async hold(following: Following): Promise<NextSource> {
    const next = this.#beside(following);
    this.#next = next;
    this.#besideIndex = this.#deps.source.index;
    return next;
  }

  /** As `Standby` has it. Other viewers may have moved the stream; then this one follows them. */
  drop(next: NextSource): void {
    if (this.#next !== next) return;
    if (next.is(this.#deps.source)) this.#keepNext();
    else this.#leave(next);
    this.#next = undefined;
  }

  /** As `Standby` has it. */
  async on(cause: FailoverCause): Promise<boolean> {
    if (!(await this.#deps.source.advance(this.#besideIndex, cause))) return false;
    if (this.#next !== undefined) this.#keepNext();
    return true;
  }

  /** The stream plays the next source now: what is read or opened ends. */
  #keepNext(): void {
    this.#dropKept();
    this.#kept = this.#next;
    this.#next = undefined;
    const left = this.#left;
    this.#left = new AbortController();
    left.abort();
    this.#reading.opened.reader.close();
  }

  /** Closes everything. Resolves when no connection is left. */
  async close(): Promise<void> {
    for (const next of [this.#next, this.#kept]) if (next !== undefined) this.#leave(next);
    await Promise.all([...this.#leaving, this.#connections.closed()]);
  }

  async #open(address: SourceAddress, tryMs: number | undefined): Promise<AnsweredSource> {
    const signal = AbortSignal.any([this.left, this.#deps.signal]);
    await this.#deps.place.follow(address, signal);
    const opened = await this.#connections.open(address, { tryMs, signal }).catch((error: unknown) => {
      throw error instanceof IsListedError ? otherKind(address) : error;
    });
    if (opened.kind === 'mpegts') return opened;
    opened.reader.close();
    throw otherKind(address);
  }

  /** The current source, when it was opened before it was needed. */
  async #takeNext(): Promise<AnsweredSource | undefined> {
    const { source } = this.#deps;
    const [kept, next] = [this.#kept, this.#next];
    this.#kept = undefined;
    if (next?.is(source) === true) this.#next = undefined;
    const found = [next, kept].find((each) => each?.is(source));
    if (kept !== undefined && kept !== found) this.#leave(kept);
    const opened = await found?.take();
    if (found === undefined || opened === undefined) return undefined;
    // Those before have failed, and are being closed.
    await this.#connections.closed();
    this.#connections = found.connections;
    return opened;
  }

  #leave(next: NextSource): void {
    const left = next.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }
}

/** Nothing else can go on in the middle of a response. */
function otherKind({ url }: SourceAddress): SourceError {
  return new SourceError('not_media', `The source ${maskUrl(url)} is no live MPEG-TS, unlike the one before.`);
}
