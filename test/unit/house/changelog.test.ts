/** The version that is ready to be tagged: package.json, its lock file, CHANGELOG.md and SECURITY.md say the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const versioned = z.object({ version: z.string() });

const { version } = versioned.parse(JSON.parse(read('package.json')));
const headings = read('CHANGELOG.md').match(/^## .+$/gm) ?? [];
const releases = headings.slice(1).map((heading) => /^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$/.exec(heading) ?? []);

describe('CHANGELOG.md', () => {
  it('has a place for what is not released, and the newest release first', () => {
    expect(headings[0]).toBe('## [Unreleased]');
    const numbers = releases.map(([, number = '']) => number.split('.').map(Number));
    const weight = ([major = 0, minor = 0, patch = 0]: number[]) => (major * 1000 + minor) * 1000 + patch;
    expect(numbers).toEqual(numbers.toSorted((a, b) => weight(b) - weight(a)));
  });

  it('gives each release a number and a day', () => {
    expect(releases.length).toBeGreaterThan(0);
    for (const [, , day = ''] of releases) expect(new Date(day).toISOString().slice(0, 10)).toBe(day);
  });

  it('groups entries as Keep a Changelog does', () => {
    const groups = read('CHANGELOG.md').match(/^### .+$/gm) ?? [];
    expect(groups.join('\n')).toMatch(/^(### (Added|Changed|Deprecated|Removed|Fixed|Security)\n?)+$/);
  });
});

it('is the version of the newest release', () => {
  expect(releases[0]?.[1]).toBe(version);
  const lock = z.object({ version: z.string(), packages: z.object({ '': versioned }) });
  const locked = lock.parse(JSON.parse(read('package-lock.json')));
  expect([locked.version, locked.packages[''].version]).toEqual([version, version]);
});

it('is of the versions that SECURITY.md says are mended', () => {
  const [major, minor] = version.split('.');
  expect(read('SECURITY.md')).toContain(`| ${major}.${minor}.x | yes |`);
});

it('comes from a lock file that says nothing of where packages are downloaded', () => {
  expect(read('package-lock.json')).not.toMatch(/"resolved": "http/);
});
