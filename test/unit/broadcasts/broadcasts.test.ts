/** The broadcasts of a cluster of two workers: who makes one, who goes on with it, and what its caller is told. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { Broadcasts } from '../../../services/proxy/src/broadcasts/broadcasts.ts';
import { DirectoryStore } from '../../../services/proxy/src/broadcasts/store/directory-store.ts';
import { MemoryStore } from '../../../services/proxy/src/broadcasts/store/memory-store.ts';
import type { RecordingStore } from '../../../services/proxy/src/broadcasts/store/recording-store.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import type { BroadcastProgress } from '../../../services/registry/broadcasts/broadcast.ts';
import { MemoryBroadcasts } from '../../../services/registry/memory/memory-broadcasts.ts';
import { initialFailover, newStream } from '../../../services/registry/new-stream.ts';
import type { Command, Place, StreamRecord } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';
import { CutFeed } from './cut-feed.ts';
import { BEGIN_MS, order } from './support.ts';

const ID = 'news';
/** A hundred times as fast. */
const clock = {
  ...systemClock,
  monotonicMs: () => systemClock.monotonicMs() * 100,
  setTimeout: (callback: () => void, ms: number) => systemClock.setTimeout(callback, ms / 100),
  setInterval: (callback: () => void, ms: number) => systemClock.setInterval(callback, ms / 100),
};

interface Sent {
  readonly event: string;
  readonly overtaken: AbortSignal;
}

