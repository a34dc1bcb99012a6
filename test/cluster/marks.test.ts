/** Where segments begin: every worker that has a source holds the same marks of it, whoever reads the provider. */

import { expect } from 'vitest';
import type { Mark, MarkList } from '../../services/proxy/src/feed/marks/mark.ts';
import { PROFILES } from '../support/channel-profiles.ts';
import type { TestCluster } from '../support/cluster.ts';
import { feedsMade, type HeldMarks, MARKS_SECRET, marksOf } from '../support/marks.ts';
import { allPlaying, connectionCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const SEGMENT_TICKS = 90_000;
const ENV = {
  CLUSTER_SECRET: MARKS_SECRET,
  HLS_SEGMENT_TIME: '1',
  DRAIN_TIMEOUT: '5',
  STREAM_RETRY_DELAY: '0.2',
};
const LISTS: readonly MarkList[] = ['clock', 'source'];

/** All marks that were ever seen at any worker, one for each number. */
class Seen {
  readonly #marks = new Map<string, Mark>();
  readonly #differences: string[] = [];
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  /** Asks each of these workers for its marks of the source that is read now. */
  async ask(workers: readonly Worker[]): Promise<HeldMarks[]> {
    const held: HeldMarks[] = [];
    for (const feed of await feedsMade(this.#cluster, 's:')) {
      for (const worker of workers) {
        const answer = await marksOf(this.#cluster, worker, feed);
        if (answer !== undefined) held.push(answer);
      }
    }
    for (const { marks } of held) for (const mark of marks) this.#note(mark);
    return held;
  }

  #note(mark: Mark): void {
    const key = `${mark.list} ${mark.n}`;
    const before = this.#marks.get(key);
    if (before === undefined) this.#marks.set(key, mark);
    else if (JSON.stringify(before) !== JSON.stringify(mark)) {
      this.#differences.push(`${JSON.stringify(before)} and ${JSON.stringify(mark)}`);
    }
  }

  of(list: MarkList): Mark[] {
    return [...this.#marks.values()].filter((mark) => mark.list === list).sort((a, b) => a.n - b.n);
  }

  /** Waits until each of these workers has `count` more marks of each list than anybody had. */
  async more(workers: readonly Worker[], count: number, what: string): Promise<HeldMarks[]> {
    const wanted = LISTS.map((list) => (this.of(list).at(-1)?.n ?? 0) + count);
    const reached = ({ marks }: HeldMarks) =>
      LISTS.every((list, at) => marks.some((mark) => mark.list === list && mark.n >= (wanted[at] as number)));
    let held: HeldMarks[] = [];
    await until(
      async () => {
        held = await this.ask(workers);
        return held.length === workers.length && held.every(reached);
      },
      { everyMs: 250, timeoutMs: 30_000, what: () => `more marks ${what}; there are ${JSON.stringify(held)}` },
    );
    return held;
  }

  /** Numbers and times without a hole, one of each everywhere. */
  expectOneList(discontinuities: Readonly<Record<MarkList, number>>): void {
    expect(this.#differences).toEqual([]);
    for (const list of LISTS) {
      const marks = this.of(list);
      expect(marks.map(({ n }) => n - (marks[0]?.n ?? 0))).toEqual(marks.map((_, at) => at));
      const steps = marks.slice(1).map((mark, at) => mark.pts - (marks[at] as Mark).pts);
      expect(steps.filter((step) => step <= 0)).toEqual([]);
      expect(marks.at(-1)?.discontinuities).toBe(discontinuities[list]);
    }
    expect(this.of('clock').filter(({ pts }) => pts % SEGMENT_TICKS !== 0)).toEqual([]);
  }
}

staged.concurrent(
  'three workers hold the same marks, over the death of the owner, a failover and a drain',
  { timeout: 120_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(3, ENV);
    const seen = new Seen(cluster);
    const first = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000 });
    const streams: string[] = [];
    for (const [n, worker] of cluster.workers.entries()) {
      const order = { url: first.url, failover_urls: [second.url], profile: PROFILES[n] as string };
      const { stream_id } = await worker.api.createTranscode(order);
      streams.push(stream_id);
      await allPlaying([stage.viewer(`${worker.url}/stream/${stream_id}`)]);
    }
    const alive = [...cluster.workers];
    const [{ ownerId }] = (await seen.more(alive, 3, 'at the beginning')) as [HeldMarks];
    const owner = alive.splice(Number(ownerId.slice('worker-'.length)) - 1, 1)[0] as Worker;
    await owner.kill();
    await seen.more(alive, 3, 'after the death of the owner');
    // Nothing is missing of what the provider sends again, so nothing is signalled.
    seen.expectOneList({ clock: 1, source: 1 });

    const [one] = alive as [Worker];
    expect((await one.api.post(`/streams/${streams[1]}/failover`)).status).toBe(200);
    await connectionCount(first, 0, 15_000);
    const [{ ownerId: nextId }] = (await seen.more(alive, 3, 'after the failover')) as [HeldMarks];
    seen.expectOneList({ clock: 1, source: 2 });

    const next = alive.findIndex((worker) => worker.logged('joined the cluster')[0]?.worker === nextId);
    const [drained] = alive.splice(next, 1) as [Worker];
    drained.signal('SIGTERM');
    await drained.exited;
    await seen.more(alive, 3, 'after the drain');
    seen.expectOneList({ clock: 1, source: 2 });
  },
);

staged.concurrent(
  'a worker that relays what FFmpeg makes hears of the marks of its source, and goes on with them when the owner dies',
  { timeout: 60_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, ENV);
    const [owner, follower] = cluster.workers as [Worker, Worker];
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
    await allPlaying([stage.viewer(`${owner.url}/stream/${stream_id}`)]);
    await allPlaying([stage.viewer(`${follower.url}/stream/${stream_id}`)]);
    const seen = new Seen(cluster);
    await seen.more([owner], 3, 'at the owner');
    const [processFeed] = (await feedsMade(cluster, 'p:')) as [string];
    const heard = await marksOf(cluster, follower, processFeed);
    expect(heard?.ownerId).toBe('worker-1');
    await seen.ask([owner]);
    for (const list of LISTS) {
      const numbers = heard?.marks.filter((mark) => mark.list === list).map(({ n }) => n) ?? [];
      expect(numbers.length).toBeGreaterThan(1);
      expect(seen.of(list)).toEqual(
        expect.arrayContaining([...(heard?.marks.filter((mark) => mark.list === list) ?? [])]),
      );
    }
    await owner.kill();
    await seen.more([follower], 3, 'at the new owner');
    seen.expectOneList({ clock: 1, source: 1 });
  },
);
