/** The last hour of the cluster, as the API shows it. */

import { expect, it, onTestFinished, vi } from 'vitest';
import { MEASURED, SAMPLE_MS, type Sample } from '../../../../services/registry/samples/sample.ts';
import { startApi } from '../support.ts';

const ZERO = Object.fromEntries(MEASURED.map((name) => [name, 0])) as unknown as Omit<Sample, 'n'>;

it('shows what was measured in readable units, oldest first, from the first sample on', async () => {
  const api = await startApi({ WORKER_ID: 'w1' });
  const newest = Math.floor(Date.now() / SAMPLE_MS) - 1;
  const one: Sample = {
    ...{ ...ZERO, n: newest - 2, viewers: 3, streams: 2, processes: 1, joins: 4, failedJoins: 5 },
    ...{ inBitsPerSecond: 8_123_456, outBitsPerSecond: 24_000_000, betweenBitsPerSecond: 1_000, cpu: 0.456 },
    ...{ residentBytes: 134_217_728, eventLoopP99Ms: 2.345 },
  };
  api.services.registry.samples.keep(one);
  api.services.registry.samples.keep({ ...ZERO, n: newest, residentBytes: 1 });
  const { status, body } = await api.get('/stats/history?minutes=2');
  expect(status).toBe(200);
  expect(body).toMatchObject({ step_seconds: 10, workers: ['w1'] });
  const samples = body.samples as unknown as { at: string; missing: string[]; viewers: number }[];
  expect(samples[0]).toEqual({
    at: expect.stringContaining(new Date((newest - 2) * SAMPLE_MS).toISOString().slice(0, 19)),
    ...{ viewers: 3, streams: 2, ffmpeg_processes: 1, in_mbits: 8.123, out_mbits: 24, between_mbits: 0.001 },
    ...{ joins: 4, failed_joins: 5, cpu: 0.46, memory_bytes: 134_217_728, event_loop_p99_ms: 2.3, missing: [] },
  });
  expect(samples[1]).toMatchObject({ viewers: 0, missing: ['w1'] });
  expect(samples[2]).toMatchObject({ missing: [] });
});

it('reads the samples once for fifty pages that ask until there is a new one', async () => {
  const nowMs = 1_000 * SAMPLE_MS;
  vi.useFakeTimers({ now: nowMs, toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const api = await startApi();
  const { samples } = api.services.registry;
  const reads = vi.spyOn(samples, 'read');
  samples.keep({ ...ZERO, n: 999, viewers: 7, residentBytes: 1 });
  const pages = Array.from({ length: 50 }, (_, n) => api.get(`/stats/history?minutes=${n % 2 === 0 ? 60 : 1}`));
  for (const { body } of await Promise.all(pages)) expect(body.samples).toMatchObject([{ viewers: 7 }]);
  expect(reads).toHaveBeenCalledTimes(1);
  samples.keep({ ...ZERO, n: 1_000, viewers: 8, residentBytes: 1 });
  vi.setSystemTime(nowMs + SAMPLE_MS);
  const { body } = await api.get('/stats/history');
  expect(body.samples).toMatchObject([{ viewers: 7 }, { viewers: 8 }]);
  expect(reads).toHaveBeenCalledTimes(2);
});

it.each(['0', '61', '1.5', 'many'])('refuses %s minutes', async (minutes) => {
  const api = await startApi();
  expect((await api.get(`/stats/history?minutes=${minutes}`)).status).toBe(422);
});

it('needs the token', async () => {
  const api = await startApi({ API_TOKEN: 't' });
  expect((await api.get('/stats/history')).status).toBe(401);
  expect((await api.get('/stats/history', { 'x-api-token': 't' })).status).toBe(200);
});