/** What the workers share, and who owns what. */
class Cluster {
  readonly book = new MemoryBroadcasts(() => undefined);
  readonly sent: Sent[] = [];
  /** Of programmes that begin and end. */
  readonly told: string[] = [];
  /** How often the registry does not know yet who makes what. */
  waits = 0;
  /** Those that stood still. */
  readonly inDoubt = new Set<string>();
  readonly #alive = new Map<string, Broadcasts>();
  readonly #owners = new Map<string, { incarnation: string; epoch: number }>();
  #epoch = 100;
  /** What a stream's feed is when it is opened next. */
  feeds: (CutFeed | Error)[] = [];
  stream: StreamRecord | undefined = { ...newStream(SPEC, BEGIN_MS), failover: initialFailover(SPEC.url) };

  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  worker(incarnation: string, kept: RecordingStore = new DirectoryStore(this.folder, true)): Broadcasts {
    const identity = (name: string) => ({ workerId: name, incarnation: name, address: '', zone: undefined });
    const isOwner = (key: string, { epoch }: BroadcastProgress) => {
      const owner = this.#owners.get(key);
      return owner?.incarnation === incarnation && owner.epoch === epoch;
    };
    const { book } = this;
    const broadcasts = new Broadcasts({
      loadCues: async () => [],
      registry: {
        broadcasts: {
          begin: (id, asked) => book.begin(id, asked),
          restore: (broadcast) => book.restore(broadcast),
          end: (id) => book.end(id),
          remove: (id) => book.remove(id),
          list: () => book.list(),
          find: (id) => book.find(id),
          recorded: () => book.recorded(),
          note: async (id, progress) => (isOwner(`b:${id}`, progress) ? book.note(id, progress) : 'lost'),
        },
        confirm: async (key): Promise<Place> => {
          if (this.waits > 0) {
            this.waits--;
            return { kind: 'wait', ms: 250 };
          }
          const owner = this.#owners.get(key);
          if (owner !== undefined && this.#alive.has(owner.incarnation)) {
            if (owner.incarnation === incarnation) return { kind: 'own', epoch: owner.epoch };
            return { kind: 'relay', owner: { ...identity(owner.incarnation), epoch: owner.epoch } };
          }
          this.#owners.set(key, { incarnation, epoch: ++this.#epoch });
          return { kind: 'own', epoch: this.#epoch };
        },
        release: async (key) => {
          if (this.#owners.get(key)?.incarnation === incarnation) this.#owners.delete(key);
        },
        peers: () => [...this.#alive.keys()].filter((name) => name !== incarnation).map(identity),
        send: async (command: Command) => {
          if (command.kind !== 'broadcast') return;
          const { id, removed } = command;
          for (const [name, other] of this.#alive) {
            if (name !== incarnation) void (removed === true ? other.clear(id) : other.lookAt(id));
          }
        },
        stream: async () => this.stream,
        markUnshareable: async () => undefined,
        knowsAll: true,
      },
      open: async () => {
        const feed = this.feeds.shift() ?? new SourceError('refused', 'The provider is gone.');
        if (feed instanceof Error) throw feed;
        return feed;
      },
      openFilm: () => {
        throw new Error('not in these tests');
      },
      catalogue: {
        createDirect: async () => {
          throw new Error('not in these tests');
        },
        createTranscoded: async () => {
          throw new Error('not in these tests');
        },
      },
      stores: { kept, window: new MemoryStore() },
      ask: async (peer, id, what) => {
        const answer = await this.#alive.get(peer.incarnation)?.reading.answer(id, what);
        return answer === undefined ? undefined : Buffer.from(answer);
      },
      limits: { max: 0, maxBytes: 0, maxAgeMs: 0 },
      callback: {
        send: async (_, body, overtaken) => {
          this.sent.push({ event: (body as { event: string }).event, overtaken });
        },
      },
      news: {
        began: ({ order }) => void this.told.push(`${incarnation} began ${order.programme}`),
        over: ({ order }, end, error = '') =>
          void this.told.push(`${incarnation} ${end} ${order.programme} ${error}`.trim()),
        wrote: () => undefined,
      },
      isDraining: () => false,
      isInDoubt: () => this.inDoubt.has(incarnation),
      clock,
      log: pino({ level: 'silent' }),
    });
    this.#alive.set(incarnation, broadcasts);
    broadcasts.start();
    onTestFinished(() => broadcasts.stop());
    return broadcasts;
  }

  /** It is dead for the others, and does not know. */
  kill(incarnation: string): void {
    this.#alive.delete(incarnation);
  }
}

let cluster: Cluster;

beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  cluster = new Cluster(folder);
});

const segmentsIn = (text: string | undefined) => text?.match(/^live\d+\.ts$/gm) ?? [];
const listed = async (broadcasts: Broadcasts, count: number) =>
  until(async () => segmentsIn(await broadcasts.reading.playlist(ID)).length >= count, { what: `${count} segments` });

it('is made by the worker that was asked, and both serve it from a shared folder', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  const shown = await one.begin(ID, order());
  expect(shown.progress).toMatchObject({ state: 'running', programme: 1 });
  expect(shown.progress?.pid).toBeGreaterThan(0);
  feed.cut(1).cut(2);
  await listed(one, 1);
  expect(await two.reading.playlist(ID)).toBe(await one.reading.playlist(ID));
  expect(String(await two.reading.segment(ID, 'live000000.ts'))).toBe('[0][1][2]');
  expect(await two.reading.segment(ID, 'live000001.ts')).toBeUndefined();
});

it('is never behind, on a worker that has just read it, what another worker has answered', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order());
  for (const [at, count] of [3, 6, 9].entries()) {
    for (let n = count - 2; n <= count; n++) feed.cut(n);
    await until(async () => ((await one.find(ID))?.progress?.next ?? 0) > at, { what: `segment ${at} to be told` });
    const name = `live00000${at}.ts`;
    // It has read the list a moment ago, and is asked for what that does not have.
    expect([name, await two.reading.segment(ID, name)]).toEqual([name, expect.any(Buffer)]);
    expect(segmentsIn(await two.reading.playlist(ID))).toHaveLength(at + 1);
  }
  expect(await two.reading.playlist(ID)).not.toContain('ENDLIST');
  await one.end(ID);
  expect(await two.reading.playlist(ID)).toContain('ENDLIST');
});

it('begins when a registry that has just begun knows who makes what', async () => {
  cluster.feeds = [new CutFeed().cut(0)];
  cluster.waits = 3;
  expect((await cluster.worker('one').begin(ID, order())).progress).toMatchObject({ state: 'running' });
});

