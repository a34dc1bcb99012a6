/** Which cells a run of the takeover matrix plays: what `scripts/takeover.mjs` was given. */
import { z } from 'zod';
import { pick, seeded } from '../support/seed.ts';
import { BURSTS, type Cell, KINDS } from './cells.ts';
import { FAULTS, OTHER_FAULTS } from './faults.ts';

const KIND_NAMES = Object.keys(KINDS) as Cell['kind'][];
const DEFAULT_SEEDS = 50;

/** What is given as words between commas, out of those that there are. Without: all but those that only their name chooses. */
function among<T extends string | number>(all: readonly T[], more: readonly T[] = []) {
  return z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return all;
      return text.split(',').map((word) => {
        const found = [...all, ...more].find((each) => String(each) === word);
        if (found === undefined) context.addIssue(`${word} is none of ${[...all, ...more].join(', ')}`);
        return found as T;
      });
    });
}

const WANTED = z.object({
  kinds: among(KIND_NAMES),
  bursts: among(BURSTS),
  faults: among<Cell['fault']>(FAULTS, OTHER_FAULTS),
  /** How often each cell is played, with another seed each time. */
  each: z.coerce.number().int().min(0).default(1),
  /** How many cells are chosen at random, after each one was played. */
  seeds: z.coerce.number().int().min(0).default(DEFAULT_SEEDS),
  seed: z.coerce.number().int().default(1),
  /** Only fifty cells, each chosen by its seed out of all that there are. */
  fifty: z.boolean().default(false),
  /** A commit whose worker plays each cell too. */
  worker: z.string().optional(),
  /** Print what each cell gives, and fail for none. */
  table: z.boolean().default(false),
});

export interface Wanted {
  readonly cells: readonly Cell[];
  readonly worker: string | undefined;
  readonly table: boolean;
}

export function wantedOf(json: string): Wanted {
  const wanted = WANTED.parse(JSON.parse(json));
  const { kinds, bursts, faults, seed: firstSeed, worker, table } = wanted;
  const { each, seeds } = wanted.fifty ? { each: 0, seeds: DEFAULT_SEEDS } : wanted;
  const all = kinds.flatMap((kind) => bursts.flatMap((burst) => faults.map((fault) => ({ kind, burst, fault }))));
  const played = Array.from({ length: each }, (_, n) => all.map((cell) => ({ ...cell, seed: firstSeed + n })));
  const chosen = Array.from({ length: seeds }, (_, n): Cell => {
    const seed = firstSeed + each + n;
    const random = seeded(seed);
    return { kind: pick(random, kinds), burst: pick(random, bursts), fault: pick(random, faults), seed };
  });
  return { cells: [...played.flat(), ...chosen], worker, table };
}
