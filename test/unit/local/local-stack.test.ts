/** The files of the local stack held against what they mirror: the load balancer of the cloud, and the settings of a worker. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IDLE_TIMEOUT_S, STOP_TIMEOUT_S, WORKER_KEEP_ALIVE_S } from '../../../infra/limits.ts';
import { RELAY_PORT, WORKER_PORT } from '../../../infra/ports.ts';
import { routedPaths } from '../../../infra/routes.ts';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';
import { METRICS_PATH } from '../../../services/shared/metric-names.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const haproxy = read('local/haproxy.cfg');
const compose = read('docker-compose.yml');
const example = read('.env.example');

/** The words after a directive, each time that it stands at the beginning of a line. */
function directive(name: string): string[][] {
  return haproxy
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(`${name} `))
    .map((line) => line.slice(name.length).trim().split(/ +/));
}

/** The lines of one service of the compose file. */
function service(name: string): string {
  const [, lines = ''] = new RegExp(`\\n  ${name}:\\n((?:    .*\\n|\\n)+)`).exec(compose) ?? [];
  expect(lines, name).not.toBe('');
  return lines;
}

describe('the stages of the Dockerfile', () => {
  const dockerfile = read('services/proxy/Dockerfile');
  const stages = [...dockerfile.matchAll(/^FROM (\S+)(?: AS (\S+))?$/gm)].map(([, from, name]) => ({ from, name }));
  const names = stages.map(({ name }) => name);
  const files = ['docker-compose.yml', 'examples/home/docker-compose.yml', 'examples/m3u-editor/docker-compose.yml'];

  it.each(files)('are there for what %s builds', (file) => {
    const targets = [...read(file).matchAll(/target: ([\w-]+)/g)].map(([, target]) => target);
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.filter((target) => !names.includes(target))).toEqual([]);
  });

  it('copy from each other only, and end with the worker', () => {
    const copied = [...dockerfile.matchAll(/COPY --from=(\S+)/g)].map(([, from]) => from);
    expect(copied.filter((from) => !names.includes(from))).toEqual([]);
    expect(stages.at(-1)?.name ?? stages.at(-1)?.from).toBe('worker');
  });
});

describe('the load balancer of the local stack', () => {
  it('passes on the paths that the one in the cloud passes on', () => {
    const paths = routedPaths('').flat();
    const [whole = [], beginnings = []] = directive('acl routed var(txn.route)');
    expect(whole.slice(0, 2)).toEqual(['-m', 'str']);
    expect(beginnings.slice(0, 2)).toEqual(['-m', 'beg']);
    const patterns = [...whole.slice(2), ...beginnings.slice(2).map((beginning) => `${beginning}*`)];
    expect(patterns.toSorted()).toEqual(paths.toSorted());
    expect(patterns).not.toContain(METRICS_PATH);
  });

  it('gives up an idle connection when that one does, and before a worker does', () => {
    for (const timeout of ['timeout client', 'timeout server', 'timeout http-keep-alive']) {
      expect(directive(timeout), timeout).toEqual([[`${IDLE_TIMEOUT_S}s`]]);
    }
    expect(service('worker')).toContain(`KEEP_ALIVE_TIMEOUT: ${WORKER_KEEP_ALIVE_S}\n`);
  });

  it('asks workers what that one asks, and gives a viewer to the one with the fewest', () => {
    expect(directive('option httpchk')).toEqual([['GET', '/readyz']]);
    expect(directive('balance')).toEqual([['leastconn']]);
  });
});

