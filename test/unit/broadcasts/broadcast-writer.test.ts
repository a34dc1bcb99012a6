/** What a worker writes of a broadcast counts only while it is the owner, whatever it was in the middle of. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  BroadcastLostError,
  BroadcastWriter,
  type BroadcastWriterDeps,
} from '../../../services/proxy/src/broadcasts/broadcast-writer.ts';
import { DirectoryStore } from '../../../services/proxy/src/broadcasts/store/directory-store.ts';
import { MemoryStore } from '../../../services/proxy/src/broadcasts/store/memory-store.ts';
import { INDEX_NAME, segmentName } from '../../../services/proxy/src/broadcasts/store/names.ts';
import { newestIndex } from '../../../services/proxy/src/broadcasts/store/reading.ts';
import type { RecordingStore } from '../../../services/proxy/src/broadcasts/store/recording-store.ts';
import type { BroadcastOrder, NoteAnswer } from '../../../services/registry/broadcasts/broadcast.ts';
import { MemoryBroadcasts } from '../../../services/registry/memory/memory-broadcasts.ts';
import { NoAnswerError } from '../../../services/registry/outage.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { BEGIN_MS, order } from './support.ts';

const ID = 'news';
const group = { members: [0], seconds: 6, pdtMs: BEGIN_MS, discontinuity: false };
const position = (next: number) => ({ next, endMs: BEGIN_MS + next * 6_000 });

let store: RecordingStore;
let book: MemoryBroadcasts;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  store = new DirectoryStore(folder, true);
  book = new MemoryBroadcasts(() => undefined);
});

async function begun(more: Partial<BroadcastOrder> = {}): Promise<BroadcastOrder> {
  const asked = order(more);
  return { ...asked, programme: (await book.begin(ID, asked)) ?? 0 };
}

/** A worker that has become the owner under this epoch. */
async function writer(epoch: number, asked: BroadcastOrder, more: Partial<BroadcastWriterDeps> = {}) {
  const deps = { book, store, clock: systemClock, ...more };
  return BroadcastWriter.open(deps, { id: ID, order: asked }, epoch, (await book.find(ID))?.progress);
}

const listed = async () => (await newestIndex(store, ID))?.segments.map(({ n, epoch }) => [n, epoch]);
const mediaOf = async (n: number) => {
  const segment = (await newestIndex(store, ID))?.segments.find((each) => each.n === n);
  return String(segment && (await store.read(ID, segment.epoch, segmentName(n))));
};

it('lists what it has written, and says how far it is', async () => {
  const one = await writer(5, await begun({ startNumber: 10 }));
  await one.add(group, Buffer.from('first'), position(1));
  await one.add({ ...group, discontinuity: true }, Buffer.from('second'), position(2));
  expect(await listed()).toEqual([
    [10, 5],
    [11, 5],
  ]);
  expect([await mediaOf(10), await mediaOf(11), await mediaOf(12)]).toEqual(['first', 'second', 'undefined']);
  expect((await book.find(ID))?.progress).toMatchObject({
    ...{ epoch: 5, state: 'running', next: 12, bytes: 11, seconds: 12, discontinuities: 1, feed: position(2) },
  });
});

it('goes on under the next number when another worker has taken over, and the one before replaces nothing', async () => {
  const asked = await begun();
  const before = await writer(5, asked);
  await before.add(group, Buffer.from('old 0'), position(1));
  const after = await writer(6, asked);
  await after.add(group, Buffer.from('new 1'), position(2));
  // It stood still meanwhile, and does not know.
  await expect(before.add(group, Buffer.from('old 1'), position(2))).rejects.toThrow(BroadcastLostError);
  await expect(before.end('stopped')).rejects.toThrow(BroadcastLostError);
  expect(await listed()).toEqual([
    [0, 5],
    [1, 6],
  ]);
  expect([await mediaOf(0), await mediaOf(1)]).toEqual(['old 0', 'new 1']);
  // What it has left is there, and nobody lists it.
  expect(String(await store.read(ID, 5, segmentName(1)))).toBe('old 1');
});

describe.each(['segment', 'word of the registry', 'index'] as const)(
  'a worker that stands still before its %s',
  (at) => {
    it('neither takes a number twice nor loses a segment that counts', async () => {
      const asked = await begun();
      let isStill = false;
      let goOn = (): void => undefined;
      const standstill = async () => {
        if (!isStill) return;
        isStill = false;
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
      };
      const slow: RecordingStore = {
        ...bound(store),
        write: async (id, epoch, name, content) => {
          if ((name === INDEX_NAME) === (at === 'index') && at !== 'word of the registry') await standstill();
          return store.write(id, epoch, name, content);
        },
      };
      const slowBook = {
        note: async (...given: Parameters<MemoryBroadcasts['note']>): Promise<NoteAnswer> => {
          if (at === 'word of the registry') await standstill();
          return book.note(...given);
        },
      };
      const before = await writer(5, asked, { book: slowBook, store: slow });
      await before.add(group, Buffer.from('old 0'), position(1));
      isStill = true;
      const adding = before.add(group, Buffer.from('old 1'), position(2)).then(
        () => 'listed',
        (error: unknown) => error,
      );
      while (isStill) await new Promise((resolve) => setTimeout(resolve, 1));
      const after = await writer(6, asked);
      // The registry has said of it that it counts.
      const isAdopted = at === 'index';
      expect(after.index.next).toBe(isAdopted ? 2 : 1);
      expect(after.index.feed).toEqual(position(isAdopted ? 2 : 1));
      await after.add(group, Buffer.from('new'), position(3));
      goOn();
      if (isAdopted) expect(await adding).toBe('listed');
      else expect(await adding).toBeInstanceOf(BroadcastLostError);
      await expect(before.add(group, Buffer.from('old again'), position(3))).rejects.toThrow(BroadcastLostError);
      const numbers = (await listed())?.map(([n]) => n);
      expect(numbers).toEqual(isAdopted ? [0, 1, 2] : [0, 1]);
      expect(await mediaOf(1)).toBe(isAdopted ? 'old 1' : 'new');
    });
  },
);

