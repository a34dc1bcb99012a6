/** `npm run cluster`: what it prints works, it goes on when a worker dies, and it leaves nothing behind. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allProcesses, ffmpegProcesses, hasEnvironment, type ProcessInfo } from '../support/processes.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SCRIPT = join(ROOT, 'scripts', 'cluster.mjs');
const MARKER = 'STREAMPOOL_LOCAL_CLUSTER_TEST';
const START_MS = 60_000;

/** `npm run cluster` as a shell would have started it, with everything that comes of it. */
class LocalCluster {
  output = '';
  readonly folder = mkdtempSync(join(tmpdir(), 'streampool-test-'));
  readonly #id = randomUUID();
  readonly #env = { ...process.env, TMPDIR: this.folder, PORT: '0', [MARKER]: this.#id };
  /** Every process of it that was seen: what one starts may hide its environment, but stays in its session. */
  readonly #seen = new Set<number>();
  readonly child: ChildProcess;

  /** @param line what to run in place of the script itself */
  constructor(args: readonly string[], line?: string) {
    this.child = line === undefined ? this.run(process.execPath, [SCRIPT, ...args]) : this.run('sh', ['-c', line]);
  }

  /** Runs a program as part of it. */
  run(command: string, args: readonly string[]): ChildProcess {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: this.#env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    return child;
  }

  async running(): Promise<this> {
    await until(
      () => {
        if (this.child.exitCode !== null) throw new Error(`it ended: ${this.output}`);
        return this.output.includes('Ctrl-C stops everything');
      },
      { timeoutMs: START_MS, what: () => `the cluster to run; it wrote: ${this.output}` },
    );
    return this;
  }

  /** The first group of the first match in what it wrote. */
  printed(pattern: RegExp): string {
    const [, found] = pattern.exec(this.output) ?? [];
    if (found === undefined) throw new Error(`no ${pattern} in ${this.output}`);
    return found;
  }