describe('the workers of the local stack', () => {
  const worker = service('worker');

  it('can be told every setting, but those that must differ or are decided', () => {
    const shared = /x-redis: &redis\n((?: {2}.*\n)+)/.exec(compose)?.[1] ?? '';
    const told = [...`${shared}${worker}`.matchAll(/^ +([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name);
    const decided = ['HOST', 'WORKER_ID', 'WORKER_ADDRESS'];
    const ofEcs = ['ECS_AGENT_URI', 'ECS_CONTAINER_METADATA_URI_V4'];
    const all = Object.values(SETTINGS).map(({ env }) => env);
    expect(told.toSorted()).toEqual([...all.filter((name) => !decided.includes(name)), ...ofEcs].toSorted());
  });

  it('have the ports and the time to stop that they have in the cloud', () => {
    expect(worker).toContain(`PORT: ${WORKER_PORT}\n`);
    expect(worker).toContain(`RELAY_PORT: ${RELAY_PORT}\n`);
    expect(worker).toContain(`stop_grace_period: ${STOP_TIMEOUT_S}s\n`);
  });
});

it('Redis refuses writes when it is full, as in the cloud: it drops no lease', () => {
  expect(service('redis')).toMatch(/- --maxmemory-policy\n +- noeviction\n/);
  expect(read('scripts/local-cluster.mjs')).toContain("'--maxmemory-policy', 'noeviction'");
});

describe('what is reachable from outside', () => {
  it('is on the loopback address, and neither Redis nor a worker', () => {
    const published = [...compose.matchAll(/ports: \["(.+)"\]/g)].map(([, port]) => port ?? '');
    expect(published).toHaveLength(3);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
    for (const name of ['redis', 'worker', 'admin', 'ecs-agent']) expect(service(name)).not.toContain('ports:');
  });
});

describe('.env.example', () => {
  it.each([
    'REDIS_ENABLED',
    'REDIS_HOST',
    'REDIS_SERVER_PORT',
    'REDIS_DB',
    'REDIS_PASSWORD',
    'ENABLE_TRANSCODING_POOLING',
    'MAX_CLIENTS_PER_SHARED_STREAM',
    'STREAM_SHARING_STRATEGY',
    'WORKER_ID',
    'HEARTBEAT_INTERVAL',
    'CLEANUP_INTERVAL',
    'API_TOKEN',
    'ADMIN_TOKEN',
    'PLAYBACK_AUTH',
    'PLAYBACK_URL_TTL',
    'PLAYBACK_SECRET',
    'CORS_ORIGINS',
    'HTTP_PORT',
    'PROMETHEUS_PORT',
    'GRAFANA_PORT',
    'GRAFANA_PASSWORD',
    'WORKERS',
  ])('has %s', (name) => {
    expect(example).toMatch(new RegExp(`^#?${name}=`, 'm'));
  });

  it('names nothing that the stack does not read', () => {
    const names = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name ?? '');
    const unread = names.filter(
      (name) => !new RegExp(`(^ +${name}:|\\$\\{${name}\\b|^ +environment: ${name}$)`, 'm').test(compose),
    );
    expect(unread).toEqual(['WORKER_ID']);
  });
});

describe('local/make-env', () => {
  const tokens = (env: string) =>
    ['API_TOKEN', 'ADMIN_TOKEN', 'GRAFANA_PASSWORD'].map((name) => new RegExp(`^${name}=(.*)$`, 'm').exec(env)?.[1]);

  /** What it makes of the .env of a folder like this one. */
  function made(before?: string): { env: string; mode: number; again: string } {
    const folder = mkdtempSync(join(tmpdir(), 'streampool-env-'));
    try {
      mkdirSync(join(folder, 'local'));
      for (const file of ['local/make-env', '.env.example']) copyFileSync(join(ROOT, file), join(folder, file));
      const path = join(folder, '.env');
      if (before !== undefined) writeFileSync(path, before);
      execFileSync('sh', [join(folder, 'local', 'make-env')], { cwd: tmpdir() });
      const env = readFileSync(path, 'utf8');
      execFileSync('sh', [join(folder, 'local', 'make-env')]);
      return { env, mode: statSync(path).mode & 0o777, again: readFileSync(path, 'utf8') };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it('writes .env with tokens that nobody knows, for nobody else to read, and keeps it', () => {
    expect(tokens(example)).toEqual(['', '', '']);
    const [one, two] = [made(), made()];
    const all = [...tokens(one.env), ...tokens(two.env)];
    for (const token of all) expect(token).toMatch(/^[0-9a-f]{48}$/);
    expect(new Set(all).size).toBe(6);
    expect(one.mode).toBe(0o600);
    expect(one.again).toBe(one.env);
    expect(one.env.replace(/^(A\w+_TOKEN|GRAFANA_PASSWORD)=.*$/gm, '$1=')).toBe(example);
  });

  it('fills in what is empty in an .env that exists, and adds the password that earlier ones do not have', () => {
    const { env, again } = made('API_TOKEN=mine\nADMIN_TOKEN=\nPORT=1\n');
    expect(env).toMatch(/^API_TOKEN=mine\nADMIN_TOKEN=[0-9a-f]{48}\nPORT=1\n\n# .+\nGRAFANA_PASSWORD=[0-9a-f]{48}\n$/);
    expect(again).toBe(env);
  });

  it('is what compose names when a token is missing', () => {
    const refusals = [...compose.matchAll(/\$\{(A\w+_TOKEN):\?([^}]*)\}/g)];
    expect(refusals.map(([, name]) => name)).toEqual(['API_TOKEN', 'ADMIN_TOKEN', 'API_TOKEN']);
    for (const [, , message] of refusals) expect(message).toContain('sh local/make-env');
  });
});
