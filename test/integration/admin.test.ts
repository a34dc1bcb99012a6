/** The admin API on a real Redis with real workers and viewers: what it says is so, and what it is told happens. */

import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeTasksCommand, ECSClient, GetTaskProtectionCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { RedisLink } from '../../services/admin-lambda/src/cluster/redis-link.ts';
import { RemoteCluster } from '../../services/admin-lambda/src/cluster/remote-cluster.ts';
import { EcsService } from '../../services/admin-lambda/src/ecs/tasks.ts';
import { US_EAST_1_EGRESS } from '../../services/admin-lambda/src/egress-cost.ts';
import { readRegistry } from '../../services/admin-lambda/src/environment.ts';
import { createHandler } from '../../services/admin-lambda/src/handler.ts';
import { handler as registryHandler } from '../../services/admin-lambda/src/registry-lambda.ts';
import {
  broadcastsAnswer,
  cleanupAnswer,
  disconnectedAnswer,
  drainAnswer,
  errorAnswer,
  failoverAnswer,
  foundViewersAnswer,
  healthAnswer,
  statsAnswer,
  streamAnswer,
  streamsAnswer,
  workersAnswer,
} from '../../services/admin-lambda/src/schemas.ts';
import { CALL_MS } from '../../services/admin-lambda/src/time-limits.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { type Admin, startAdmin } from '../support/admin.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { startRedis } from '../support/redis.ts';
import { startSilentProxy } from '../support/silent-proxy.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import { apiCall, listeningLog } from '../unit/admin/support.ts';

/** As the issue has it: whoever asks while Redis is away hears so within this. */
const OUTAGE_ANSWER_MS = 3_000;

let cluster: TestCluster;
let admin: Admin;
let first: Worker;
let second: Worker;

beforeAll(async () => {
  // The workers' own cleanup would come first.
  cluster = await startCluster(2, { CLEANUP_INTERVAL: '3600', HEARTBEAT_INTERVAL: '1', SHARED_STREAM_GRACE: '0' });
  [first, second] = cluster.workers as [Worker, Worker];
  admin = await startAdmin(cluster.redis.env);
});
afterAll(async () => {
  await admin?.process.stop();
  await cluster?.stop();
});

async function workerIdOf(worker: Worker): Promise<string> {
  const { body } = await admin.api.get('/admin/workers');
  const listed = workersAnswer.parse(body).workers;
  const relay = worker.logged('joined the cluster')[0]?.relay;
  const found = listed.find(({ address }) => address === relay);
  if (found === undefined) throw new Error(`no worker at ${relay} among ${JSON.stringify(listed)}`);
  return found.worker_id;
}

