// The build of the console: what it writes, and what the first view weighs.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** scripts/ has no types: node runs it as it is. */
const { bundleConsole, FIRST_VIEW_BYTES, PLAYER_BYTES } = (await import(
  new URL('../../../scripts/console.mjs', import.meta.url).href
)) as {
  bundleConsole(folder: string): Promise<{ firstViewBytes: number; playerBytes: number }>;
  FIRST_VIEW_BYTES: number;
  PLAYER_BYTES: number;
};

const SOURCES = join(import.meta.dirname, '../../../services/console/src');
const KNOWN = ['www.w3.org', 'provider.example', 'example.com'];

const folder = mkdtempSync(join(tmpdir(), 'streampool-console-'));
let firstViewBytes = 0;
let playerBytes = 0;

beforeAll(async () => {
  ({ firstViewBytes, playerBytes } = await bundleConsole(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('fits its budget', () => {
  console.log(`in brotli: first view ${firstViewBytes} bytes, player ${playerBytes}`);
  expect([FIRST_VIEW_BYTES, PLAYER_BYTES]).toEqual([60_000, 60_000]);
  expect(firstViewBytes).toBeGreaterThan(10_000);
  expect(firstViewBytes).toBeLessThanOrEqual(FIRST_VIEW_BYTES);
  // It is loaded only when something is played.
  expect(playerBytes).toBeGreaterThan(30_000);
  expect(playerBytes).toBeLessThanOrEqual(PLAYER_BYTES);
});

it('names its files by what is in them, and each is there compressed', () => {
  const names = readdirSync(folder);
  const plain = names.filter((name) => !/\.(br|gz)$/.test(name));
  expect(
    plain.filter((name) => !/^(index\.html|THIRD-PARTY-NOTICES\.txt|[\w-]+-[A-Z0-9]{8}\.(js|css))$/.test(name)),
  ).toEqual([]);
  for (const name of plain) {
    const text = readFileSync(join(folder, name));
    expect(brotliDecompressSync(readFileSync(join(folder, `${name}.br`))).equals(text), name).toBe(true);
    expect(gunzipSync(readFileSync(join(folder, `${name}.gz`))).equals(text), name).toBe(true);
  }
});

it('has the licence of each library beside it', () => {
  const sources = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  const imported = sources.flatMap((name) =>
    [
      ...readFileSync(join(SOURCES, name), 'utf8').matchAll(/^import (?!type\b).*? from '((?:@[\w-]+\/)?\w[\w.-]*)/gms),
    ].map(([, library]) => library),
  );
  const notices = readFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  const named = [...notices.matchAll(/^(\S+) \d+\.\d+\.\d+ \((?:MIT|Apache-2\.0)\)$/gm)].map(([, library]) => library);
  expect(named).toEqual(expect.arrayContaining([...new Set(imported), '@preact/signals-core']));
  expect(named).toContain('mpegts.js');
  // mpegts.js is a bundle itself.
  expect(notices).toContain('es6-promise');
  expect(notices).toContain('Leon Sorokin');
});

it('has a page without code of its own, which names only files that are there', () => {
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, name]) => name);
  expect(files).toHaveLength(2);
  expect(files.filter((name) => !readdirSync(folder).includes(name ?? ''))).toEqual([]);
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=|style=/);
});

it('asks no other host for anything', () => {
  for (const name of readdirSync(folder).filter((each) => /\.(js|css|html)$/.test(each))) {
    const text = readFileSync(join(folder, name), 'utf8');
    const hosts = [...text.matchAll(/(?:https?:)?\/\/([a-z0-9.-]+\.[a-z]{2,})/gi)].map(([, host]) => host);
    // Names of XML, the example in a command that people copy, and an address that mpegts.js names to a request it never sends.
    expect([...new Set(hosts)].filter((host) => !KNOWN.includes(host ?? ''))).toEqual([]);
  }
});