it('ends where it is made, whoever is asked', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order());
  const ended = await two.end(ID);
  expect(ended?.progress?.state).toBe('stopped');
  expect(await two.reading.playlist(ID)).toMatch(/#EXT-X-ENDLIST\n$/);
  expect(feed.isReleased).toBe(true);
  expect(cluster.sent).toEqual([]);
  expect(await two.end('weather')).toBeUndefined();
});

it('answers 502 with the reason when the source does not open, and calls nobody', async () => {
  const one = cluster.worker('one');
  await expect(one.begin(ID, order())).rejects.toMatchObject({ status: 502 });
  expect((await one.find(ID))?.progress).toMatchObject({ state: 'failed', error: 'The provider is gone.' });
  expect(cluster.sent).toEqual([]);
});

it('goes on, on another worker, when its own has died, under the next number', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed()];
  cluster.feeds = [first, second];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order());
  first.cut(1).cut(2);
  await listed(one, 1);
  for (let n = 1; n <= 5; n++) second.cut(n);
  cluster.kill('one');
  await listed(two, 2);
  // The former owner goes on for a moment.
  first.cut(3).cut(4).cut(5);
  await until(() => first.isReleased, { what: 'the worker that was replaced to give the feed up' });
  const playlist = await two.reading.playlist(ID);
  expect(segmentsIn(playlist)).toEqual(['live000000.ts', 'live000001.ts']);
  expect(playlist).not.toContain('DISCONTINUITY\n');
  expect(String(await two.reading.segment(ID, 'live000001.ts'))).toBe('[3][4][5]');
  // It is the same programme, on whichever worker.
  expect(cluster.told).toEqual(['one began 1']);
});

it.each([
  ['a folder of its own', { kept: true }],
  ['its memory', { kept: false, listSize: 5 }],
])('is served by every worker where only one has it: in %s', async (_, more) => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const one = cluster.worker('one', new DirectoryStore(join(cluster.folder, 'one'), false));
  const two = cluster.worker('two', new DirectoryStore(join(cluster.folder, 'two'), false));
  await one.begin(ID, order(more));
  feed.cut(1).cut(2);
  await listed(two, 1);
  expect(await two.reading.playlist(ID)).toBe(await one.reading.playlist(ID));
  expect(String(await two.reading.segment(ID, 'live000000.ts'))).toBe('[0][1][2]');
  expect(await two.reading.segment(ID, 'index.json')).toBeUndefined();
  await two.end(ID);
  expect(await two.reading.playlist(ID)).toBe(await one.reading.playlist(ID));
  cluster.kill('one');
  await until(async () => (await two.reading.playlist(ID)) === undefined, { what: 'nothing of it to be left' });
});

it('is one playlist of the parts that two workers have in folders of their own, when the first one is back', async () => {
  const feeds = [new CutFeed().cut(0), new CutFeed(), new CutFeed()] as const;
  cluster.feeds = [...feeds];
  const store = (name: string) => new DirectoryStore(join(cluster.folder, name), false);
  const one = cluster.worker('one', store('one'));
  const two = cluster.worker('two', store('two'));
  await one.begin(ID, order());
  feeds[0].cut(1).cut(2);
  await listed(one, 1);
  for (let n = 3; n <= 5; n++) feeds[1].cut(n);
  cluster.kill('one');
  await listed(two, 1);
  expect(segmentsIn(await two.reading.playlist(ID))).toEqual(['live000001.ts']);
  const again = cluster.worker('again', store('one'));
  await listed(two, 2);
  for (const worker of [two, again]) {
    expect(segmentsIn(await worker.reading.playlist(ID))).toEqual(['live000000.ts', 'live000001.ts']);
    const media = ['live000000.ts', 'live000001.ts'].map((name) => worker.reading.segment(ID, name));
    expect((await Promise.all(media)).map(String)).toEqual(['[0][1][2]', '[3][4][5]']);
  }
  // It takes no number that the other one has used, although its own folder ends before that.
  for (let n = 6; n <= 8; n++) feeds[2].cut(n);
  cluster.kill('two');
  await until(async () => String(segmentsIn(await again.reading.playlist(ID))) === 'live000002.ts', {
    what: 'the third segment',
  });
});