describe('what it says', () => {
  staged('of viewers, processes and bytes is what there is', async ({ stage }) => {
    const source = await stage.source();
    const { stream_id } = await first.api.createTranscode({
      url: `${source.url}?password=hunter2`,
      profile: COPY,
      metadata: { name: 'Channel 1' },
    });
    const { playUrl } = await second.api.createStream({ url: source.url });
    const path = `/stream/${stream_id}`;
    const viewers = [...stage.viewers(3, first.url + path), ...stage.viewers(2, second.url + path)];
    const direct = stage.viewer(playUrl);
    await allPlaying([...viewers, direct]);
    // Counters reach Redis with the next renewal, a second later at the latest.
    const stats = await until(
      async () => {
        const answer = statsAnswer.parse((await admin.api.get('/admin/stats')).body);
        return answer.clients.total === 6 && answer.bytes_served > 0 && answer;
      },
      { what: 'six viewers with bytes' },
    );
    expect(stats.workers).toEqual({ alive: 2, draining: 0, dead: 0 });
    expect(stats.clients).toEqual({ total: 6, transcoded: 5, direct: 1 });
    expect(stats.pooling).toEqual({ processes: 1, clients_per_process: 5, processes_saved: 4 });
    expect(stats.streams.active).toBe(2);
    expect(stats.egress.bytes_per_second).toBeGreaterThan(0);

    const stream = streamAnswer.parse((await admin.api.get(`/admin/streams/${stream_id}`)).body);
    expect(stream).toMatchObject({ clients: 5, processes: 1, profile: 'custom', metadata: { name: 'Channel 1' } });
    expect(JSON.stringify(stream)).not.toContain('hunter2');
    const owner = await workerIdOf(first.ffmpegPids().length === 1 ? first : second);
    const made = await until(
      async () => {
        const { streams } = streamsAnswer.parse((await admin.api.get('/admin/streams')).body);
        const listed = streams.find((each) => each.stream_id === stream_id);
        return listed?.bits_per_second != null && listed;
      },
      { what: 'the owner to say how it makes the stream' },
    );
    expect(made).toMatchObject({ state: 'active', owner, failures: 0 });
    expect(made.bits_per_second).toBeGreaterThan(0);
    expect(made.speed).toBeGreaterThan(0);
    expect(stream.shared_by).toEqual([{ slot: 0, clients: 5, owner: { worker_id: owner, epoch: expect.any(Number) } }]);
    const watchedAt = (id: string) => stream.viewers.filter(({ worker_id }) => worker_id === id).length;
    expect([watchedAt(await workerIdOf(first)), watchedAt(await workerIdOf(second))]).toEqual([3, 2]);
    const got = viewers.reduce((sum, viewer) => sum + viewer.byteCount, 0);
    await until(
      async () => streamAnswer.parse((await admin.api.get(`/admin/streams/${stream_id}`)).body).bytes_served >= got,
      { what: `${got} bytes to be reported` },
    );

    const served = async () => {
      const { workers } = workersAnswer.parse((await admin.api.get('/admin/workers')).body);
      return workers.map(({ alive, clients }) => (alive ? clients : -1));
    };
    await until(async () => (await served()).every((count) => count === 3), {
      what: async () => `each worker to have three viewers; they have ${await served()}`,
    });

    // Deleted here, it ends there: for the viewers of both workers.
    const deleted = await admin.api.del(`/admin/streams/${stream_id}`);
    expect(deleted).toMatchObject({ status: 200, body: { stream_id, clients: 5 } });
    await until(() => viewers.every(({ ended }) => ended), { what: 'the viewers of both workers to be sent away' });
    expect(direct.ended).toBe(false);
    expect((await admin.api.get(`/admin/streams/${stream_id}`)).status).toBe(404);
    expect((await admin.api.del(`/admin/streams/${stream_id}`)).status).toBe(404);
  });

  staged('of recordings and network channels is what there is', async ({ stage }) => {
    const source = await stage.source();
    const { stream_id } = await first.api.createStream({ url: source.url });
    const { body: begun } = await first.api.post<{ recording_id: string }>(`/streams/${stream_id}/record`, {
      name: `News of ${source.url}?password=hunter2`,
    });
    const channel = { stream_url: `${first.url}/stream/${stream_id}`, hls_list_size: 3 };
    expect((await second.api.post('/broadcast/window/start', channel)).status).toBe(200);
    const listed = async (query = '') =>
      broadcastsAnswer.parse((await admin.api.get(`/admin/broadcasts${query}`)).body);
    const { broadcasts, total, summary } = await listed();
    expect([total, summary.recordings.running, summary.channels.running]).toEqual([2, 1, 1]);
    expect(broadcasts.find(({ kind }) => kind === 'channel')).toMatchObject({ broadcast_id: 'window', stream_id });
    const [recording] = (await listed(`?kind=recording&status=running&stream_id=${stream_id}`)).broadcasts;
    expect(recording).toMatchObject({ broadcast_id: begun.recording_id, worker: await workerIdOf(first), error: null });
    expect(JSON.stringify(recording)).not.toContain('hunter2');
    const page = await listed('?limit=1');
    expect((await listed(`?limit=1&cursor=${page.next_cursor}`)).next_cursor).toBeNull();
    await first.api.post(`/recordings/${begun.recording_id}/stop`, {});
    const stats = statsAnswer.parse((await admin.api.get('/admin/stats')).body);
    expect([stats.recordings, stats.channels]).toMatchObject([
      { total: 1, running: 0 },
      { total: 1, running: 1 },
    ]);
    for (const id of [begun.recording_id, 'window']) await first.api.del(`/broadcast/${id}`);
    expect((await listed()).broadcasts).toEqual([]);
    await first.api.del(`/streams/${stream_id}`);
  });

  it('shows streams that are only kept for their address when they are asked for', async () => {
    const ids: string[] = [];
    for (const name of ['kept', 'new']) {
      ids.push((await first.api.createStream({ url: `http://127.0.0.1:9/${name}.ts` })).stream_id);
    }
    const redis = new Redis(cluster.redis.url);
    await redis.zadd(keys.streamIds, Date.now() - 60_000, ids[0] as string);
    redis.disconnect();
    const listed = async (query: string) =>
      streamsAnswer
        .parse((await admin.api.get(`/admin/streams${query}`)).body)
        .streams.map(({ stream_id }) => stream_id)
        .filter((id) => ids.includes(id));
    expect(await listed('')).toEqual([ids[1]]);
    expect(await listed('?idle=false')).toEqual([ids[1]]);
    expect(await listed('?idle=true')).toEqual([ids[0]]);
    expect((await admin.api.get('/admin/streams?idle=maybe')).status).toBe(422);
    for (const id of ids) expect((await admin.api.del(`/admin/streams/${id}`)).status).toBe(200);
  });

  it('of 250 streams comes in pages that miss none while streams come and go', async () => {
    const wanted = Array.from({ length: 250 }, (_, n) => `http://127.0.0.1:9/paged/${n}.ts`);
    const ids: string[] = [];
    for (const url of wanted) ids.push((await first.api.createStream({ url })).stream_id);
    const seen: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const path: string = `/admin/streams?limit=60${cursor === null ? '' : `&cursor=${cursor}`}`;
      const page = streamsAnswer.parse((await admin.api.get(path)).body);
      expect(page.streams.length).toBeLessThanOrEqual(60);
      seen.push(...page.streams.map(({ stream_id }) => stream_id));
      cursor = page.next_cursor;
      pages++;
      // The cursor's own stream goes, and one that sorts before it comes.
      if (pages === 1 && cursor !== null) await admin.api.del(`/admin/streams/${cursor}`);
    } while (cursor !== null);
    expect(pages).toBe(5);
    expect(new Set(seen).size).toBe(seen.length);
    expect(ids.filter((id) => !seen.includes(id))).toEqual([]);
    for (const id of ids) await admin.api.del(`/admin/streams/${id}`);
  });
});

