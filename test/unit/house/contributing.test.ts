/** CONTRIBUTING.md chooses tests that exist, and says of each command what it does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { listProfiles } from '../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const contributing = read('CONTRIBUTING.md');
const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));

it('runs parts of the tests that are there', () => {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path}`);
  const parts = [...contributing.matchAll(/npm test -- ([\w/ -]+)/g)].flatMap(([, words = '']) =>
    words.trim().split(/ +/),
  );
  expect(parts.length).toBeGreaterThan(8);
  expect(parts.filter((part) => !files.some((file) => file.includes(part)))).toEqual([]);
});

it('says how long each command takes that tests something', () => {
  const tests = Object.keys(scripts).filter((name) => name.startsWith('test:'));
  expect(tests.filter((name) => !contributing.includes(`| \`npm run ${name}\` |`))).toEqual([]);
});

it('takes a profile as its example that is not there yet, beside one that is', () => {
  const names = listProfiles().map(({ name }) => name);
  expect([names.includes('480p'), names.includes('720p')]).toEqual([false, true]);
  expect(read('test/unit/ffmpeg/profiles/profiles.test.ts')).toContain("test('are the seven that clients know");
});
