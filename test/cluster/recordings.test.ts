/** A recording outlives the worker that makes it. `npm run test:recordings` has the longer ones. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { METRICS, type MetricKey } from '../../services/shared/metric-names.ts';
import { BroadcastClient, expectWhole, RECORDING, stretchesOf } from '../support/broadcast-client.ts';
import { samplesIn } from '../support/metrics.ts';
import { staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

staged('goes on at another worker with the next number, when the one that makes it is killed', async ({ stage }) => {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-shared-'));
  stage.closeAfter(() => rm(folder, { recursive: true, force: true }));
  const shared = { RECORDINGS: folder, RECORDINGS_SHARED: 'true' };
  const cluster = await stage.cluster(2, { HLS_SEGMENT_TIME: '1', ...shared });
  const [maker, other] = cluster.workers as [Worker, Worker];
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const recording = new BroadcastClient('6f1d');
  await recording.start(maker, { ...RECORDING, stream_url: source.url });
  // The same for people: without a name for it, and as one file.
  const stream = await maker.api.createStream({ url: source.url });
  const begun = await maker.api.post<Shown>(`/streams/${stream.stream_id}/record`, { segment_duration: 1 });
  const own = new BroadcastClient(begun.body.recording_id);
  const before = await recording.listed(other, 2);
  const ownBefore = await own.listed(other, 2);
  await maker.kill();
  await recording.listed(other, before + 3);
  await own.listed(other, ownBefore + 3);
  const last = await recording.stop(other);
  expect(await recording.text(other)).toMatch(/#EXT-X-PLAYLIST-TYPE:EVENT\n(.*\n)+#EXT-X-ENDLIST\n$/);
  const segments = await recording.download(other);
  expect(segments).toHaveLength(last + 1);
  await expectWhole(segments);
  expect(stretchesOf(segments).length).toBeLessThanOrEqual(2);
  expect((await other.api.del('/broadcast/6f1d')).status).toBe(200);
  await expectOneFile(other, own);
  expect(await readdir(folder)).toEqual([]);

  // A channel whose next programme begins by itself.
  const second = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const channel = new BroadcastClient('channel');
  await channel.start(other, {
    ...{ ...RECORDING, dvr_mode: false, hls_list_size: 50, stream_url: source.url, duration_seconds: 3 },
    next_stream_config: { stream_url: second.url },
  });
  await channel.listed(other, 6);
  const programmes = stretchesOf(await channel.download(other));
  expect(programmes).toHaveLength(2);
  await expectWhole(programmes.flat());
  const status = await other.api.get<{ status: string; stream_url: string }>('/broadcast/channel/status');
  expect(status.body).toMatchObject({ status: 'running', stream_url: second.url });
  await channel.stop(other);
  await expectTold(other);
});

/** Requires that the worker that made the channel tells and counts its two programmes. */
async function expectTold(worker: Worker): Promise<void> {
  const types = 'broadcast_started,broadcast_ended,broadcast_failed';
  const told = async () => {
    const { body } = await worker.api.get<{ events: { event_type: string; data: Record<string, unknown> }[] }>(
      `/events?type=${types}`,
    );
    return body.events
      .filter(({ data }) => data.broadcast === 'channel')
      .map(({ event_type, data: { programme, reason } }) => [event_type, programme, reason ?? null])
      .reverse();
  };
  const expected = [
    ['broadcast_started', 1, null],
    ['broadcast_ended', 1, 'ended'],
    ['broadcast_started', 2, null],
    ['broadcast_ended', 2, 'stopped'],
  ];
  let seen: unknown[] = [];
  await until(
    async () => {
      seen = await told();
      return seen.length === expected.length;
    },
    { what: () => `four events; there are ${JSON.stringify(seen)}` },
  );
  expect(seen).toEqual(expected);
  const samples = samplesIn((await worker.api.get<string>('/metrics')).body);
  const of = (key: MetricKey, labels = '') => samples.get(`${METRICS[key]}${labels}`);
  expect(of('broadcasts', '{kind="channel"}')).toBe(0);
  expect(of('broadcastEnds', '{how="ended"}')).toBe(1);
  expect(of('broadcastEnds', '{how="failed"}')).toBe(0);
  expect(of('broadcastBytes')).toBeGreaterThan(100_000);
  expect(of('broadcastWindowBytes')).toBeGreaterThan(10_000);
}

interface Shown {
  readonly recording_id: string;
  readonly status: string;
  readonly bytes: number;
  readonly download_url: string;
}

/** Requires that a recording is stopped, downloaded as what its segments are, in parts too, and deleted. */
async function expectOneFile(worker: Worker, recording: BroadcastClient): Promise<void> {
  const path = `/recordings/${recording.id}`;
  const { body: stopped } = await worker.api.post<Shown>(`${path}/stop`);
  const segments = await recording.download(worker);
  await expectWhole(segments);
  const whole = Buffer.concat(segments.map(({ bytes }) => bytes));
  expect(stopped).toMatchObject({ status: 'stopped', bytes: whole.length });
  const file = await fetch(`${worker.url}${stopped.download_url}`);
  expect(file.headers.get('content-length')).toBe(String(whole.length));
  expect(whole.equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
  const half = Math.floor(whole.length / 2);
  const rest = await fetch(`${worker.url}${stopped.download_url}`, { headers: { range: `bytes=${half}-` } });
  expect(whole.subarray(half).equals(Buffer.from(await rest.arrayBuffer()))).toBe(true);
  expect((await worker.api.del(path)).status).toBe(200);
}
