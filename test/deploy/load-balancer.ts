/** HAProxy in the place of the ALB: the configuration of the local cluster, with members that come and go through its socket. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { haproxyConfig } from '../../scripts/load-balancer.mjs';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

/** In answers to viewers: the member that gave it. */
export const SERVED_BY = 'x-served-by';
const BACKEND = 'workers';
/** Debian has it in a folder that is not in everybody's PATH. */
const DEBIAN_HAPROXY = '/usr/sbin/haproxy';
/** Of `show stat`. */
const SESSIONS = 'scur';
const CHECK = 'check_status';

/** Balancers still running, to be ended with this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class LoadBalancer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  static async start(): Promise<LoadBalancer> {
    const folder = await mkdtemp(join(tmpdir(), 'streampool-balancer-'));
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    const admin = `global\n  stats socket ${socketIn(folder)} level admin\n\n`;
    const served = `  http-response set-header ${SERVED_BY} %s\n`;
    await writeFile(file, admin + haproxyConfig({ host: '127.0.0.1', port, workers: [] }) + served);
    const program = existsSync(DEBIAN_HAPROXY) ? DEBIAN_HAPROXY : 'haproxy';
    const child = spawn(program, ['-q', '-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    const balancer = new LoadBalancer(`http://127.0.0.1:${port}`, child, folder);
    await until(() => balancer.#order('show info').catch(() => ''), { what: 'HAProxy to answer' });
    return balancer;
  }

  /** Registers a target; it gets viewers once it is healthy. */
  async add(name: string, host: string, port: string): Promise<void> {
    const server = `${BACKEND}/${name}`;
    // Members that are added at run time do not inherit the defaults: the same as in the configuration.
    await this.#order(`add server ${server} ${host}:${port} check inter 500ms fall 2 rise 1`);
    await this.#order(`enable health ${server}`);
    await this.#order(`enable server ${server}`);
  }

  async isHealthy(name: string): Promise<boolean> {
    return (await this.#stat(name)).get(CHECK) === 'L7OK';
  }

  /** Viewers of that member. */
  async sessions(name: string): Promise<number> {
    return Number((await this.#stat(name)).get(SESSIONS) ?? 0);
  }

  /** Deregisters a target: no new viewers, those it has stay. */
  async drain(name: string): Promise<void> {
    await this.#order(`set server ${BACKEND}/${name} state drain`);
  }

  /** Takes out what has ended. */
  async remove(name: string): Promise<void> {
    await this.#order(`set server ${BACKEND}/${name} state maint`);
    await until(async () => (await this.#order(`del server ${BACKEND}/${name}`)).includes('deleted'), {
      what: `HAProxy to forget ${name}`,
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #stat(name: string): Promise<Map<string, string>> {
    const [heading = '', ...lines] = (await this.#order('show stat')).split('\n');
    const columns = heading.replace(/^# /, '').split(',');
    const values = lines
      .map((line) => line.split(','))
      .find(([backend, server]) => backend === BACKEND && server === name);
    return new Map(columns.map((column, at) => [column, values?.[at] ?? '']));
  }

  /** One command, as `socat` would send it. */
  async #order(command: string): Promise<string> {
    const socket = connect(socketIn(this.#folder));
    socket.write(`${command}\n`);
    let answer = '';
    for await (const text of socket.setEncoding('utf8')) answer += text;
    return answer.trim();
  }
}

function socketIn(folder: string): string {
  return join(folder, 'admin.sock');
}
