/** What goes wrong when: a seed's list of events, the same every time. Pure. */
import { seeded } from '../support/seed.ts';

export const FAULTS = [
  'kill worker',
  'terminate worker',
  'stop worker',
  'kill ffmpeg',
  'stop ffmpeg',
  'cut relays',
  'kill redis',
  'stop redis',
  'cut source',
  'refuse source',
  'burst of viewers',
  'drain and kill',
  'change by API',
  'evict keys',
  'leaving viewers',
] as const;

export type FaultKind = (typeof FAULTS)[number];

export interface SoakEvent {
  /** From 1. */
  readonly number: number;
  readonly kind: FaultKind;
  /** Since the event before, in ms. */
  readonly afterMs: number;
  /** Numbers from 0 to 1 with which the fault chooses its victim and its length. */
  readonly draws: readonly number[];
  /** After it nothing happens until everything is as it should be. */
  readonly calm: boolean;
}

const SHORTEST_MS = 500;
const LONGEST_MS = 4_000;
const CALM_EVERY = 10;
const DRAWS = 4;

/** Those after which Redis still has all that it was told. */
export const KEEPING_FAULTS = FAULTS.filter((kind) => kind !== 'kill redis' && kind !== 'evict keys');

/**
 * Each kind of fault equally often, rounded down, and the rest by chance, in an order by chance.
 *
 * @example
 * for (const event of schedule(7, 200)) console.log(event.kind);
 */
export function schedule(seed: number, count: number, faults: readonly FaultKind[] = FAULTS): SoakEvent[] {
  const random = seeded(seed);
  const each = Math.floor(count / faults.length);
  const kinds = faults.flatMap((kind) => Array.from({ length: each }, () => kind));
  while (kinds.length < count) kinds.push(faults[Math.floor(random() * faults.length)] ?? FAULTS[0]);
  return shuffled(kinds, random).map((kind, n) => ({
    number: n + 1,
    kind,
    afterMs: Math.round(SHORTEST_MS + random() * (LONGEST_MS - SHORTEST_MS)),
    draws: Array.from({ length: DRAWS }, random),
    calm: (n + 1) % CALM_EVERY === 0 || n + 1 === count,
  }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
