/**
 * The probe ends a worker that hangs, and nothing else. In a container it must not signal the first process: the last tests
 * run a real worker below tini in a PID namespace of its own, as ECS (with two of them) and Docker do.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { whyNoPidNamespace } from '../support/pid-namespace.ts';
import { Probe } from '../support/probe.ts';
import { allProcesses, processInfo } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { startWorker, type Worker } from '../support/worker.ts';

const LIVES = { code: 0, said: '' };
const HANGS = 'The worker did not answer /livez 4 times in a row. It hangs, and the probe ends it.\n';
const STARTS = 'The worker has not answered yet.\n';

/** A process that is no worker, in the place of one that does nothing. */
function bystander(): { pid: number; ended: () => boolean } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: child.pid ?? 0, ended: () => child.signalCode !== null };
}

/** What answers /livez on a port that it can give up and take again. */
async function answering(): Promise<{ url: string; hush: () => Promise<void>; speak: () => Promise<void> }> {
  let server: Server | undefined;
  let port = 0;
  const speak = async () => {
    server = createServer((request, response) => response.writeHead(request.url === '/livez' ? 200 : 404).end());
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  };
  const hush = async () => {
    const closed = server?.listening ? once(server, 'close') : undefined;
    server?.close();
    await closed;
  };
  await speak();
  onTestFinished(hush);
  return { url: `http://127.0.0.1:${port}`, hush, speak };
}

async function probeOf(target: Parameters<typeof Probe.of>[0]): Promise<Probe> {
  const probe = await Probe.of(target);
  onTestFinished(() => probe.close());
  return probe;
}

describe('the probe', () => {
  it('ends a worker at its fourth failure in a row, and not when there was an answer in between', async () => {
    const server = await answering();
    const worker = bystander();
    const probe = await probeOf({ pid: worker.pid, url: server.url });
    expect(await probe.run()).toEqual(LIVES);
    for (const failures of [3, 3]) {
      await server.hush();
      for (let n = 0; n < failures; n++) expect((await probe.run()).code).toBe(1);
      await server.speak();
      expect(await probe.run()).toEqual(LIVES);
    }
    await server.hush();
    for (let n = 0; n < 3; n++) await probe.run();
    expect(worker.ended()).toBe(false);
    expect(await probe.run()).toEqual({ code: 1, said: expect.stringContaining(HANGS) });
    await until(worker.ended, { what: 'the worker to be ended' });
  });

  it('gives a worker that starts its time, and counts nothing of the one before it', async () => {
    const server = await answering();
    const [before, after] = [bystander(), bystander()];
    const probe = await probeOf({ pid: before.pid, url: server.url });
    await probe.run();
    await server.hush();
    for (let n = 0; n < 3; n++) await probe.run();
    const next = probe.for({ pid: after.pid, url: server.url });
    for (let n = 0; n < 6; n++) {
      expect(await next.run()).toEqual({ code: 1, said: expect.stringContaining(STARTS) });
    }
    expect([before.ended(), after.ended()]).toEqual([false, false]);
  });

  it('ends one that has never answered, five minutes after its start', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'streampool-programs-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    // So old is no process of a test.
    await writeFile(join(folder, 'ps'), '#!/bin/sh\necho 300\n');
    await chmod(join(folder, 'ps'), 0o755);
    const server = await answering();
    await server.hush();
    const worker = bystander();
    const probe = await probeOf({ pid: worker.pid, url: server.url, programs: folder });
    for (let n = 0; n < 3; n++) expect((await probe.run()).said).not.toContain(STARTS);
    expect(worker.ended()).toBe(false);
    await probe.run();
    await until(worker.ended, { what: 'the worker to be ended' });
  });

  it('says so when there is no such process', async () => {
    const server = await answering();
    const none = await probeOf({ pid: 0, url: server.url });
    expect(await none.run()).toEqual({ code: 1, said: 'No worker runs here.\n' });
  });
});

const excuse = whyNoPidNamespace();
describe.skipIf(excuse !== undefined).concurrent(`in a container${excuse === undefined ? '' : `: ${excuse}`}`, () => {
  const ONE_INIT = ['tini', '-s', '--'];
  /** The log of a container is a pipe; that of a child of Node is a socket, into which nobody else can write. */
  const INTO_A_PIPE = ['bash', '-c', 'exec "$@" > >(cat)', 'bash'];

  type Later = (stop: () => Promise<void>) => void;

  /** The worker, below these inits; the first process of its container and its Node, as this machine sees them. */
  async function contained(
    inits: readonly string[],
    later: Later,
  ): Promise<{ worker: Worker; init: number; node: number }> {
    const folder = await mkdtemp(join(tmpdir(), 'streampool-hang-'));
    later(() => rm(folder, { recursive: true }));
    const hang = join(folder, 'hang.cjs');
    await writeFile(hang, "process.on('SIGUSR2', () => { for (;;); });\n");
    const namespace = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const prefix = [...INTO_A_PIPE, ...namespace, ...inits];
    const worker = await startWorker({}, { prefix, nodeArgs: ['--require', hang] });
    later(async () => void (await worker.stop('SIGKILL')));
    const session = allProcesses().filter((each) => each.session === worker.pid);
    const init = session.find(({ args, ppid }) => args[0] === 'tini' && ppid === worker.pid);
    const node = session.find(({ args }) => args[0]?.endsWith('node') && args.at(-1)?.endsWith('/main.js'));
    if (init === undefined || node === undefined) throw new Error(`not in a container: ${JSON.stringify(session)}`);
    return { worker, init: init.pid, node: node.pid };
  }

  it.for([
    ['stands still, below one init', 'SIGSTOP', ONE_INIT],
    ['is in an endless loop, below the two inits of ECS', 'SIGUSR2', [...ONE_INIT, ...ONE_INIT]],
  ] as const)(
    'a worker that %s is ended, and the container with it',
    async ([, signal, inits], { onTestFinished: later }) => {
      const { worker, init, node } = await contained(inits, later);
      const inside = ['nsenter', '--target', String(init), '--pid', '--mount'];
      const probe = await Probe.of({ url: worker.url, prefix: inside });
      later(() => probe.close());
      expect(await probe.run()).toEqual(LIVES);
      process.kill(node, signal);
      await until(() => processInfo(node)?.state === (signal === 'SIGSTOP' ? 'T' : 'R'), {
        what: 'the worker to hang',
      });
      // What one would try first has no effect: from inside on the first process, and gently on the worker.
      const shell = spawn('nsenter', [...inside.slice(1), 'sh', '-c', 'kill -KILL 1; kill -TERM 1'], {
        stdio: 'ignore',
      });
      await once(shell, 'exit');
      for (let n = 0; n < 3; n++) expect((await probe.run()).code).toBe(1);
      expect([processInfo(init)?.state, processInfo(node) !== undefined]).toEqual(['S', true]);
      // Whether it can still say so itself is a race: it ends with the container.
      await probe.run().catch((error: unknown) => expect(error).toMatchObject({ signal: 'SIGKILL' }));
      // tini's answer for a child that SIGKILL has ended.
      expect(await worker.exited).toEqual({ code: 137, signal: null });
      expect(worker.logs.at(-1)).toMatchObject({ level: 'error', msg: HANGS.trim() });
    },
  );
});
