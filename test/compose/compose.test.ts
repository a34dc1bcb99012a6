/** docker-compose.yml really up: it plays, goes on without a worker, grows, and is closed to the world. One stack, in this order. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { type RecordingHandle, startRecording } from '../support/recorder.ts';
import { allPlaying } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { type Docker, openDocker, whyNoDocker } from './support/docker.ts';
import { DRAIN_SECONDS, Stack, type StackWorker } from './support/stack.ts';

const reason = await whyNoDocker();
if (reason !== undefined) console.log(`Skipped: ${reason}.`);

/** Everything is fetched and built, on a slow machine. */
const START_MS = 30 * 60_000;
/**
 * How long a takeover may keep the picture away. The address of a container goes with it, so that nobody refuses a
 * connection: the others wait for the end of the dead one's lease (5 s), then an FFmpeg starts.
 */
const TAKEOVER_MS = 8_000;

describe.skipIf(reason !== undefined)('the local stack', () => {
  let docker: Docker;
  let stack: Stack;
  let playUrl = '';
  const recordings: RecordingHandle[] = [];
  /** Containers that a test has stopped. */
  const restart: string[] = [];

  beforeAll(async () => {
    docker = await openDocker();
    stack = await Stack.create(docker);
    await stack.up();
  }, START_MS);

  afterEach(async () => {
    await leave();
    for (const id of restart.splice(0)) await stack.docker(['start', id]);
  });

  afterAll(async () => {
    try {
      await stack?.down();
    } finally {
      await docker?.close();
    }
  }, START_MS);

  async function leave(): Promise<void> {
    await Promise.all(recordings.splice(0).map((recording) => recording.stop()));
  }

  async function watch(count: number): Promise<RecordingHandle[]> {
    const viewers = Array.from({ length: count }, () => startRecording(playUrl));
    recordings.push(...viewers);
    await allPlaying(viewers);
    return viewers;
  }

  /** Viewers on both workers, and which of the two makes the stream. */
  async function watchedOnBoth(): Promise<{ viewers: RecordingHandle[]; owner: StackWorker; other: StackWorker }> {
    const both = await until(
      async () => {
        const viewers = await watch(4);
        const workers = await stack.workersWhen(
          'four viewers of one FFmpeg',
          (all) => all.length === 2 && sum(all, 'clients') === 4 && sum(all, 'processes') === 1,
        );
        if (workers.every(({ clients }) => clients === 2)) return { viewers, workers };
        // The load balancer has not heard of both yet.
        await leave();
        return undefined;
      },
      { timeoutMs: 40_000, everyMs: 1_000, what: 'two viewers on each worker' },
    );
    const { viewers, workers } = both;
    const owner = workers.find(({ processes }) => processes === 1);
    const other = workers.find(({ processes }) => processes === 0);
    if (owner === undefined || other === undefined) throw new Error('one of two has the process');
    return { viewers, owner, other };
  }

  function twoIdleWorkers(): Promise<StackWorker[]> {
    const isIdle = (all: StackWorker[]) => all.length === 2 && sum(all, 'clients') === 0 && sum(all, 'processes') === 0;
    return stack.workersWhen('two workers without viewers', isIdle, 40_000);
  }

  it('ends with a URL that plays', async () => {
    await until(async () => (await stack.containers('demo'))[0]?.running === false, {
      timeoutMs: 60_000,
      everyMs: 500,
      what: async () => `the demo to end: ${await stack.logs('demo')}`,
    });
    const printed = await stack.logs('demo');
    expect((await stack.containers('demo'))[0]?.exitCode, printed).toBe(0);
    playUrl = /ffplay (\S+)/.exec(printed)?.[1] ?? '';
    expect(playUrl).toMatch(new RegExp(`^${stack.url}/stream/[0-9a-f]{32}$`));
  });

  it('shows the console through the load balancer, with the licences of what it is made of', async () => {
    const read = async (path: string) => {
      const response = await fetch(new URL(path, stack.url), { headers: { accept: 'text/html, */*' } });
      return [response.status, response.url, await response.text()];
    };
    expect(await read('/')).toEqual([200, `${stack.url}/console/`, expect.stringContaining('<title>Streampool')]);
    const notices = '/console/THIRD-PARTY-NOTICES.txt';
    expect(await read(notices)).toEqual([200, stack.url + notices, expect.stringContaining('preact ')]);
    const files = await stack.exec('worker', 'ls', 'dist/proxy', 'dist/cli');
    expect(files.match(/THIRD-PARTY-NOTICES\.txt|LICENSE/g)).toHaveLength(4);
  });

  it('plays through the load balancer on both workers, from one FFmpeg', async () => {
    const { viewers } = await watchedOnBoth();
    await sleep(4_000);
    const makers = await Promise.all((await stack.containers('worker')).map(({ id }) => stack.docker(['top', id])));
    // The sandbox stays beside the FFmpeg that it has started.
    expect(makers.join('').match(/^(?!.*\/sandbox ).*ffmpeg .*pipe:0/gm)).toHaveLength(1);
    for (const viewer of viewers) {
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 4, maxSignalled: 0 });
    }
  });

  it('protects the tasks of watched workers, and gives that up when nobody watches', async () => {
    await watchedOnBoth();
    const addresses = (await stack.workers()).map(({ container }) => container.address).toSorted();
    await protectionIs(addresses);
    await leave();
    await protectionIs([]);
  });

  /** Waits until the agent has granted protection to exactly these. */
  async function protectionIs(addresses: readonly string[]): Promise<void> {
    const now = async () => {
      const lines = (await stack.logs('ecs-agent')).split('\n').filter((line) => line.startsWith('{'));
      const latest = new Map<string, boolean>();
      for (const line of lines) {
        const { address, enabled } = JSON.parse(line) as { address: string; enabled: boolean };
        latest.set(address, enabled);
      }
      return [...latest].flatMap(([address, enabled]) => (enabled ? [address] : [])).toSorted();
    };
    await until(async () => (await now()).join() === addresses.join(), {
      timeoutMs: 30_000,
      everyMs: 500,
      what: async () => `the protection of ${addresses.join()}; it is that of ${(await now()).join()}`,
    });
  }

  it('answers as the admin API, to those who have its token', async () => {
    await watch(2);
    expect(await stack.admin('GET', '/health')).toMatchObject({ status: 'ok', registry_ms: expect.any(Number) });
    await until(async () => ((await stack.admin('GET', '/stats')).clients as { total: number }).total === 2, {
      what: async () => `two clients in ${JSON.stringify(await stack.admin('GET', '/stats'))}`,
    });
    expect(await stack.admin('GET', '/stats')).toMatchObject({ workers: { alive: 2 }, streams: { total: 1 } });
    expect(await stack.admin('POST', '/cleanup?dry_run=true')).toMatchObject({ dry_run: true, dead_workers: [] });
    expect(await stack.admin('POST', '/cleanup')).toMatchObject({ dry_run: false, dead_workers: [] });
    expect(await stack.status('/admin/stats')).toBe(401);
  });

  it('can be looked into with the commands of the settings page', async () => {
    const [viewer] = await watch(1);
    expect(await stack.exec('worker', 'redis-cli', '-h', 'redis', 'ping')).toBe('PONG\n');
    expect((await stack.exec('redis', 'valkey-cli', 'HKEYS', 'workers')).trim().split('\n')).toHaveLength(2);
    expect(await stack.exec('redis', 'valkey-cli', 'KEYS', 'stream:*')).toMatch(/^stream:[0-9a-f]{32}\n$/);
    expect(await stack.exec('redis', 'valkey-cli', 'INFO', 'memory')).toContain('used_memory_human');
    const containers = await stack.containers('worker');
    const processes = await Promise.all(containers.map(({ id }) => stack.docker(['exec', id, 'ps', 'aux'])));
    expect(processes.join('')).toMatch(/ffmpeg /);
    expect(viewer?.ended).toBe(false);
  });

  it('lets Prometheus read every worker, which is there only in the profile `monitoring`', async () => {
    const services = async () => (await stack.compose(['ps', '--all', '--services'])).split('\n').filter(Boolean);
    expect(await services()).not.toContain('prometheus');
    // Grafana has no stand-in: Debian has no package of it.
    await stack.compose(['--profile', 'monitoring', 'up', '--detach', '--no-recreate', '--no-deps', 'prometheus']);
    const health = async () => {
      // The port of a container is open before the program in it listens.
      const response = await fetch(`${stack.prometheusUrl}/api/v1/targets?state=active`).catch(() => undefined);
      if (response === undefined) return ['no answer'];
      const { data } = (await response.json()) as { data: { activeTargets: { health: string; lastError: string }[] } };
      return data.activeTargets.map((target) => `${target.health} ${target.lastError}`.trim());
    };
    await until(async () => (await health()).join() === 'up,up', {
      timeoutMs: 45_000,
      everyMs: 1_000,
      what: async () => `two targets that are up; they are: ${(await health()).join('; ')}`,
    });
    const rules = await fetch(`${stack.prometheusUrl}/api/v1/rules`);
    const { data } = (await rules.json()) as { data: { groups: { rules: { health: string }[] }[] } };
    expect(data.groups.flatMap((group) => group.rules).length).toBeGreaterThan(5);
  });

  it('keeps Redis, relays, metrics and the file system to itself', async () => {
    expect(await stack.status('/metrics')).toBe(404);
    expect(await stack.status('/m3u-proxy/metrics')).toBe(404);
    expect(await stack.status('/m3u-proxy/livez')).toBe(200);
    expect(await stack.status('/stats')).toBe(401);
    const ports = (await stack.compose(['ps', '--format', '{{.Ports}}'])).match(/\S+->/g) ?? [];
    expect(ports).toHaveLength(2);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+->$/);
    for (const service of ['worker', 'admin', 'source', 'ecs-agent']) {
      expect(await stack.exec(service, 'id', '-u'), service).toBe('1000\n');
      await expect(stack.exec(service, 'touch', '/app/file'), service).rejects.toThrow('Read-only file system');
    }
    // The network of Redis and relays has no way out.
    await expect(stack.exec('ecs-agent', 'node', '-e', "fetch('http://haproxy:8080/livez')")).rejects.toThrow(
      /ENOTFOUND|EAI_AGAIN|fetch failed/,
    );
  });

  it('goes on without a frame lost when the owner is stopped, which serves its own viewers for a while', async () => {
    await twoIdleWorkers();
    const { viewers, owner } = await watchedOnBoth();
    const stopped = performance.now();
    restart.push(owner.container.id);
    await stack.docker(['stop', owner.container.id]);
    const tookMs = performance.now() - stopped;
    const [container] = (await stack.containers('worker')).filter(({ id }) => id === owner.container.id);
    expect(container).toMatchObject({ running: false, exitCode: 0 });
    expect(tookMs).toBeGreaterThan((DRAIN_SECONDS - 1) * 1_000);
    const [left, gone] = [viewers.filter(({ ended }) => !ended), viewers.filter(({ ended }) => ended)];
    expect([left.length, gone.length]).toEqual([2, 2]);
    await watch(2);
    for (const viewer of gone) {
      const recording = await viewer.done;
      expect(recording.endedMs).toBeGreaterThan((DRAIN_SECONDS - 1) * 1_000);
      expectClean(judgeTs(recording), { video: true, audio: true });
    }
    for (const viewer of left) expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, maxSignalled: 0 });
  });

  it('goes on when the owner is killed', async () => {
    await twoIdleWorkers();
    const { viewers, owner } = await watchedOnBoth();
    await stack.docker(['kill', owner.container.id]);
    restart.push(owner.container.id);
    await until(() => viewers.filter(({ ended }) => ended).length === 2, { what: 'its viewers to be cut' });
    // As players do.
    await watch(2);
    const left = viewers.filter(({ ended }) => !ended);
    expect(left).toHaveLength(2);
    await sleep(TAKEOVER_MS);
    const before = left.map(({ byteCount }) => byteCount);
    await sleep(2_000);
    for (const [n, viewer] of left.entries()) {
      expect(viewer.byteCount).toBeGreaterThan(before[n] ?? 0);
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, maxGapMs: TAKEOVER_MS });
    }
  });

  it('takes a third worker', async () => {
    await twoIdleWorkers();
    await stack.compose(['up', '--detach', '--no-build', '--no-recreate', '--scale', 'worker=3']);
    await stack.workersWhen('three workers', (all) => all.length === 3);
    // The load balancer has heard of it.
    await until(
      async () => {
        await watch(6);
        const workers = await stack.workersWhen('six clients', (all) => sum(all, 'clients') === 6);
        await leave();
        return workers.every(({ clients }) => clients === 2);
      },
      { timeoutMs: 30_000, everyMs: 1_000, what: 'two viewers on each of three workers' },
    );
  });

  it('says 503 when there is no worker', async () => {
    await stack.compose(['stop', 'worker']);
    await until(async () => (await stack.status(new URL(playUrl).pathname)) === 503, {
      timeoutMs: 15_000,
      what: 'a 503',
    });
    await stack.compose(['start', 'worker']);
    await until(async () => (await stack.status(new URL(playUrl).pathname)) === 200, {
      timeoutMs: 20_000,
      everyMs: 500,
      what: 'the stream, which Redis has kept',
    });
  });
});

function sum(workers: readonly StackWorker[], of: 'clients' | 'processes'): number {
  return workers.reduce((all, worker) => all + worker[of], 0);
}
