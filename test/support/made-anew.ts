/** A stream that is created again while it is idle, and what the provider then sees of it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { ConnectionRecord } from './live/options.ts';
import type { LiveSource } from './live-source.ts';
import type { RecordingHandle } from './recorder.ts';
import { allPlaying, type Stage } from './stage.ts';
import { until } from './until.ts';
import type { Worker } from './worker.ts';
import type { CreateBody, CreatedStream } from './worker-api.ts';

/** A stream becomes idle when its last viewer has been counted out. */
const IDLE_MS = 4_000;
const PRIMARY = '/primary.ts';
const SPARE = '/spare.ts';
export const CHANNELS = { burstSeconds: 2, channels: { [PRIMARY]: {}, [SPARE]: {} } };

/** Marks each creation of the stream in everything that the provider sees of it. */
function orderOf(source: LiveSource, name: string, more: object): CreateBody {
  return { url: source.channel(PRIMARY).url, headers: { 'X-Made': name }, user_agent: name, ...more };
}

function makerOf({ headers }: ConnectionRecord): string {
  expect(headers['user-agent'], 'header and user agent of one creation').toBe(headers['x-made']);
  return String(headers['x-made']);
}

async function openOf(source: LiveSource, path: string): Promise<ConnectionRecord[]> {
  const { connections } = await source.channel(path).stats();
  return connections.filter(({ closedAt }) => closedAt === undefined);
}

/** Waits until one connection is open, and checks which creation it belongs to. */
async function playedBy(source: LiveSource, path: string, name: string): Promise<void> {
  const makers = async () => (await openOf(source, path)).map(makerOf);
  await until(async () => String(await makers()) === name, {
    what: async () => `one connection of ${name}; there are those of "${await makers()}"`,
  });
}

async function leave(source: LiveSource, viewers: readonly RecordingHandle[]): Promise<void> {
  await Promise.all(viewers.map((viewer) => viewer.stop()));
  await until(async () => (await source.account()).open === 0, { what: 'the provider to be left alone' });
}

/** Creates it as soon as it is idle. */
async function createAnew(worker: Worker, order: CreateBody): Promise<CreatedStream> {
  return until(
    async () => {
      const created = await worker.api.createStream(order);
      return created.existing === false && created;
    },
    { timeoutMs: IDLE_MS, what: 'the stream to be idle' },
  );
}

/**
 * Plays the stream, fails it over and leaves it. Creates it anew on `maker` and plays it on `player`: it must start with the
 * primary of its new creator and keep nothing of the old stream.
 */
export async function expectMadeAnew(stage: Stage, maker: Worker, player: Worker, more: object): Promise<void> {
  const source = await stage.source(CHANNELS);
  const failovers = [source.channel(SPARE).url];
  const old = await maker.api.createStream(orderOf(source, 'old', { ...more, failover_urls: failovers }));
  const urlAt = (worker: Worker) => `${worker.url}/stream/${old.stream_id}`;
  const viewer = stage.viewer(urlAt(player));
  await allPlaying([viewer]);
  await playedBy(source, PRIMARY, 'old');
  expect((await maker.api.post(`/streams/${old.stream_id}/failover`)).status).toBe(200);
  if (viewer.ended === false) await playedBy(source, SPARE, 'old');
  await leave(source, [viewer]);

  const created = await createAnew(maker, orderOf(source, 'new', more));
  expect(created).toMatchObject({ stream_id: old.stream_id, failover_urls: [], user_agent: 'new' });
  const again = stage.viewer(urlAt(player));
  await allPlaying([again]);
  await playedBy(source, PRIMARY, 'new');
  expect(await openOf(source, SPARE)).toEqual([]);
  // Its new creator named no other source.
  expect((await player.api.post(`/streams/${old.stream_id}/failover`)).status).toBe(400);
  await leave(source, [again]);
}

/**
 * Plays a stream that `maker` makes for a viewer on each worker. Deletes it on `other`, which makes none, and creates it anew there at
 * once: the process that `maker` still has must not go on with what the deleted stream was.
 */
export async function expectDeletedAndMadeAnew(
  stage: Stage,
  maker: Worker,
  other: Worker,
  more: object,
): Promise<void> {
  const source = await stage.source(CHANNELS);
  const old = await maker.api.createStream(orderOf(source, 'old', more));
  const urlAt = (worker: Worker) => `${worker.url}/stream/${old.stream_id}`;
  const before = [stage.viewer(urlAt(maker)), stage.viewer(urlAt(other))];
  await allPlaying(before);
  await playedBy(source, PRIMARY, 'old');
  expect((await other.api.del(`/streams/${old.stream_id}`)).status).toBe(200);
  const created = await other.api.createStream(orderOf(source, 'new', more));
  expect(created.stream_id).toBe(old.stream_id);
  const after = stage.viewer(urlAt(other));
  await allPlaying([after]);
  await playedBy(source, PRIMARY, 'new');
  await until(() => before.every(({ ended }) => ended), { what: 'the viewers of the deleted stream to be ended' });
  await leave(source, [after]);
}

/**
 * A viewer joins on `player` while the stream is created anew on `maker`. It must get what the answer to the creation says: the
 * old stream or the new one, and no mixture.
 */
export async function raceTheCreation(
  stage: Stage,
  maker: Worker,
  player: Worker,
  more: object,
  { rounds, random }: { rounds: number; random: () => number },
): Promise<{ old: number; anew: number }> {
  const source = await stage.source(CHANNELS);
  let current = 'made-0';
  const { stream_id } = await maker.api.createStream(orderOf(source, current, more));
  const outcomes = { old: 0, anew: 0 };
  for (let round = 1; round <= rounds; round++) {
    const next = `made-${round}`;
    const soon = async () => sleep(random() * 12);
    const creating = soon().then(() => maker.api.createStream(orderOf(source, next, more)));
    await soon();
    const viewer = stage.viewer(`${player.url}/stream/${stream_id}`);
    const created = await creating;
    await allPlaying([viewer]);
    expect(viewer.snapshot().status).toBe(200);
    if (created.existing === true) outcomes.old++;
    else {
      outcomes.anew++;
      current = next;
    }
    expect(created.user_agent, `round ${round}`).toBe(current);
    await playedBy(source, PRIMARY, current);
    await leave(source, [viewer]);
    const connections = (await source.channel(PRIMARY).stats()).connections.map(makerOf);
    expect(connections.filter((maker) => maker === next).length > 0, `round ${round}`).toBe(current === next);
    // Idle again, so that the next round finds no viewer.
    await until(async () => (await maker.api.get<{ total: number }>('/streams?idle=true')).body.total === 1, {
      timeoutMs: IDLE_MS,
      what: 'the stream to be idle',
    });
  }
  return outcomes;
}
