// A page that applies every patch has what the worker has.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { patchBetween, patched, type State } from '../../../../services/shared/console/merge-patch.ts';

const value = fc.letrec((tie) => ({
  state: fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('', 'x', '<b>'),
    fc.integer({ min: 0, max: 2 }),
    fc.boolean(),
    fc.array(fc.constantFrom('s1', 's2'), { maxLength: 2 }),
    tie('state'),
  ),
})).state as fc.Arbitrary<State>;

const plain = (state: unknown): unknown => JSON.parse(JSON.stringify(state));

it('makes of any state any other one, also after its way as JSON', () => {
  fc.assert(
    fc.property(value, value, (before, after) => {
      const patch = patchBetween(before, after);
      if (patch === undefined) expect(plain(after)).toEqual(plain(before));
      else expect(plain(patched(before, plain(patch) as typeof patch))).toEqual(plain(after));
    }),
  );
});

it('names only what has changed, and null for what is gone', () => {
  const before = {
    numbers: { viewers: 3, saved: 2 },
    streams: { s1: { viewers: 1 }, s2: { viewers: 2 } },
    order: ['s2', 's1'],
  };
  const after = { numbers: { viewers: 2, saved: 2 }, streams: { s2: { viewers: 2 } }, order: ['s2'] };
  expect(patchBetween(before, after)).toEqual({ numbers: { viewers: 2 }, streams: { s1: null }, order: ['s2'] });
  expect(patchBetween(after, structuredClone(after))).toBeUndefined();
});

it('leaves what has not changed the same object, so that a page draws it no second time', () => {
  const before: State = { streams: { s1: { viewers: 1 }, s2: { viewers: 2 } } };
  const after = patched(before, { streams: { s1: { viewers: 5 } } });
  expect(after).toEqual({ streams: { s1: { viewers: 5 }, s2: { viewers: 2 } } });
  expect((after.streams as State).s2).toBe((before.streams as State).s2);
  expect(before).toEqual({ streams: { s1: { viewers: 1 }, s2: { viewers: 2 } } });
});

it('takes an undefined field for none', () => {
  expect(patchBetween({ a: 1, b: undefined }, { a: undefined, b: undefined })).toEqual({ a: null });
});
