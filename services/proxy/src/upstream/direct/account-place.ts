/**
 * A viewer's place among the connections to a provider. It goes with the viewer to the account that its stream is read from: each
 * account counts its own.
 */

import { accountOf, asPassing, type MovablePlace } from '../provider/provider-connections.ts';
import type { SourceAddress } from '../provider/source-address.ts';

/** A second place, for a source that may follow. */
export interface SecondPlace {
  /** Gives it back. */
  free(): void;
  /** Keeps it, and gives the first one back. */
  keep(): void;
}

export class AccountPlace {
  readonly #place: MovablePlace | undefined;
  #account: string;

  /**
   * @param place undefined: nobody counts
   * @param address where it was taken
   */
  constructor(place: MovablePlace | undefined, address: SourceAddress) {
    this.#place = place;
    this.#account = accountOf(address);
  }

  /** @throws {StreampoolError} 503 at the limit */
  async beside(address: SourceAddress, signal: AbortSignal): Promise<SecondPlace> {
    const place = this.#place;
    if (place === undefined) return { free: () => undefined, keep: () => undefined };
    const free = await place.beside(address, signal);
    const keep = () => {
      this.#account = accountOf(address);
      place.become(free);
    };
    return { free, keep };
  }

  /**
   * Moves to the account of a source that is about to be opened. No connection to the last one is open any more.
   * @throws {StreampoolError} 503 at the limit
   */
  async moveTo(address: SourceAddress, signal: AbortSignal): Promise<void> {
    if (accountOf(address) === this.#account) return;
    const { keep } = await this.beside(address, signal);
    keep();
  }

  /**
   * The same for a viewer that watches already: it waits as for a source that does not answer.
   * @throws {SourceError} at the limit
   */
  async follow(address: SourceAddress, signal: AbortSignal): Promise<void> {
    try {
      await this.moveTo(address, signal);
    } catch (error) {
      throw asPassing(error);
    }
  }
}
