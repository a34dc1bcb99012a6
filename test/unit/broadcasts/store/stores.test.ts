/** What every store of recordings promises, and what a folder does beyond that. */

import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DirectoryStore } from '../../../../services/proxy/src/broadcasts/store/directory-store.ts';
import { MemoryStore } from '../../../../services/proxy/src/broadcasts/store/memory-store.ts';
import type { RecordingStore } from '../../../../services/proxy/src/broadcasts/store/recording-store.ts';
import { bucket } from './support.ts';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const STORES: Readonly<Record<string, () => Promise<RecordingStore>>> = {
  'a folder': async () => new DirectoryStore(join(await newFolder(), 'made when it is needed'), true),
  'the memory': async () => new MemoryStore(),
  'a bucket': async () => (await bucket()).store,
};

describe.each(Object.keys(STORES))('%s', (name) => {
  let store: RecordingStore;
  beforeEach(async () => {
    store = await (STORES[name] as () => Promise<RecordingStore>)();
  });

  it('is empty at first', async () => {
    expect(await store.ids()).toEqual([]);
    expect(await store.epochs('news')).toEqual([]);
    expect(await store.read('news', 1, 'live000000.ts')).toBeUndefined();
  });

  it('gives back what was written, and what replaced it', async () => {
    await store.begin('news', 5);
    await store.write('news', 5, 'live000000.ts', Buffer.from([1, 2, 3]));
    await store.write('news', 5, 'index.json', 'first');
    await store.write('news', 5, 'index.json', 'second');
    expect(await store.read('news', 5, 'live000000.ts')).toEqual(Buffer.from([1, 2, 3]));
    expect(String(await store.read('news', 5, 'index.json'))).toBe('second');
  });

  it('reads a part, and less where the file ends before', async () => {
    await store.begin('news', 5);
    await store.write('news', 5, 'live000000.ts', Buffer.from([1, 2, 3, 4]));
    const read = (start: number, end: number) => store.read('news', 5, 'live000000.ts', { start, end });
    expect(await read(1, 3)).toEqual(Buffer.from([2, 3]));
    expect(await read(2, 9)).toEqual(Buffer.from([3, 4]));
    expect(await read(4, 9)).toEqual(Buffer.alloc(0));
    expect(await store.read('news', 5, 'live000001.ts', { start: 0, end: 1 })).toBeUndefined();
  });

  it('keeps what two epochs have written under one name apart', async () => {
    for (const epoch of [20, 3]) {
      await store.begin('news', epoch);
      await store.write('news', epoch, 'live000007.ts', String(epoch));
    }
    expect(await store.epochs('news')).toEqual([3, 20]);
    expect(String(await store.read('news', 3, 'live000007.ts'))).toBe('3');
    expect(String(await store.read('news', 20, 'live000007.ts'))).toBe('20');
  });

  it('writes nothing into a recording that was removed', async () => {
    await store.begin('news', 5);
    await store.removeAll('news');
    await expect(store.write('news', 5, 'live000000.ts', 'x')).rejects.toThrow();
    expect(await store.ids()).toEqual([]);
  });

  it('removes files, those that are not there too, and recordings', async () => {
    for (const id of ['news', 'sports']) {
      await store.begin(id, 5);
      await store.write(id, 5, 'live000000.ts', 'x');
      await store.write(id, 5, 'live000001.ts', 'y');
    }
    await store.remove('news', 5, ['live000000.ts', 'live000009.ts']);
    await store.removeAll('sports');
    await store.removeAll('weather');
    expect(await store.read('news', 5, 'live000000.ts')).toBeUndefined();
    expect(String(await store.read('news', 5, 'live000001.ts'))).toBe('y');
    expect(await store.ids()).toEqual(['news']);
  });
});

it('a folder has no half file under the name of a whole one, and drops those of workers that ended', async () => {
  const folder = await newFolder();
  const store = new DirectoryStore(folder, false);
  await store.begin('news', 5);
  const text = (n: number) => `${n} ${'x'.repeat(100_000)} ${n}`;
  await Promise.all(Array.from({ length: 20 }, (_, n) => store.write('news', 5, 'index.json', text(n))));
  const there = String(await store.read('news', 5, 'index.json'));
  expect(there).toBe(text(Number.parseInt(there, 10)));
  await writeFile(join(folder, 'news', '5', 'live000001.ts.1234.part'), 'half');
  await store.tidy('news');
  expect(await readdir(join(folder, 'news', '5'))).toEqual(['index.json']);
});

it('a folder shows nobody else what is in it, and takes foreign names for no recordings', async () => {
  const folder = await newFolder();
  const store = new DirectoryStore(folder, false);
  await store.begin('news', 5);
  await store.write('news', 5, 'index.json', '{}');
  await writeFile(join(folder, 'lost+found'), '');
  expect(await store.ids()).toEqual(['news']);
  const modes = await Promise.all(
    ['news', 'news/5', 'news/5/index.json'].map(async (name) => (await stat(join(folder, name))).mode & 0o777),
  );
  expect(modes).toEqual([0o700, 0o700, 0o600]);
});

it('in memory counts what it holds', async () => {
  const store = new MemoryStore();
  await store.begin('own', 1);
  await store.write('own', 1, 'live000000.ts', Buffer.alloc(100));
  await store.write('own', 1, 'live000001.ts', Buffer.alloc(50));
  await store.write('own', 1, 'index.json', 'four');
  await store.write('own', 1, 'index.json', 'longer');
  expect(store.heldBytes).toBe(156);
  await store.remove('own', 1, ['live000000.ts', 'live000007.ts']);
  expect(store.heldBytes).toBe(56);
  await store.removeAll('own');
  expect(store.heldBytes).toBe(0);
});