it('goes on without an answer of the registry, and stops when that answers that another worker makes it', async () => {
  const asked = await begun();
  let answer: NoteAnswer | 'none' = 'mine';
  const away = {
    note: async (): Promise<NoteAnswer> => {
      if (answer === 'none') throw new NoAnswerError('Redis does not answer');
      return answer;
    },
  };
  const one = await writer(5, asked, { book: away });
  answer = 'none';
  await one.add(group, Buffer.from('0'), position(1));
  answer = 'unknown';
  await one.add(group, Buffer.from('1'), position(2));
  answer = 'lost';
  await expect(one.add(group, Buffer.from('2'), position(3))).rejects.toThrow(BroadcastLostError);
  expect((await listed())?.map(([n]) => n)).toEqual([0, 1]);
});

it('writes under another epoch than what is there, also where a registry in memory grants the same one again', async () => {
  const asked = await begun();
  const one = await writer(1, asked);
  await one.add(group, Buffer.from('before the start'), position(1));
  book = new MemoryBroadcasts(() => undefined);
  await book.restore({ id: ID, order: asked, isStopped: false });
  const again = await writer(1, asked);
  await again.add(group, Buffer.from('after it'), position(1));
  expect(await listed()).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

it('goes on with the numbers in the next programme', async () => {
  const one = await writer(5, await begun());
  await one.add(group, Buffer.from('0'), position(1));
  await one.next(await begun({ startNumber: 100 }));
  expect(one.index).toMatchObject({ state: 'starting', next: 1, programmeSeconds: 0, feed: undefined });
  expect(one.index.segments).toHaveLength(1);
});

it('removes what has left a window, but for the last three', async () => {
  store = new MemoryStore();
  const one = await writer(5, await begun({ kept: false, listSize: 2 }));
  for (let n = 0; n < 8; n++) await one.add(group, Buffer.from(String(n)), position(n + 1));
  const there = await Promise.all(Array.from({ length: 8 }, (_, n) => store.read(ID, 5, segmentName(n))));
  expect(there.map((media) => media !== undefined)).toEqual([false, false, false, true, true, true, true, true]);
});

it('goes on with the numbers of a window that is gone with its worker', async () => {
  const asked = await begun({ kept: false, listSize: 3, startNumber: 4 });
  const before = await writer(5, asked, { store: new MemoryStore() });
  for (const discontinuity of [true, false])
    await before.add({ ...group, discontinuity }, Buffer.from('x'), position(1));
  const after = await writer(6, asked, { store: new MemoryStore() });
  expect(after.index).toMatchObject({ next: 6, segments: [], droppedDiscontinuities: 1, feed: position(1) });
});

it('has the subtitles of a segment as long as its media', async () => {
  store = new MemoryStore();
  const one = await writer(5, await begun({ kept: false, listSize: 1 }));
  for (let n = 0; n < 6; n++) {
    await one.add(group, Buffer.from('x'), position(n + 1), n % 2 === 0 ? `WEBVTT ${n}` : undefined);
  }
  const there = await Promise.all(Array.from({ length: 6 }, (_, n) => store.read(ID, 5, segmentName(n, 'vtt'))));
  expect(there.map((text) => text?.toString())).toEqual([
    ...[undefined, undefined, 'WEBVTT 2', undefined, 'WEBVTT 4', undefined],
  ]);
  expect(one.index.segments).toMatchObject([{ n: 5 }]);
  expect((store as MemoryStore).heldBytes).toBeLessThan(2_000);
});

it('ends once, with why', async () => {
  const one = await writer(5, await begun());
  await one.end('failed', 'The disk is full.');
  await one.end('stopped');
  expect((await book.find(ID))?.progress).toMatchObject({ state: 'failed', error: 'The disk is full.' });
  expect((await book.find(ID))?.progress?.endedAtMs).toBeGreaterThan(0);
});

/** The methods of a store as an object of its own. */
function bound(of: RecordingStore): RecordingStore {
  return {
    isShared: of.isShared,
    ids: () => of.ids(),
    epochs: (id) => of.epochs(id),
    begin: (id, epoch) => of.begin(id, epoch),
    write: (...given) => of.write(...given),
    read: (...given) => of.read(...given),
    remove: (...given) => of.remove(...given),
    tidy: (id) => of.tidy(id),
    removeAll: (id) => of.removeAll(id),
  };
}
