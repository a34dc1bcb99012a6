/**
 * The numbers of the segments of one source, as viewers see them. After a failover they go on from those of the source before. All
 * workers have to write the same, so they agree on it: whoever comes first decides.
 */

import { z } from 'zod';

/** What all workers have agreed on under a name: what was offered first. Undefined: nothing has been offered. */
export type Agree = (name: string, offered: string | undefined) => Promise<string | undefined>;

/** How the numbers of a source begin. */
export interface Beginning {
  /** Number of the first segment that a viewer gets of it. */
  readonly from: number;
  /** How many discontinuities were before it, the change of source counted; 0: its numbers stay as they are. */
  readonly earlier: number;
}

export interface HlsNumbersDeps {
  readonly agree: Agree;
  /** When the stream moved to the source, in ms of the wall clock; undefined: it was the first one. */
  readonly movedAtMs: number | undefined;
  /** What follows from what this worker has served of the source before; undefined: it has served nothing. */
  readonly offered: Beginning | undefined;
  /** In ms. */
  readonly wallMs: () => number;
}

const AS_THEY_ARE: Beginning = { from: 0, earlier: 0 };
/** A worker that has served the source before has said so within this time. */
const SAID_MS = 30_000;

/** What is agreed on is said again now and then: the registry may have lost it, and a worker that comes later needs it. */
const SAID_AGAIN_MS = 60_000;

const beginningShape = z.object({ from: z.number(), earlier: z.number() });

export class HlsNumbers {
  readonly #deps: HlsNumbersDeps;
  #beginning: Beginning | undefined;
  /** When everything was last said again, by the wall clock. */
  #saidMs: number;
  /** By playlist: what is added to its numbers. */
  readonly #offsets = new Map<string, number>();

  constructor(deps: HlsNumbersDeps) {
    this.#deps = deps;
    this.#saidMs = deps.wallMs();
    if (deps.movedAtMs === undefined) this.#beginning = AS_THEY_ARE;
  }

  /** The same as far as this worker knows: see `Beginning`. */
  get earlier(): number {
    return this.#beginning?.earlier ?? 0;
  }

  /** What is added to the numbers of a playlist; undefined: this worker has not seen one of it. */
  known(playlist: string): number | undefined {
    return this.#offsets.get(playlist);
  }

  async beginning(): Promise<Beginning> {
    if (this.#beginning !== undefined) return this.#beginning;
    const { agree, movedAtMs = 0, offered, wallMs } = this.#deps;
    // Nobody was served before, so nobody will say anything.
    const mine = offered ?? (wallMs() - movedAtMs > SAID_MS ? AS_THEY_ARE : undefined);
    const said = await agree(`${movedAtMs}`, mine === undefined ? undefined : JSON.stringify(mine));
    if (said === undefined) return AS_THEY_ARE;
    this.#beginning = beginningShape.parse(JSON.parse(said));
    return this.#beginning;
  }

  /**
   * What is added to the numbers of a playlist of the source.
   *
   * @param first the number of its first segment now
   */
  async offset(playlist: string, first: number): Promise<number> {
    const { from, earlier } = await this.beginning();
    if (earlier === 0) return 0;
    const known = this.#offsets.get(playlist);
    if (known !== undefined) {
      await this.#sayAgain();
      return known;
    }
    const { agree, movedAtMs = 0 } = this.#deps;
    const mine = from - first;
    const said = Number((await agree(`${movedAtMs} ${playlist}`, String(mine))) ?? mine);
    this.#offsets.set(playlist, said);
    return said;
  }

  async #sayAgain(): Promise<void> {
    const { agree, movedAtMs = 0, wallMs } = this.#deps;
    if (wallMs() - this.#saidMs < SAID_AGAIN_MS) return;
    this.#saidMs = wallMs();
    await agree(`${movedAtMs}`, JSON.stringify(this.#beginning));
    for (const [playlist, offset] of this.#offsets) await agree(`${movedAtMs} ${playlist}`, String(offset));
  }
}
