/** What the registry has lost comes back from the stores, and what was removed does not. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { BroadcastWriter } from '../../../services/proxy/src/broadcasts/broadcast-writer.ts';
import { DirectoryStore } from '../../../services/proxy/src/broadcasts/store/directory-store.ts';
import { MemoryStore } from '../../../services/proxy/src/broadcasts/store/memory-store.ts';
import { newestIndex } from '../../../services/proxy/src/broadcasts/store/reading.ts';
import { StoreError } from '../../../services/proxy/src/broadcasts/store/recording-store.ts';
import { Upkeep } from '../../../services/proxy/src/broadcasts/upkeep.ts';
import { MemoryBroadcasts } from '../../../services/registry/memory/memory-broadcasts.ts';
import { systemClock as clock } from '../../../services/shared/clock.ts';
import { order } from './support.ts';

async function ground() {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const kept = new DirectoryStore(folder, true);
  const book = new MemoryBroadcasts(() => undefined);
  const programme = (await book.begin('news', order())) ?? 0;
  await BroadcastWriter.open(
    { book, store: kept, clock },
    { id: 'news', order: { ...order(), programme } },
    5,
    undefined,
  );
  const warn = vi.fn();
  const upkeep = () =>
    new Upkeep({
      ...{ registry: { broadcasts: book }, stores: { kept, window: new MemoryStore() }, clock },
      reading: { newest: (id) => newestIndex(kept, id) },
      limits: { max: 0, maxBytes: 0, maxAgeMs: 0 },
      log: { warn },
    });
  return { book, kept, upkeep, warn };
}

it('brings back at a start what the registry does not have', async () => {
  const { book, upkeep } = await ground();
  await book.remove('news');
  expect(await upkeep().compare()).toMatchObject({ all: [{ id: 'news' }], isUncertain: false });
});

it('takes what is missing for lost only when it is still stored at the next comparison', async () => {
  const { book, kept, upkeep } = await ground();
  const one = upkeep();
  await one.compare();
  await book.remove('news');
  expect(await one.compare()).toMatchObject({ all: [], isUncertain: true });
  expect(await one.compare()).toMatchObject({ all: [{ id: 'news' }], isUncertain: false });
  // The other worker that has removed it is heard of in between.
  await book.remove('news');
  expect(await one.compare()).toMatchObject({ all: [], isUncertain: true });
  await kept.removeAll('news');
  expect(await one.compare()).toMatchObject({ all: [], isUncertain: false });
});

it('goes on with what the registry knows when a store cannot be read', async () => {
  const { book, kept, upkeep, warn } = await ground();
  kept.ids = () => Promise.reject(new StoreError('s3://tv/ (RECORDINGS) cannot be listed: AccessDenied.', undefined));
  expect(await upkeep().compare()).toMatchObject({ all: [{ id: 'news' }], isUncertain: false });
  await book.remove('news');
  expect(await upkeep().compare()).toMatchObject({ all: [], isUncertain: false });
  expect(warn).toHaveBeenCalledTimes(2);
});
