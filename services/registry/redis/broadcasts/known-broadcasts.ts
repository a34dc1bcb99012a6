/**
 * Broadcasts as they were read last. Of ten thousand only those that run change, so a text that is the same as before is not parsed and
 * checked again, and whoever shows them knows by the object that nothing has changed.
 */

import type { ShownBroadcast } from '../../broadcasts/broadcast.ts';
import { Turns } from '../../turns.ts';

export type Texts = Readonly<Record<string, string>>;
export type Parse = (id: string, kept: string, progress: string | undefined) => ShownBroadcast | undefined;

interface Known {
  readonly kept: string;
  readonly progress: string | undefined;
  /** Undefined: nobody can read it. */
  readonly shown: ShownBroadcast | undefined;
}

export class KnownBroadcasts {
  readonly #parse: Parse;
  /** By id, in the order of the ids. */
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(parse: Parse) {
    this.#parse = parse;
  }

  /**
   * All that these texts say, by id.
   * @param kept by id: as it was asked for
   * @param progress by id: how far it is
   */
  async of(kept: Texts, progress: Texts): Promise<ShownBroadcast[]> {
    const known = this.#known;
    const ids = Object.keys(kept);
    const next = new Map<string, Known>();
    const turns = new Turns();
    for (const id of this.#inOrder(ids)) {
      const [asked = '', far] = [kept[id], progress[id]];
      const before = known.get(id);
      const isSame = before !== undefined && before.kept === asked && before.progress === far;
      next.set(id, isSame ? before : { kept: asked, progress: far, shown: this.#parse(id, asked, far) });
      if (!isSame && turns.isOver) await turns.next();
    }
    this.#known = next;
    const shown: ShownBroadcast[] = [];
    for (const each of next.values()) if (each.shown !== undefined) shown.push(each.shown);
    return shown;
  }

  /** Sorts only when there are others than before. */
  #inOrder(ids: readonly string[]): Iterable<string> {
    const known = this.#known;
    return ids.length === known.size && ids.every((id) => known.has(id)) ? known.keys() : ids.toSorted();
  }
}
