/** What must hold when a group goes to its next source: the one that it leaves does not play, and nobody else has left it before. */

import type { StreamSpec } from '../../../services/registry/types.ts';
import type { Provider } from './providers/provider.ts';
import type { Request } from './redis/connection.ts';
import { groupOf } from './streams.ts';

/** A source may play again for so long, in ms: its last retry was refused, and a worker waits for the first picture of the next one. */
const LATE_MS = 2_500;
/** Arguments of advance-failover.lua: the stream, the index that is left, and the next state. */
const ID = 1;
const INDEX = 2;
const STATE = 3;

export class Failovers {
  readonly #provider: Provider;
  readonly #urls: ReadonlyMap<string, string>;
  readonly #isChecked: boolean;
  readonly #hasResolver: boolean;
  readonly #broken: (what: string) => void;
  /** Where each group plays. */
  readonly #at = new Map<string, { readonly index: number; readonly url: string }>();

  /** @param isChecked no other fault, and nobody's order, is a reason to leave a source */
  constructor(provider: Provider, specs: readonly StreamSpec[], isChecked: boolean, broken: (what: string) => void) {
    this.#provider = provider;
    this.#urls = new Map(specs.map(({ id, url }) => [groupOf(id), url]));
    this.#isChecked = isChecked;
    this.#hasResolver = specs.some(({ failoverResolverUrl }) => failoverResolverUrl !== undefined);
    this.#broken = broken;
  }

  /** A request took effect in Redis. */
  performed({ name, args }: Request): void {
    if (name !== 'advance-failover' || !this.#isChecked) return;
    const group = groupOf(args[ID] ?? '');
    const { index, url } = this.#at.get(group) ?? { index: -1, url: this.#urls.get(group) ?? '' };
    // Another worker was first.
    if (Number(args[INDEX]) !== index) return;
    const next = JSON.parse(args[STATE] ?? '{}') as { readonly index: number; readonly currentUrl: string };
    this.#at.set(group, { index: next.index, url: next.currentUrl });
    // A resolver's answer counts, however late it comes: to be asked is what moves its source.
    if (!this.#hasResolver) this.#check(url, `goes to ${next.currentUrl}`);
  }

  /** A resolver is asked where a group goes from here. */
  asked(url: string): void {
    if (this.#isChecked) this.#check(url, 'asks a resolver');
  }

  #check(url: string, what: string): void {
    const wellMs = this.#provider.wellMs(url);
    if (wellMs > LATE_MS) this.#broken(`a group ${what}, and ${url} has played for ${Math.round(wellMs)} ms`);
  }
}