it('shows what another worker makes by now, when its own worker stood still', async () => {
  const feeds = [new CutFeed().cut(0), new CutFeed().cut(1)] as const;
  cluster.feeds = [...feeds];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order({ kept: false, listSize: 5, segmentSeconds: 2 }));
  await listed(one, 1);
  cluster.kill('one');
  await listed(two, 1);
  expect(segmentsIn(await one.reading.playlist(ID))).toEqual(['live000000.ts']);
  cluster.inDoubt.add('one');
  expect(segmentsIn(await one.reading.playlist(ID))).toEqual(['live000001.ts']);
});

it('begins the next programme on the worker that makes it, whoever is asked', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(50)];
  cluster.feeds = [first, second];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order());
  const shown = await two.begin(ID, order());
  expect(shown.progress).toMatchObject({ state: 'running', programme: 2 });
  second.cut(51).cut(52);
  await listed(one, 2);
  expect(await one.reading.playlist(ID)).toContain('#EXT-X-DISCONTINUITY\n');
});

it('tells its caller that a programme has ended, which the next start overtakes', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(9)];
  cluster.feeds = [first, second];
  const one = cluster.worker('one');
  await one.begin(ID, order({ durationSeconds: 4, callbackUrl: 'http://editor.example/callback' }));
  first.cut(1).cut(2);
  await until(() => cluster.sent.length > 0, { what: 'the callback' });
  expect(cluster.sent.map(({ event }) => event)).toEqual(['programme_ended']);
  expect((await one.find(ID))?.progress?.state).toBe('stopped');
  expect((await one.begin(ID, order())).progress).toMatchObject({ state: 'running', programme: 2 });
});

it('tells its caller when the stream was deleted, and keeps what there is', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const one = cluster.worker('one');
  await one.begin(ID, order());
  cluster.stream = undefined;
  feed.end();
  await until(() => cluster.sent.length > 0, { what: 'the callback' });
  expect(cluster.sent.map(({ event }) => event)).toEqual(['broadcast_failed']);
  expect(segmentsIn(await one.reading.playlist(ID))).toEqual(['live000000.ts']);
});

it('comes back from its index when the registry has lost it', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const one = cluster.worker('one');
  await one.begin(ID, order({ metadata: { name: 'News' } }));
  await one.end(ID);
  cluster.kill('one');
  const later = new Cluster(cluster.folder);
  const again = later.worker('again');
  await until(async () => (await again.find(ID))?.progress?.state === 'stopped', { what: 'the recording' });
  expect((await again.find(ID))?.order.metadata).toEqual({ name: 'News' });
  expect(await again.reading.playlist(ID)).toMatch(/live000000\.ts\n#EXT-X-ENDLIST\n$/);
});

it('leaves nothing when it is removed, on no worker', async () => {
  const feed = new CutFeed().cut(0);
  cluster.feeds = [feed];
  const [one, two] = [cluster.worker('one'), cluster.worker('two')];
  await one.begin(ID, order());
  feed.cut(1).cut(2);
  await listed(one, 1);
  await two.remove(ID);
  await until(() => feed.isReleased, { what: 'the feed to be released' });
  await until(async () => (await new DirectoryStore(cluster.folder, true).ids()).length === 0, {
    what: 'an empty folder',
  });
  expect([await one.find(ID), await one.reading.playlist(ID), await two.reading.playlist(ID)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

it('says why when nothing can be written', async () => {
  cluster.feeds = [new CutFeed().cut(0)];
  const one = cluster.worker('one', new DirectoryStore('/dev/null/recordings', false));
  await expect(one.begin(ID, order())).rejects.toMatchObject({
    status: 502,
    message: expect.stringContaining('cannot be written'),
  });
  expect(cluster.told).toEqual([expect.stringMatching(/^one failed 1 .*cannot be written/)]);
});
