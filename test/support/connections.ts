/** Compares the connections that workers report with those that the provider counts. */

import type { LiveSource } from './live-source.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';

interface Counted {
  readonly stream_id: string;
  readonly connection_count: number;
}

/** What one worker reports: the total, and the count of each stream on each route that shows it. */
async function saidBy({ api }: Worker, streamIds: readonly string[]): Promise<unknown> {
  const [stats, streams, more, root, each] = await Promise.all([
    api.get<{ total_connections: number; streams: Counted[] }>('/stats'),
    api.get<{ streams: Counted[] }>('/streams'),
    api.get<{ streams: Counted[] }>('/stats/streams'),
    api.get<{ stats: { total_connections: number } }>('/'),
    Promise.all(streamIds.map((id) => api.get<{ stream: Counted }>(`/streams/${id}`))),
  ]);
  const lists = [stats.body.streams, streams.body.streams, more.body.streams, each.map(({ body }) => body.stream)];
  const counts = lists.map((list) =>
    streamIds.map((id) => list.find((each) => each.stream_id === id)?.connection_count),
  );
  return { totals: [stats.body.total_connections, root.body.stats.total_connections], counts };
}

/**
 * Waits until every worker reports this many connections for these streams, and in total as many as the provider counts.
 * Numbers of other workers are at most a second old.
 */
export async function connectionsSaid(
  workers: readonly Worker[],
  source: LiveSource,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  const ids = Object.keys(counts);
  const row = Object.values(counts);
  const said = () => Promise.all(workers.map((worker) => saidBy(worker, ids)));
  const expected = async () => {
    const { open } = await source.account();
    return JSON.stringify(workers.map(() => ({ totals: [open, open], counts: [row, row, row, row] })));
  };
  await until(async () => JSON.stringify(await said()) === (await expected()), {
    timeoutMs: 4_000,
    everyMs: 200,
    what: async () => `${JSON.stringify(await said())} to be ${await expected()}`,
  });
}