  /** What runs of it now. */
  processes(): ProcessInfo[] {
    const all = allProcesses();
    for (const { pid } of all) if (hasEnvironment(pid, MARKER, this.#id)) this.#seen.add(pid);
    return all.filter(({ pid, session, state }) => state !== 'Z' && (this.#seen.has(pid) || this.#seen.has(session)));
  }

  /** Waits until nothing is left, no process and, unless it was killed outright, no file. */
  async gone(): Promise<void> {
    const left = () => [
      ...this.processes().map(({ args }) => args.join(' ')),
      ...(this.child.signalCode === 'SIGKILL' ? [] : readdirSync(this.folder)),
    ];
    await until(() => left().length === 0 && (this.child.exitCode ?? this.child.signalCode) !== null, {
      timeoutMs: 15_000,
      what: () => `nothing to be left; there is ${left()}`,
    });
  }

  clear(): void {
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const clusters: LocalCluster[] = [];
afterEach(() => {
  for (const cluster of clusters.splice(0)) cluster.clear();
});

function start(args: readonly string[], line?: string): LocalCluster {
  const cluster = new LocalCluster(args, line);
  clusters.push(cluster);
  return cluster;
}

staged('plays through the load balancer, goes on without its owner, and ends with Ctrl-C', async ({ stage }) => {
  const port = await freePort('0.0.0.0');
  const cluster = await start(['--workers', '3', '--port', String(port), '--demo']).running();
  const playUrl = cluster.printed(/ffplay (\S+)/);
  expect(new URL(playUrl).port).toBe(String(port));
  const path = new URL(playUrl).pathname;
  const workers = [1, 2, 3].map((n) => {
    const line = new RegExp(`worker-${n} +(\\S+) .*kill -9 (\\d+)`).exec(cluster.output) ?? [];
    return { name: `worker-${n}`, url: line[1] ?? '', pid: Number(line[2]) };
  });
  const viewers = workers.map(({ url }) => stage.viewer(url + path));
  const balanced = stage.viewer(playUrl);
  await allPlaying([...viewers, balanced]);
  await sleep(3_000);
  // One FFmpeg for all of them, and that of the demo source.
  const makers = ffmpegProcesses(cluster.processes()).filter(({ args }) => args.includes('pipe:0'));
  expect(makers).toHaveLength(1);
  expectClean(judgeTs(await balanced.stop()), { video: true, audio: true, cleanStart: true, maxSignalled: 0 });

  const owner = workers.findIndex(({ pid }) => pid === makers[0]?.session);
  process.kill(workers[owner]?.pid ?? Number.NaN, 'SIGKILL');
  await until(() => cluster.output.includes(`(pid ${workers[owner]?.pid}) has ended: SIGKILL`), {
    what: () => `the death to be told: ${cluster.output}`,
  });
  const late = Array.from({ length: 6 }, () => stage.viewer(playUrl));
  await allPlaying(late);
  const others = viewers.filter((_, n) => n !== owner);
  const before = others.map(({ byteCount }) => byteCount);
  await sleep(5_000);
  for (const [n, viewer] of others.entries()) {
    expect(viewer.ended).toBe(false);
    expect(viewer.byteCount).toBeGreaterThan(before[n] ?? 0);
    expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, cleanStart: true, maxGapMs: 5_000 });
  }

  // The line that is printed brings it back, under its name and at its place.
  const again = cluster.run('sh', ['-c', cluster.printed(/comes back with:\s+(\S.*)\n/)]);
  await until(async () => (await fetch(`${workers[owner]?.url}/readyz`).catch(() => undefined))?.ok, {
    timeoutMs: 20_000,
    what: () => `the worker to come back: ${cluster.output}`,
  });
  process.kill(-(again.pid ?? Number.NaN), 'SIGINT');

  process.kill(-(cluster.child.pid ?? Number.NaN), 'SIGINT');
  await cluster.gone();
  expect(cluster.child.exitCode).toBe(0);
});

test.for([
  ['SIGTERM', []],
  ['SIGHUP', ['--demo']],
  ['SIGKILL', ['--demo']],
] as const)('%s leaves no process', async ([signal, args]) => {
  const port = await freePort('0.0.0.0');
  const cluster = await start(['--workers', '1', '--port', String(port), ...args]).running();
  expect(cluster.processes().length).toBeGreaterThanOrEqual(3);
  cluster.child.kill(signal);
  await cluster.gone();
  expect(cluster.child.exitCode).toBe(signal === 'SIGKILL' ? null : 0);
});

test('ends with the shell that started it', async () => {
  const port = await freePort('0.0.0.0');
  const cluster = await start([], `${process.execPath} ${SCRIPT} --workers 1 --port ${port}; true`).running();
  cluster.child.kill('SIGKILL');
  await cluster.gone();
  await until(() => readdirSync(cluster.folder).length === 0, { what: 'its files to go' });
});

test('ends when its last worker has', async () => {
  const port = await freePort('0.0.0.0');
  const cluster = await start(['--workers', '1', '--port', String(port)]).running();
  process.kill(Number(cluster.printed(/kill -9 (\d+)/)), 'SIGKILL');
  await cluster.gone();
  expect(cluster.child.exitCode).toBe(1);
});

test('stops while it starts', async () => {
  const cluster = start(['--workers', '2', '--demo']);
  await until(() => cluster.processes().length > 2, { timeoutMs: START_MS, what: 'it to have begun' });
  process.kill(-(cluster.child.pid ?? Number.NaN), 'SIGINT');
  await cluster.gone();
  expect(cluster.child.exitCode).toBe(0);
});

test.for([
  [['--workers', '0'], '--workers must be a whole number from 1 to 50, not "0".'],
  [['--port', 'http'], '--port must be a whole number from 1 to 65535, not "http".'],
  [['--worker', '2'], "Unknown option '--worker'."],
  [['3'], "Unexpected argument '3'."],
] as const)('%j gets a sentence', async ([args, sentence]) => {
  const cluster = start(args);
  await until(() => cluster.child.exitCode !== null, { timeoutMs: 20_000, what: 'it to end' });
  expect(cluster.child.exitCode).toBe(1);
  expect(cluster.output).toContain(sentence);
  expect(cluster.output).toContain('--workers N');
});

test('a port that is taken gets a sentence', async () => {
  const cluster = await start(['--workers', '1', '--port', String(await freePort('0.0.0.0'))]).running();
  const taken = cluster.printed(/load balancer +\S+:(\d+)/);
  const second = start(['--workers', '1', '--port', taken]);
  await until(() => second.child.exitCode !== null, { timeoutMs: START_MS, what: 'it to end' });
  expect(second.output).toContain(`Port ${taken}, given by --port, cannot be used`);
  await second.gone();
});
