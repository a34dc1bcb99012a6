/** What a worker alone tells of what happens on it: as a list, and as a stream. */

import { expect } from 'vitest';
import { EventStream } from '../support/event-stream.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

interface Listed {
  events: {
    event_id: string;
    event_type: string;
    stream_id: string | null;
    timestamp: string;
    data: Record<string, unknown>;
  }[];
}

const ENV = { SHARED_STREAM_GRACE: '1' };

staged.concurrent('a stream that two watch one after the other has one beginning and one end', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker(ENV);
  const follower = await EventStream.open(`${worker.url}/events`);
  stage.closeAfter(() => follower.close());
  const metadata = { name: 'News', provider_profile_id: '7' };
  const url = `${source.url}?token=s3cretvalue`;
  const { stream_id, playUrl } = await worker.api.createTranscode({ url, profile: LIGHT, metadata });
  const one = stage.viewer(playUrl);
  await allPlaying([one]);
  const two = stage.viewer(playUrl);
  await allPlaying([two]);
  await one.stop();
  await two.stop();
  await until(() => follower.types.includes('stream_stopped'), { what: 'the stream to be idle', timeoutMs: 5_000 });
  const expected = [
    'stream_started',
    'client_connected',
    'client_connected',
    'client_disconnected',
    'client_disconnected',
    'stream_stopped',
  ];
  expect(follower.types).toEqual(expected);
  const { body } = await worker.api.get<Listed>(`/events?stream_id=${stream_id}`);
  expect(body.events.map(({ event_type }) => event_type)).toEqual(expected.toReversed());
  for (const { data, stream_id: of } of body.events)
    expect([of, data]).toMatchObject([stream_id, { name: 'News', metadata }]);
  expect(JSON.stringify(body)).not.toContain('s3cretvalue');
  const [, second, first] = body.events;
  expect(first?.data.bytes_served).toBeGreaterThan(0);
  expect(second?.data.bytes_served).toBeGreaterThan(0);
  expect(body.events.map(({ event_id }) => event_id)).toEqual(
    follower.messages.map(({ data }) => data.event_id).toReversed(),
  );
});

staged.concurrent('a reader goes on where it was, and asks for what it wants', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker(ENV);
  const { playUrl } = await worker.api.createStream({ url: source.url });
  const first = await EventStream.open(`${worker.url}/events`);
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await until(() => first.messages.length === 2, { what: 'two events', timeoutMs: 3_000 });
  await first.close();
  await viewer.stop();
  await until(async () => (await worker.api.get<Listed>('/events')).body.events.length >= 3, {
    what: 'the next event',
  });
  const again = await EventStream.open(`${worker.url}/events`, first.messages.at(-1)?.id);
  stage.closeAfter(() => again.close());
  await until(() => again.types.length > 0, { what: 'what it has missed', timeoutMs: 3_000 });
  expect(again.types[0]).toBe('client_disconnected');
  const only = await worker.api.get<Listed>('/events?type=stream_started,client_connected&limit=1');
  expect(only.body.events.map(({ event_type }) => event_type)).toEqual(['client_connected']);
  const older = await worker.api.get<Listed>(`/events?before=${only.body.events[0]?.event_id}`);
  expect(older.body.events.map(({ event_type }) => event_type)).toEqual(['stream_started']);
  expect((await worker.api.get('/events?before=yesterday')).status).toBe(422);
  expect((await worker.api.get('/events?type=nothing')).status).toBe(422);
  await expect(EventStream.open(`${worker.url}/events`, 'yesterday')).rejects.toThrow('answer 400');
});

staged.concurrent(
  'fifty may follow a worker; the next one is told so, and comes in when one has left',
  async ({ stage }) => {
    const worker = await stage.worker({ ...ENV, API_TOKEN: 'secret' });
    const url = `${worker.url}/events`;
    const token = { 'x-api-token': 'secret' };
    await expect(EventStream.open(url)).rejects.toThrow('answer 401');
    const streams = await Promise.all(Array.from({ length: 50 }, () => EventStream.open(url, undefined, token)));
    stage.closeAfter(() => Promise.all(streams.map((stream) => stream.close())).then(() => undefined));
    await expect(EventStream.open(url, undefined, token)).rejects.toThrow('50 readers follow');
    await streams.pop()?.close();
    await until(
      async () => {
        const next = await EventStream.open(url, undefined, token).catch(() => undefined);
        if (next !== undefined) streams.push(next);
        return next !== undefined;
      },
      { what: 'a place for the next one' },
    );
  },
);

staged.concurrent('who finds all connections to a provider in use is told of with who has them', async ({ stage }) => {
  const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
  const worker = await stage.worker({ ...ENV, SOURCE_MAX_CONNECTIONS: '1' });
  const [one, two] = await Promise.all(
    ['a', 'b'].map((name) => worker.api.createStream({ url: source.channel(`/${name}.ts`).url, metadata: { name } })),
  );
  await allPlaying([stage.viewer(String(one?.playUrl))]);
  expect((await fetch(String(two?.playUrl))).status).toBe(503);
  const { body } = await worker.api.get<Listed>('/events?type=limit_reached');
  expect(body.events).toMatchObject([{ data: { limit: 'provider', who: ['a'] } }]);
});
