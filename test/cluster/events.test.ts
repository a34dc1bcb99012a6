/** What workers tell of a death: once, whoever is asked. */

import { expect } from 'vitest';
import { ownerOf, spread } from '../support/cluster.ts';
import { EventStream } from '../support/event-stream.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const LEASE_MS = 5_000;
/** From the end of a lease until its end is told: 1 s until it counts, 1 s until somebody renews, and a busy machine. */
const TOLD_MS = 3_000;

interface Data {
  readonly client_id?: string;
  readonly to?: string;
  readonly gap_ms?: number;
  readonly clients_kept?: number;
}

staged('kill -9 of the owner: every session and the stream have one beginning and one end', async ({ stage }) => {
  const cluster = await stage.cluster(3, { CLEANUP_INTERVAL: '60' });
  const source = await stage.source();
  const [first] = cluster.workers as [(typeof cluster.workers)[number]];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const own = stage.viewers(2, `${first.url}/stream/${stream_id}`);
  await allPlaying(own);
  const { owner, others } = ownerOf(cluster.workers);
  const [asked, other] = others as [typeof first, typeof first];
  const follower = await EventStream.open(`${asked.url}/events`);
  stage.closeAfter(() => follower.close());
  const viewers = spread(stage, 2, others, stream_id);
  await allPlaying(viewers);
  const killedAtMs = Date.now();
  await owner.kill();
  await until(() => follower.types.includes('worker_left'), { what: 'the death to be told', timeoutMs: 12_000 });
  const left = follower.messages.find(({ data }) => data.event_type === 'worker_left');
  expect(Date.parse(String(left?.data.timestamp)) - killedAtMs).toBeLessThan(LEASE_MS + TOLD_MS);
  expect(left?.data.data).toMatchObject({ reason: 'died', clients_lost: 2, worker_id: 'worker-1' });
  for (const viewer of viewers) await viewer.stop();
  await until(() => follower.types.includes('stream_stopped'), { what: 'the stream to end', timeoutMs: 5_000 });
  const list = async (worker: typeof first) =>
    (await worker.api.get<{ events: { event_id: string; event_type: string; data: Data }[] }>('/events')).body.events;
  const events = await list(asked);
  expect(await list(other)).toEqual(events);
  const count = (type: string) => events.filter(({ event_type }) => event_type === type);
  expect(count('stream_started')).toHaveLength(1);
  expect(count('stream_stopped')).toHaveLength(1);
  // The log of the new owner says the same as the record.
  const [takeover, ...more] = count('takeover');
  const { gap_ms: gapMs, clients_kept: clientsKept, to } = takeover?.data ?? {};
  const logged = others.flatMap((worker) => worker.told('takeover'));
  expect([more, clientsKept, logged]).toMatchObject([[], 2, [{ gapMs, clientsKept, worker: to }]]);
  expect(logged[0]?.msg).toBe(`${to} took ch1.ts over from worker-1: ${gapMs} ms without media, 2 viewers stayed`);
  const ids = (type: string) =>
    count(type)
      .map(({ data }) => data.client_id)
      .sort();
  expect(ids('client_connected')).toHaveLength(4);
  expect(ids('client_disconnected')).toEqual(ids('client_connected'));
  // Nothing is shown twice, and nothing is left out, of what came since it reads.
  const seen = follower.messages.map(({ data }) => data.event_id);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen).toEqual(
    events
      .map(({ event_id }) => event_id)
      .slice(0, seen.length)
      .toReversed(),
  );
});
