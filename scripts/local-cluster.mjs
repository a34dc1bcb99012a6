// A cluster on one machine: Redis, workers and a load balancer; for a demo also a live source with a stream that plays.
// All of them end together.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  curlAuthorization,
  demoEnvironment,
  playingDemoStream,
  startDemoSource,
  typed,
  withDemoSource,
  workerReady,
} from './demo-stream.mjs';
import { haproxyConfig } from './load-balancer.mjs';
import { givenPort, listening, localAddress, usualPort } from './ports.mjs';
import { ProcessGroup } from './process-group.mjs';
import { onStopSignal, runWorker } from './processes.mjs';
import { ensureRedis, findHaproxy, installCommand, SetupError } from './setup.mjs';
import { whereToLook } from './where-to-look.mjs';

const FIRST_WORKER_PORT = 8085;
const RELAY_OFFSET = 1_000;
const REDIS_PORT = 6379;
const BALANCER_PORT = 8080;
const LOCAL = '127.0.0.1';
const PARENT_CHECK_MS = 250;

/** Runs until it is told to stop, or until no worker is left; returns the exit code. */
export async function runLocalCluster(options) {
  const over = new AbortController();
  const folder = mkdtempSync(join(tmpdir(), 'streampool-cluster-'));
  const restartLines = new Map();
  const programs = new ProcessGroup((name, pid, how) => {
    console.log(`\n  ${name} (pid ${pid}) has ended: ${how}. ${whatNow(restartLines.get(name))}`);
    restartLines.delete(name);
    if (restartLines.size === 0) over.abort('none left');
  });
  onStopSignal(() => (over.signal.aborted ? programs.kill() : over.abort('asked')));
  const parentCheck = whenParentEnds(() => over.abort('asked'));
  const stopped = new Promise((resolve) => over.signal.addEventListener('abort', resolve, { once: true }));
  try {
    const started = bringUp(options, { folder, programs, restartLines, signal: over.signal });
    await Promise.race([started, stopped]);
    // The signal also stops what is still starting; the resulting error is no news.
    if (over.signal.aborted) started.catch(() => undefined);
    await stopped;
    return over.signal.reason === 'asked' ? 0 : 1;
  } finally {
    clearInterval(parentCheck);
    over.abort();
    await programs.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bringUp({ workers: count, port, demo }, { folder, programs, restartLines, signal }) {
  const redisPort = await usualPort(REDIS_PORT, LOCAL);
  const redis = programs.start('Redis', ensureRedis(), redisArguments(redisPort, folder), { stdio: 'ignore' });
  await listening(redisPort, 'Redis', signal);
  const source = demo ? startDemoSource() : undefined;
  if (source !== undefined) programs.adopt('The demo source', source.child);
  const sourceUrl = await source?.url;
  const workers = [];
  for (let n = 1; n <= count; n++) workers.push(await startWorker(n, redisPort, demo, programs));
  const failed = workers.map(({ name, ended }) =>
    ended.then((how) => Promise.reject(new SetupError(`${name} did not start (${how}); its message is above.`))),
  );
  const ready = workers.map(async ({ address, listens }) => {
    const { hasConsole } = await listens;
    await workerReady(address, signal);
    return { hasConsole };
  });
  const [there] = await Promise.race([...failed, Promise.all(ready)]);
  const balancer = await startBalancer(port, workers, folder, programs);
  if (balancer !== undefined) await workerReady(balancer.address, signal);
  const entrance = balancer?.address ?? workers[0].address;
  const playUrl = demo ? await playingDemoStream(entrance, sourceUrl, signal) : undefined;
  for (const { name, restart } of workers) restartLines.set(name, restart);
  const look = whereToLook(entrance, there);
  print({ redis: { ...redis, port: redisPort }, workers, balancer, entrance, playUrl, sourceUrl, port, look });
}

/** Redis writes nothing to disk. When it is full it refuses writes, as in the cloud, and drops no lease. */
function redisArguments(port, folder) {
  const place = ['--port', String(port), '--bind', LOCAL, '--dir', folder];
  return [...place, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
}

async function startWorker(n, redisPort, demo, programs) {
  const name = `worker-${n}`;
  const first = Number(process.env.PORT || FIRST_WORKER_PORT);
  const port = await usualPort(first === 0 ? 0 : first + n - 1);
  const relayPort = await usualPort(port + RELAY_OFFSET);
  const settings = {
    WORKER_ID: name,
    PORT: String(port),
    RELAY_PORT: String(relayPort),
    REDIS_ENABLED: 'true',
    REDIS_URL: `redis://${LOCAL}:${redisPort}`,
    ...(demo ? { ALLOW_PRIVATE_SOURCES: withDemoSource() } : {}),
  };
  // SIGTERM would drain it; Ctrl-C ends it at once, even with viewers.
  const stopSignal = 'SIGINT';
  const env = { ...demoEnvironment(), ...settings };
  const { child, listens } = runWorker({ env, deathSignal: 'INT' });
  const set = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const restart = [...set, 'npm start'].join(' ');
  return { name, port, address: localAddress(port), restart, listens, ...programs.adopt(name, child, stopSignal) };
}

/** Undefined without HAProxy. */
async function startBalancer(wantedPort, workers, folder, programs) {
  const haproxy = findHaproxy();
  if (haproxy === undefined) return undefined;
  const host = process.env.HOST || '0.0.0.0';
  const port = wantedPort === undefined ? await usualPort(BALANCER_PORT) : await givenPort(wantedPort, '--port');
  const file = join(folder, 'haproxy.cfg');
  const servers = workers.map((worker) => {
    const { hostname: host, port } = new URL(worker.address);
    return { name: worker.name, host, port };
  });
  writeFileSync(file, haproxyConfig({ host, port, workers: servers }));
  const stdio = ['ignore', 'ignore', 'inherit'];
  return {
    address: localAddress(port),
    ...programs.start('The load balancer', haproxy, ['-q', '-db', '-f', file], { stdio }),
  };
}

/** The npm that started this may be killed without a signal to us. */
function whenParentEnds(callback) {
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) callback();
  }, PARENT_CHECK_MS);
}

