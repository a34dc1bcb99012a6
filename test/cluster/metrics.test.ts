/**
 * Every series moves when its cause happens, and every expression of the dashboard and of the rules has data: a real Prometheus scrapes
 * three workers through what a cluster meets. What a slow viewer skips takes longer: test/integration/slow-client.test.ts has it.
 */

import { expect } from 'vitest';
import { SERIES } from '../../services/proxy/src/metrics/series.ts';
import { METRICS, type MetricKey } from '../../services/shared/metric-names.ts';
import { ownerOf, type TestCluster } from '../support/cluster.ts';
import { samplesIn } from '../support/metrics.ts';
import { asGrafanaAsks, dashboardExpressions, measuredBy, ruleExpressions } from '../support/monitoring.ts';
import { Prometheus, prometheusProgram } from '../support/prometheus.ts';
import { record } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import type { Worker } from '../support/worker.ts';

const program = prometheusProgram();
// `npm test` in CI has what Debian has.
const isAbsent = program === undefined && process.env.CI === undefined;
if (isAbsent) console.log('Skipped: there is no Prometheus, and Debian does not give it.');

/** Those of this run: the ones that were there before have their own tests, and one takes a slow viewer. */
const MOVING = (Object.keys(METRICS) as MetricKey[])
  .slice(Object.keys(METRICS).indexOf('info'))
  .filter((key) => key !== 'skippedSeconds');

/** Long enough for the slowest cause, on a busy machine. */
const CAUSE_MS = 15_000;

interface Ground {
  readonly stage: Stage;
  readonly cluster: TestCluster;
  readonly workers: readonly [Worker, Worker, Worker];
  readonly prometheus: Prometheus;
}

async function ground(stage: Stage): Promise<Ground> {
  const cluster = await stage.cluster(3, {
    SOURCE_MAX_CONNECTIONS: '2',
    STREAM_RETRY_ATTEMPTS: '1',
    // What plays goes on without a viewer, so that its series are scraped.
    SHARED_STREAM_GRACE: '3',
  });
  const workers = cluster.workers as [Worker, Worker, Worker];
  const targets = workers.map(({ url }) => new URL(url).host);
  const prometheus = await Prometheus.start(program ?? 'prometheus', targets);
  stage.closeAfter(() => prometheus.stop());
  // What happens before a worker is scraped for the first time is no increase.
  await prometheus.scraped(targets.length);
  return { stage, cluster, workers, prometheus };
}

/** Waits until a counter of a worker has moved. */
async function counted(worker: Worker, key: MetricKey, isOf = ''): Promise<void> {
  const name = SERIES[key].kind === 'histogram' ? `${METRICS[key]}_count` : METRICS[key];
  const value = async () => {
    let sum = 0;
    for (const [sample, each] of samplesIn((await worker.api.get<string>('/metrics')).body)) {
      if (sample.split('{')[0] === name && sample.includes(isOf)) sum += each;
    }
    return sum;
  };
  await until(async () => (await value()) > 0, { timeoutMs: CAUSE_MS, everyMs: 200, what: `${name} ${isOf} to move` });
}

/** Viewers who get something, and those who do not. */
async function watched({ stage, workers }: Ground) {
  const [first, second, third] = workers;
  const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {}, '/c.ts': {} } });
  const receiver = await WebhookReceiver.start();
  stage.closeAfter(() => receiver.close());
  const page = new AbortController();
  const live = await fetch(`${first.url}/console/live?view=events`, { signal: page.signal });
  // A response that nobody holds is collected, and its connection closed.
  stage.closeAfter(async () => {
    page.abort();
    await live.body?.cancel().catch(() => undefined);
  });
  expect(live.status).toBe(200);
  const hook = { url: receiver.url, events: ['stream_started', 'takeover'] };
  expect((await first.api.post('/webhooks', hook)).status).toBe(200);
  const { stream_id } = await first.api.createTranscode({
    url: source.channel('/a.ts').url,
    failover_urls: [source.channel('/b.ts').url],
    profile: LIGHT,
    metadata: { name: 'News' },
  });
  await allPlaying([stage.viewer(`${first.url}/stream/${stream_id}`)]);
  await allPlaying([stage.viewer(`${first.url}/stream/${stream_id}`)]);
  await allPlaying([
    stage.viewer(`${second.url}/stream/${stream_id}`),
    stage.viewer(`${third.url}/stream/${stream_id}`),
  ]);
  await counted(first, 'joinSeconds', 'start="cold"');
  await counted(first, 'joinSeconds', 'start="warm"');
  await counted(second, 'joinSeconds', 'start="relay"');

  expect((await fetch(`${first.url}/stream/${'0'.repeat(32)}`)).status).toBe(404);
  await counted(first, 'joins', 'result="refused"');
  const broken = await third.api.createTranscode({ url: source.url.replace(/\d+(?=\/)/, '9'), profile: LIGHT });
  expect((await fetch(broken.playUrl)).status).toBeGreaterThanOrEqual(500);
  await counted(third, 'joins', 'result="failed"');
  // Two connections are all that there are: one is that of the stream.
  const direct = await third.api.createStream({ url: source.channel('/b.ts').url });
  const taking = stage.viewer(direct.playUrl);
  await allPlaying([taking]);
  const refused = await third.api.createStream({ url: source.channel('/c.ts').url });
  const refusal = async () => {
    expect((await record(refused.playUrl, { untilBytes: 1 })).status).toBe(503);
    await counted(third, 'joins', 'result="full"');
    await counted(third, 'providerRefusals');
    await taking.stop();
  };
  // It is waited for while other things happen: a worker refuses after 5 s.
  const refusing = refusal();
  refusing.catch(() => undefined);
  return { source, hookUrl: receiver.url, streamId: stream_id, refusing };
}

