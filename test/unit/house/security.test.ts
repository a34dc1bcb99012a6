/** SECURITY.md names tests that exist and settings that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const security = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');

it('names a test for everything that is guarded', () => {
  const [, table = ''] = /\n## What is guarded[\s\S]*?\n\|---[^\n]*\n([\s\S]*?)\n\n/.exec(security) ?? [];
  const rows = table.split('\n');
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const tests = [...row.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? '');
    expect(tests.length, row).toBeGreaterThan(0);
    for (const path of tests) expect(existsSync(join(ROOT, path)), path).toBe(true);
  }
});

it('names settings that exist', () => {
  const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
  const named = [...security.matchAll(/`([A-Z]+(?:_[A-Z]+)+|PORT)(?:=[^`]*)?`/g)].map(([, name]) => name ?? '');
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !known.has(name))).toEqual([]);
});
