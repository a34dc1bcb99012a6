/** What may happen to a registry, as data: random sequences of it can be made shorter and printed. */

import fc from 'fast-check';

/** Kind → how often it comes. */
const KINDS = {
  wait: 6,
  renew: 8,
  heartbeat: 1,
  create: 5,
  delete: 1,
  join: 10,
  'join a session': 5,
  leave: 4,
  'expire a session': 3,
  report: 3,
  'release slot': 2,
  acquire: 5,
  seize: 2,
  transfer: 4,
  release: 2,
  'take connection': 3,
  'return connection': 1,
  send: 1,
  drain: 2,
  undrain: 2,
  'may leave': 1,
  deployment: 1,
  'fail over': 2,
  'cannot be shared': 1,
  'count an error': 1,
  missing: 3,
  restore: 5,
  'restore a stream': 1,
  end: 1,
  'leave the cluster': 1,
  'clean up': 2,
  'begin anew': 2,
  read: 2,
  secret: 1,
  evict: 3,
  spoil: 2,
  restart: 1,
  empty: 1,
} as const;

export type StepKind = keyof typeof KINDS;

export interface Step {
  readonly kind: StepKind;
  /** The worker that does it, and another one. */
  readonly by: number;
  readonly to: number;
  readonly stream: number;
  /** Which of the variants of this step. */
  readonly n: number;
}

export const WORKERS = 3;
export const STREAMS = 2;

const kinds = (Object.entries(KINDS) as [StepKind, number][]).flatMap(([kind, often]) =>
  Array<StepKind>(often).fill(kind),
);

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  by: fc.nat(WORKERS - 1),
  to: fc.nat(WORKERS - 1),
  stream: fc.nat(STREAMS - 1),
  n: fc.nat(9),
});

/** Up to so many steps. */
export function steps(most: number): fc.Arbitrary<Step[]> {
  return fc.array(step, { minLength: 1, maxLength: most, size: 'max' });
}

/** One line for each step. */
export function told(done: readonly Step[]): string {
  return done
    .map(({ kind, by, to, stream, n }) => `{ kind: '${kind}', by: ${by}, to: ${to}, stream: ${stream}, n: ${n} },`)
    .join('\n');
}