/** What goes wrong with a source and an FFmpeg, on the worker that makes the stream. */
async function troubled({ workers }: Ground, { source, streamId, refusing }: Awaited<ReturnType<typeof watched>>) {
  const { owner } = ownerOf(workers);
  const [pid = 0] = owner.ffmpegPids();
  process.kill(pid, 'SIGKILL');
  await counted(owner, 'ffmpegGapSeconds');
  await source.channel('/a.ts').cutConnections();
  await counted(owner, 'sourceLosses');
  await refusing;
  expect((await owner.api.post(`/streams/${streamId}/failover`)).status).toBe(200);
  await counted(owner, 'sourceFailovers', 'reason="manual"');
}

/** The stream goes to another worker by agreement, and to the third one because that dies. */
async function moved({ workers, prometheus }: Ground) {
  const [first, second, third] = workers;
  const { owner } = ownerOf(workers);
  expect(owner).toBe(first);
  expect((await third.api.post('/workers/worker-1/drain')).status).toBe(202);
  await counted(first, 'handoverSeconds');
  await until(() => first.ffmpegPids().length === 0, { timeoutMs: CAUSE_MS, what: 'the first one to make nothing' });
  await prometheus.scraped();
  const dies = second.ffmpegPids().length > 0 ? second : third;
  const lives = dies === second ? third : second;
  await dies.kill();
  await counted(lives, 'takeoverGapSeconds');
  return lives;
}

async function withoutRedis({ cluster }: Ground, worker: Worker) {
  await cluster.redis.pause();
  await counted(worker, 'leaseLosses');
  cluster.redis.resume();
  const held = async () => samplesIn((await worker.api.get<string>('/metrics')).body).get(METRICS.leaseHeld);
  await until(async () => (await held()) === 1, { timeoutMs: CAUSE_MS, what: 'the lease to be held again' });
}

staged.skipIf(isAbsent)(
  'each series moves with its cause, and Prometheus answers all that the dashboard and the rules ask',
  { timeout: 120_000 },
  async ({ stage }) => {
    const here = await ground(stage);
    const { prometheus } = here;
    const seen = await watched(here);
    await troubled(here, seen);
    const lives = await moved(here);
    await withoutRedis(here, lives);
    await prometheus.scraped();

    const still: string[] = [];
    for (const key of MOVING) {
      const name = SERIES[key].kind === 'histogram' ? `${METRICS[key]}_count` : METRICS[key];
      if (((await prometheus.most(name)) ?? 0) <= 0) still.push(name);
    }
    expect(still).toEqual([]);

    const empty: string[] = [];
    const asked = [
      ...dashboardExpressions(),
      ...ruleExpressions().map(({ of, expr }) => ({ of, expr: measuredBy(expr) })),
    ];
    for (const { of, expr } of asked) {
      // As Grafana does, over more than its four scrapes: a busy machine leaves some out.
      if ((await prometheus.most(asGrafanaAsks(expr, '10s'))) === undefined) empty.push(`${of}: ${expr}`);
    }
    expect(empty).toEqual([]);
    const rules = await prometheus.rules();
    expect(rules.length).toBe(ruleExpressions().length);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);

    // No viewer, URL or credential is a label.
    const labels = (await prometheus.over('{__name__=~"streampool_.+"}')).flatMap(({ metric }) =>
      Object.values(metric),
    );
    expect(labels.filter((value) => /https?:|client_[0-9a-f]{16}|\/a\.ts/.test(value))).toEqual([]);
    const path = `/webhooks?webhook_url=${encodeURIComponent(seen.hookUrl)}`;
    expect((await lives.api.del(path)).status).toBe(200);
  },
);
