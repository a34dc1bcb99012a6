/** What the page Settings is told of the worker, and what it warns of. */

import { expect, it } from 'vitest';
import { type WarningFacts, workerWarnings } from '../../../../services/proxy/src/api/console/worker-warnings.ts';
import { startApi } from '../support.ts';

const TOKEN = 'a-token-that-nobody-guesses';
const RIGHT: WarningFacts = {
  config: { apiToken: TOKEN, host: '0.0.0.0', drainTimeoutMs: 110_000 },
  eviction: undefined,
  isOnEcs: true,
  workers: [{ workerId: 'w1', clockAheadMs: 1_000 }, { workerId: 'earlier' }],
  hardware: undefined,
  sandbox: [],
  ignored: [],
};

it('warns of nothing where all is right', () => {
  expect(workerWarnings(RIGHT)).toEqual([]);
});

it.each<[string, Partial<WarningFacts>, RegExp]>([
  ['no_token', { config: { ...RIGHT.config, apiToken: undefined } }, /Set API_TOKEN/],
  ['eviction', { eviction: 'Redis drops keys. Set noeviction.' }, /noeviction/],
  ['drain', { config: { ...RIGHT.config, drainTimeoutMs: 120_000 } }, /Set DRAIN_TIMEOUT to 110 or less/],
  ['clock', { workers: [{ workerId: 'w2', clockAheadMs: 1_100 }] }, /w2 is 1\.1 s ahead of .*NTP/],
  ['clock', { workers: [{ workerId: 'w2', clockAheadMs: -3_000 }] }, /w2 is 3 s behind/],
  ['hardware', { hardware: 'No /dev/dri.' }, /CPU\. No \/dev\/dri/],
  ['sandbox', { sandbox: ['it needs Landlock'] }, /Landlock/],
  ['ignored', { ignored: ['RELOAD has no effect: x.'] }, /RELOAD/],
])('warns of %s, and says what to do', (kind, more, text) => {
  const warnings = workerWarnings({ ...RIGHT, ...more });
  expect(warnings.map((each) => each.kind)).toEqual([kind]);
  expect(warnings[0]?.text).toMatch(text);
});

it('says nothing of a long drain where nobody knows how long the container has', () => {
  const config = { ...RIGHT.config, drainTimeoutMs: 600_000 };
  expect(workerWarnings({ ...RIGHT, config, isOnEcs: false })).toEqual([]);
});

it('tells the page, and nobody without the token', async () => {
  const api = await startApi({ API_TOKEN: TOKEN, WORKER_ID: 'w7', RELOAD: 'true' });
  expect((await api.get('/console/worker')).status).toBe(401);
  const { status, body, text } = await api.get('/console/worker', { 'x-api-token': TOKEN });
  expect(status).toBe(200);
  expect(body).toMatchObject({ worker_id: 'w7', hardware: { asked: 'cpu', type: 'cpu', reason: null } });
  expect(body.settings).toContainEqual(
    expect.objectContaining({ name: 'WORKER_ID', value: 'w7', source: 'environment', group: 'Workers and Redis' }),
  );
  expect(body.warnings).toContainEqual(expect.objectContaining({ kind: 'ignored' }));
  expect(text).not.toContain(TOKEN);
});
