/** The program of a worker, as it is built: it keeps its own text in memory for as long as it runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const program = readFileSync(join(import.meta.dirname, '..', '..', 'dist', 'proxy', 'main.js'), 'utf8');

it('has no comments in it, such as those of esbuild that say which file comes next', () => {
  expect(/^\s*\/\/ \S*node_modules\/.*$/m.exec(program)?.[0]).toBeUndefined();
});

it('has only letters of Latin-1: with any other, V8 keeps two bytes for each letter', () => {
  expect(/.{0,40}[^\0-\xff].{0,40}/.exec(program)?.[0]).toBeUndefined();
});
