/** docs/architecture.md says what is there: every folder, Redis key, script and frame, and only files that exist. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RELAY_VERSION } from '../../../services/proxy/src/relay/relay-frames.ts';
import { keys } from '../../../services/registry/redis/keys.ts';
import { FOLDERS, PROXY } from './folders.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(ROOT, 'docs', 'architecture.md'), 'utf8');
const sections = new Map(
  page.split(/^## /m).map((text): [string, string] => [/^\d*\.? ?(.*)/.exec(text)?.[1] ?? '', text]),
);

/** The cells of a section's table rows, without the head. */
function rowsOf(title: string): string[][] {
  const text = sections.get(title) ?? '';
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim()),
  );
}

/** Repository paths in back ticks. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`((?:services|test|infra|local|examples|docs)\/[\w./-]+)`/g)].map(([, path]) => path ?? '');
}

describe('docs/architecture.md', () => {
  it('names only files and folders that exist', () => {
    const paths = pathsIn(page);
    expect(paths.length).toBeGreaterThan(60);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('has a test for each invariant', () => {
    const rows = rowsOf('Invariants');
    expect(rows.length).toBeGreaterThanOrEqual(9);
    const untested = rows.filter(([, , tests = '']) => pathsIn(tests).every((path) => !path.endsWith('.test.ts')));
    expect(untested).toEqual([]);
  });

  it('lists the folders in the order in which they may import each other', () => {
    const shown = rowsOf('The whole').map(([folder, subject]) => [folder, subject]);
    const folders = FOLDERS.filter(({ name }) => !name.endsWith('.ts')).map(({ name, subject }) => [
      `\`${(name.startsWith('services/') ? name : `${PROXY}/${name}`).replace('/**', '')}\``,
      subject,
    ]);
    expect(shown).toEqual(folders);
  });

  it('lists every key and every script of Redis', () => {
    const text = sections.get('Redis: keys and scripts') ?? '';
    const prefixes = Object.values(keys).map((key) => (typeof key === 'string' ? key : key('cluster')));
    const known = prefixes.map((prefix) => prefix.replace(/:(?:cluster)?$/, ''));
    expect(known.filter((key) => !text.includes(`\`${key}`))).toEqual([]);
    const scripts = readdirSync(join(ROOT, 'services', 'registry', 'redis', 'scripts'));
    expect(scripts.filter((script) => !text.includes(`\`${script}\``))).toEqual([]);
  });

  it('says the version of the relay', () => {
    expect(sections.get('The relay protocol')).toContain(`The version is ${RELAY_VERSION}.`);
  });
});
