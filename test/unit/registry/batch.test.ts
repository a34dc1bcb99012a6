import { expect, it } from 'vitest';
import { inParts } from '../../../services/registry/redis/batch.ts';

const of = (...sizes: number[]) => sizes.map((size) => 'x'.repeat(size - 2));

it.each([
  [of(), 10, []],
  [of(5, 5), 10, [2]],
  [of(5, 5, 5), 10, [2, 1]],
  [of(6, 6), 10, [1, 1]],
  [of(50, 3, 3), 10, [1, 2]],
  [of(3, 50, 3), 10, [1, 1, 1]],
])('inParts: %#', (items, bytes, expected) => {
  const parts = inParts(items, bytes);
  expect(parts.map((part) => part.length)).toEqual(expected);
  expect(parts.flat()).toEqual(items);
});