describe('what it is told', () => {
  staged('moves a stream to its next source under its viewers, once for each call', async ({ stage }) => {
    const [source, spare, last] = [await stage.source(), await stage.source(), await stage.source()];
    const { stream_id, playUrl } = await second.api.createTranscode({
      url: source.url,
      failover_urls: [spare.url, last.url],
      profile: COPY,
    });
    const viewer = stage.viewer(playUrl);
    await allPlaying([viewer]);
    const path = `/admin/streams/${stream_id}`;
    const sent = await admin.api.post(`${path}/failover`);
    expect(sent.status).toBe(202);
    expect(failoverAnswer.parse(sent.body)).toMatchObject({ stream_id, worker_id: await workerIdOf(second) });
    await until(async () => streamAnswer.parse((await admin.api.get(path)).body).current_url === spare.url, {
      what: 'the stream to have moved',
    });
    const before = viewer.byteCount;
    await until(async () => (await spare.account()).open === 1 && viewer.byteCount > before, {
      what: 'the viewer to go on with the next source',
    });
    expect(viewer.ended).toBe(false);
    expect((await last.account()).total).toBe(0);

    const { stream_id: alone } = await first.api.createStream({ url: source.url });
    const refused = await admin.api.post(`/admin/streams/${alone}/failover`);
    expect([refused.status, errorAnswer.parse(refused.body).detail]).toEqual([
      409,
      expect.stringMatching(/failover_urls/),
    ]);
    expect((await admin.api.post('/admin/streams/none/failover')).status).toBe(404);
    for (const id of [stream_id, alone]) expect((await admin.api.del(`/admin/streams/${id}`)).status).toBe(200);
  });

  staged('finds viewers by their address and by their name, and sends one away', async ({ stage }) => {
    const source = await stage.source();
    const { stream_id } = await first.api.createTranscode({ url: source.url, profile: COPY });
    const other = await second.api.createStream({ url: source.url });
    const at = (worker: Worker, user: string, n: number) =>
      stage.viewer(`${worker.url}/stream/${stream_id}?username=${encodeURIComponent(user)}&client_id=${user}-${n}`);
    const anns = [at(first, 'Änn/"1"', 1), at(second, 'Änn/"1"', 2), at(first, 'Änn/"1"', 3)];
    const bob = at(second, 'bob', 1);
    const direct = stage.viewer(`${other.playUrl}?username=bob&client_id=bob-2`);
    await allPlaying([...anns, bob, direct]);

    const found = async (query: string): Promise<string[]> => {
      const names: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const answer = await admin.api.get(
          `/admin/viewers?limit=2&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
        );
        const { viewers, next_cursor } = foundViewersAnswer.parse(answer.body);
        expect(viewers.length).toBeLessThanOrEqual(2);
        names.push(...viewers.map(({ client_id, stream_id: id, username }) => `${id} ${client_id} ${username}`));
        cursor = next_cursor;
      }
      return names.sort();
    };
    const ann = [1, 2, 3].map((n) => `${stream_id} Änn/"1"-${n} Änn/"1"`);
    const bobs = [`${stream_id} bob-1 bob`, `${other.stream_id} bob-2 bob`].sort();
    expect(await found(`user=${encodeURIComponent('Änn/"1"')}`)).toEqual(ann);
    expect(await found('user=bob')).toEqual(bobs);
    expect(await found('user=bo')).toEqual([]);
    expect(await found('address=127.0.0.1')).toEqual([...ann, ...bobs].sort());
    expect(await found('address=127.0.0.2')).toEqual([]);
    for (const query of ['', 'address=a&user=b', 'user=', 'user=bob&cursor=x']) {
      expect((await admin.api.get(`/admin/viewers?${query}`)).status, query).toBe(422);
    }

    const gone = await admin.api.del(`/admin/streams/${stream_id}/viewers/${encodeURIComponent('Änn/"1"-2')}`);
    expect(gone.status).toBe(202);
    expect(disconnectedAnswer.parse(gone.body)).toMatchObject({ stream_id, worker_id: await workerIdOf(second) });
    await until(() => anns[1]?.ended === true, { what: 'the viewer to be sent away' });
    await until(async () => (await found('user=bob')).length === 2, { what: 'the others to be listed' });
    expect([anns[0], anns[2], bob, direct].map((viewer) => viewer?.ended)).toEqual([false, false, false, false]);
    expect((await admin.api.del(`/admin/streams/${stream_id}/viewers/nobody`)).status).toBe(404);
    for (const id of [stream_id, other.stream_id])
      expect((await admin.api.del(`/admin/streams/${id}`)).status).toBe(200);
  });

  it('reaches the worker: drain', async () => {
    const third = await cluster.start('worker-to-drain');
    expect((await third.api.get('/readyz')).status).toBe(200);
    const answer = await admin.api.post('/admin/workers/worker-to-drain/drain');
    expect(answer.status).toBe(202);
    drainAnswer.parse(answer.body);
    await until(async () => (await third.api.get('/readyz')).status === 503, { what: 'the worker to drain' });
    await until(
      async () => {
        const { workers } = workersAnswer.parse((await admin.api.get('/admin/workers')).body);
        return workers.find(({ worker_id }) => worker_id === 'worker-to-drain')?.draining;
      },
      { what: 'the record to say so' },
    );
    const back = await admin.api.post('/admin/workers/worker-to-drain/undrain');
    expect(back.status).toBe(202);
    drainAnswer.parse(back.body);
    await until(async () => (await third.api.get('/readyz')).status === 200, { what: 'the worker to take viewers' });
    for (const what of ['drain', 'undrain']) {
      expect((await admin.api.post(`/admin/workers/nobody/${what}`)).status).toBe(404);
    }
    await third.stop('SIGINT');
  });

  it('cleans up what a killed worker has left; a dry run only says so', async () => {
    const third = await cluster.start('worker-to-kill');
    await third.kill();
    const state = async () => {
      const { workers } = workersAnswer.parse((await admin.api.get('/admin/workers')).body);
      return workers.find(({ worker_id }) => worker_id === 'worker-to-kill');
    };
    await until(async () => (await state())?.alive === false, { timeoutMs: 8_000, what: 'its lease to run out' });
    expect((await admin.api.post('/admin/workers/worker-to-kill/drain')).status).toBe(409);
    const dead = [{ worker_id: 'worker-to-kill', incarnation: expect.any(String) }];
    for (const _ of [1, 2]) {
      const said = cleanupAnswer.parse((await admin.api.post('/admin/cleanup', { dry_run: true })).body);
      expect(said).toMatchObject({ dry_run: true, dead_workers: dead });
      expect(await state()).toBeDefined();
    }
    const removed = cleanupAnswer.parse((await admin.api.post('/admin/cleanup')).body);
    expect(removed).toMatchObject({ dry_run: false, dead_workers: dead });
    expect(await state()).toBeUndefined();
    expect(cleanupAnswer.parse((await admin.api.post('/admin/cleanup')).body).dead_workers).toEqual([]);
  });

  it('forgets streams that nobody has watched for STREAM_IDLE_TTL; a dry run does not', async () => {
    const impatient = await startAdmin({ ...cluster.redis.env, STREAM_IDLE_TTL: '1' });
    const { stream_id } = await first.api.createStream({ url: 'http://127.0.0.1:9/idle.ts' });
    const expired = async (path: string) =>
      cleanupAnswer.parse((await impatient.api.post(path)).body).expired_streams.includes(stream_id);
    await until(() => expired('/admin/cleanup?dry_run=true'), { what: 'the stream to be called expired' });
    expect((await first.api.get(`/streams/${stream_id}`)).status).toBe(200);
    expect(await expired('/admin/cleanup')).toBe(true);
    expect((await first.api.get(`/streams/${stream_id}`)).status).toBe(404);
    await impatient.process.stop();
  });
});

describe('who may ask', () => {
  it('nobody without the token; refusals and calls are logged with who and what, tokens are not', async () => {
    const wrong = { authorization: 'Bearer wrong-token' };
    for (const path of ['/admin/stats', '/admin/health', '/admin/nothing']) {
      const missing = await admin.anonymous.get(path);
      expect(missing.status).toBe(401);
      errorAnswer.parse(missing.body);
      expect((await admin.anonymous.request('GET', path, undefined, wrong)).status).toBe(403);
    }
    expect((await admin.anonymous.post('/admin/cleanup')).status).toBe(401);
    healthAnswer.parse((await admin.api.get('/admin/health')).body);
    await until(() => admin.process.logged('admin call').some(({ path }) => path === '/admin/health'), {
      what: 'the call to be logged',
    });
    const call = admin.process.logged('admin call').find(({ path }) => path === '/admin/health');
    expect(call).toMatchObject({ who: 'token:tester', method: 'GET', status: 200, ip: '127.0.0.1' });
    const refused = admin.process.logged('refused a call without a valid token');
    expect(refused).toHaveLength(7);
    expect(refused[0]).toMatchObject({ ip: '127.0.0.1', path: '/admin/stats', method: 'GET' });
    expect(admin.process.output).not.toMatch(/wrong-token|test-token/);
  });
});

describe('when Redis', () => {
  async function timed(on: Admin, path: string) {
    const startedMs = performance.now();
    const answer = await on.api.get(path);
    return { ...answer, ms: performance.now() - startedMs };
  }

  it('is killed or hangs, calls get a 503 with a reason within 3 s, and it comes back by itself', async () => {
    const redis = await startRedis();
    const on = await startAdmin(redis.env);
    expect((await timed(on, '/admin/stats')).status).toBe(200);

    await redis.kill();
    for (const path of ['/admin/stats', '/admin/health', '/admin/workers', '/admin/streams']) {
      const { status, body, headers, ms } = await timed(on, path);
      expect(status).toBe(503);
      expect(errorAnswer.parse(body).detail).toContain('ECONNREFUSED');
      expect(headers.get('retry-after')).not.toBeNull();
      expect(ms).toBeLessThan(OUTAGE_ANSWER_MS);
    }
    await redis.start();
    expect((await timed(on, '/admin/stats')).status).toBe(200);

    await redis.pause();
    const answers = await Promise.all(Array.from({ length: 5 }, () => timed(on, '/admin/stats')));
    for (const { status, body, ms } of answers) {
      expect(status).toBe(503);
      expect(errorAnswer.parse(body).detail).toMatch(/in time/);
      expect(ms).toBeLessThan(OUTAGE_ANSWER_MS);
    }
    redis.resume();
    expect((await timed(on, '/admin/stats')).status).toBe(200);
    await on.process.stop();
    await redis.stop();
  });

  it('refuses the password, the reason says so', async () => {
    const redis = await startRedis({ password: 'right' });
    const on = await startAdmin({ ...redis.env, REDIS_PASSWORD: 'wrong' });
    const { status, body } = await timed(on, '/admin/health');
    expect(status).toBe(503);
    expect(errorAnswer.parse(body).detail).toMatch(/refuses the password/);
    expect(on.process.output).not.toContain('wrong');
    await on.process.stop();

    // In AWS it comes with each call, and may have been rotated since the last one.
    const link = new RedisLink({ ...readRegistry(redis.env), redisPassword: 'old' });
    await expect(link.use((connection) => connection.ping())).rejects.toThrow(/refuses the password/);
    link.password = 'right';
    expect(await link.use((connection) => connection.ping())).toBe('PONG');
    link.close();
    await redis.stop();
  });

  it('has lost the connection while the function was frozen, the first call after the thaw is answered', async () => {
    const redis = await startRedis();
    const on = await startAdmin(redis.env);
    expect((await timed(on, '/admin/stats')).status).toBe(200);
    on.process.signal('SIGSTOP');
    await redis.restart();
    on.process.signal('SIGCONT');
    const thawed = await timed(on, '/admin/stats');
    expect(thawed.status).toBe(200);
    expect(thawed.ms).toBeLessThan(OUTAGE_ANSWER_MS);
    await on.process.stop();
    await redis.stop();
  });

  it.each(['while frozen', 'between two calls'])('is silently cut off %s, the next call is answered', async (when) => {
    const redis = await startRedis();
    const proxy = await startSilentProxy(redis);
    const on = await startAdmin({ ...redis.env, REDIS_SERVER_PORT: String(proxy.port) });
    expect((await timed(on, '/admin/stats')).status).toBe(200);
    expect((await timed(on, '/admin/stats')).status).toBe(200);
    expect(proxy.connections).toBe(1);
    if (when === 'while frozen') on.process.signal('SIGSTOP');
    proxy.silence();
    on.process.signal('SIGCONT');
    const later = async () => {
      // It learns that the connection is dead when the first two have one that is not.
      await sleep(200);
      return timed(on, '/admin/stats');
    };
    const answers = await Promise.all([timed(on, '/admin/stats'), timed(on, '/admin/health'), later()]);
    for (const { status, ms } of answers) {
      expect(status).toBe(200);
      expect(ms).toBeLessThan(OUTAGE_ANSWER_MS);
    }
    // All share the one that was made for the first.
    expect(proxy.connections).toBe(2);
    await on.process.stop();
    await proxy.close();
    await redis.stop();
  });
});

describe('as two functions', () => {
  it('the front asks ECS and, through the Lambda API, the function that reaches Redis', async () => {
    for (const [name, value] of Object.entries(cluster.redis.env)) vi.stubEnv(name, value);
    const ecs = mockClient(ECSClient);
    ecs.on(ListTasksCommand).resolves({ taskArns: ['one', 'two'] });
    const task = (taskArn: string, privateIpv4Address: string) => ({
      taskArn,
      taskDefinitionArn: 'arn:aws:ecs:eu-west-1:1:task-definition/worker:7',
      createdAt: new Date(0),
      containers: [{ networkInterfaces: [{ privateIpv4Address }] }],
    });
    ecs.on(DescribeTasksCommand).resolves({ tasks: [task('one', '127.0.0.1'), task('two', '10.1.2.3')] });
    ecs.on(GetTaskProtectionCommand).resolves({
      protectedTasks: [
        { taskArn: 'one', protectionEnabled: true, expirationDate: new Date(600_000) },
        { taskArn: 'two', protectionEnabled: false },
      ],
    });
    // What the Lambda API does between the two: JSON there, JSON back.
    const lambda: Pick<LambdaClient, 'send'> = {
      send: async ({ input }: { input: { Payload: string } }) => {
        const answer = JSON.stringify(await registryHandler(JSON.parse(input.Payload)));
        return { Payload: Buffer.from(answer) };
      },
    } as never;
    const { log, lines } = listeningLog();
    const deps = {
      cluster: new RemoteCluster({ lambda, functionName: 'registry', password: undefined, withinMs: CALL_MS }),
      ecs: new EcsService(new ECSClient({ region: 'eu-west-1' }), 'cluster', 'workers'),
      prices: US_EAST_1_EGRESS,
      log,
    };
    const handler = createHandler(deps);
    const call = async (method: string, path: string) => {
      const { statusCode, body } = (await handler(apiCall(method, path))) as APIGatewayProxyStructuredResultV2;
      return { status: statusCode, body: JSON.parse(body ?? '') };
    };
    healthAnswer.parse((await call('GET', '/admin/health')).body);
    statsAnswer.parse((await call('GET', '/admin/stats')).body);
    streamsAnswer.parse((await call('GET', '/admin/streams')).body);
    expect((await call('GET', '/admin/streams/none')).status).toBe(404);
    const workers = workersAnswer.parse((await call('GET', '/admin/workers')).body);
    const one = { arn: 'one', revision: 7, protected: true, protected_until: '1970-01-01T00:10:00.000Z' };
    expect(workers.workers).toMatchObject([{ task: one }, { task: one }]);
    expect(workers.ecs?.tasks_without_worker).toMatchObject([{ arn: 'two', revision: 7, protected: false }]);
    expect(workers.ecs?.protection_missing).toBeNull();
    expect(await handler({ job: 'cleanup' })).toMatchObject({ dead_workers: [] });

    await cluster.redis.pause();
    const away = await call('GET', '/admin/stats');
    cluster.redis.resume();
    expect(away.status).toBe(503);
    expect(errorAnswer.parse(away.body).detail).toMatch(/in time/);
    expect(lines.at(-1)).toMatchObject({ who: 'token:ops', status: 503 });
    vi.unstubAllEnvs();
    ecs.restore();
  });
});
