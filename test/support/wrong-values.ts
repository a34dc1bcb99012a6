/** Values that are wrong in one place: what a record or an answer may say when another version, or a person, has written it. */
import fc from 'fast-check';

type Path = readonly (string | number)[];

const WRONG = [
  null,
  true,
  -1,
  1.5,
  1e300,
  '',
  '-',
  'x'.repeat(300),
  'host',
  'a b:1',
  '::',
  [],
  [null],
  {},
  { kind: 'x' },
];

/** `value` as it is in JSON, with one thing at any depth replaced or left out. */
export function wrongInOnePlace(value: unknown): fc.Arbitrary<unknown> {
  const plain: unknown = JSON.parse(JSON.stringify(value));
  const replacement = fc.oneof(fc.constantFrom<unknown>(...WRONG, undefined), fc.jsonValue({ maxDepth: 2 }));
  return fc
    .tuple(fc.constantFrom<Path>(...pathsOf(plain)), replacement)
    .map(([path, wrong]) => replaced(plain, path, wrong));
}

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, wrong: unknown): unknown {
  if (key === undefined) return wrong;
  if (Array.isArray(value)) return value.map((part, at) => (at === Number(key) ? replaced(part, rest, wrong) : part));
  const record = value as Record<string, unknown>;
  return { ...record, [key]: replaced(record[key], rest, wrong) };
}