function whatNow(restart) {
  if (restart === undefined) return 'The rest goes on.';
  return `The others go on. It comes back with:\n\n    ${restart}\n`;
}

function print({ redis, workers, balancer, entrance, playUrl, sourceUrl, port, look }) {
  const name = (text) => text.padEnd(16);
  const lines = workers.map(
    (worker) => `    ${name(worker.name)}${worker.address}   (pid ${worker.pid}: try kill -9 ${worker.pid})`,
  );
  const missing = [
    `    ${name('load balancer')}none: HAProxy is missing${port === undefined ? '' : ', so --port has no effect'}. It is`,
    `    ${name('')}used when it is installed:  ${installCommand('haproxy')}`,
  ];
  const playing =
    playUrl === undefined
      ? []
      : [
          '  This stream plays now, on every worker, from one FFmpeg and one connection to its source:',
          '',
          `    ${playUrl}`,
          '',
          `    ffplay ${typed(playUrl)}`,
          `    vlc ${typed(playUrl)}`,
          '',
        ];
  console.log(
    [
      '',
      `  A cluster of ${workers.length === 1 ? 'one worker' : `${workers.length} workers`} is running.`,
      '',
      ...(balancer === undefined
        ? missing
        : [`    ${name('load balancer')}${balancer.address}   (pid ${balancer.pid})`]),
      ...lines,
      `    ${name('Redis')}redis-cli -p ${redis.port} HGETALL workers   (pid ${redis.pid})`,
      '',
      ...playing,
      ...look,
      `    ${name('statistics')}curl ${entrance}/stats${curlAuthorization()}`,
      ...(sourceUrl === undefined ? [] : [`    ${name('the source')}${sourceUrl}`]),
      '',
      '  Ctrl-C stops everything.',
      '',
    ].join('\n'),
  );
}
