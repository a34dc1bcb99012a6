/** The local stack as `docker compose` runs it, and what one asks it from outside. */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { record } from '../../support/recorder.ts';
import { until } from '../../support/until.ts';
import { command } from './command.ts';
import type { Docker } from './docker.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
/** What local/make-env writes into .env; the rest comes from .env.example. */
export const API_TOKEN = randomBytes(24).toString('hex');
export const ADMIN_TOKEN = randomBytes(24).toString('hex');

/** Images are built in it. */
const UP_MS = 900_000;
/** A worker that is stopped may serve its viewers this long; the default is 110. */
export const DRAIN_SECONDS = 6;

export interface Container {
  readonly id: string;
  /** In the network that workers and Redis share. */
  readonly address: string;
  readonly running: boolean;
  readonly exitCode: number;
}

export interface StackWorker {
  readonly worker_id: string;
  readonly clients: number;
  readonly processes: number;
  readonly draining: boolean;
  readonly container: Container;
}

interface Inspected {
  readonly Id: string;
  readonly State: { readonly Running: boolean; readonly ExitCode: number };
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string } | undefined>> };
}

export class Stack {
  /** Of the load balancer. */
  readonly url: string;
  readonly prometheusUrl: string;
  readonly #docker: Docker;
  readonly #project = `streampool-test-${process.pid}`;
  readonly #env: NodeJS.ProcessEnv;

  private constructor(docker: Docker, httpPort: number, prometheusPort: number) {
    this.#docker = docker;
    this.url = `http://localhost:${httpPort}`;
    this.prometheusUrl = `http://localhost:${prometheusPort}`;
    this.#env = {
      ...docker.env,
      API_TOKEN,
      ADMIN_TOKEN,
      HTTP_PORT: String(httpPort),
      PROMETHEUS_PORT: String(prometheusPort),
      DRAIN_TIMEOUT: String(DRAIN_SECONDS),
    };
  }

  static async create(docker: Docker): Promise<Stack> {
    return new Stack(docker, await freePort(), await freePort());
  }

  /** Runs `docker compose`. */
  compose(args: readonly string[], timeoutMs?: number): Promise<string> {
    const which = ['compose', '--project-name', this.#project, '--env-file', '.env.example'];
    return command(this.#docker.client, [...which, ...args], { cwd: ROOT, env: this.#env, timeoutMs });
  }

  docker(args: readonly string[]): Promise<string> {
    return command(this.#docker.client, args, { env: this.#env, timeoutMs: 150_000 });
  }

  /** Builds what is to be built and starts everything; more arguments go to `up`. */
  async up(...args: string[]): Promise<void> {
    await this.compose(['up', '--detach', '--build', ...args], UP_MS);
  }

  /** Nothing of it is left: containers, networks, volumes, its own images. */
  async down(): Promise<void> {
    await this.compose([
      '--profile',
      'monitoring',
      'down',
      '--volumes',
      '--rmi',
      'local',
      '--timeout',
      '20',
      '--remove-orphans',
    ]);
  }

  /** What the containers of a service have written to stdout. */
  async logs(service: string): Promise<string> {
    const containers = await this.containers(service);
    return (await Promise.all(containers.map(({ id }) => this.docker(['logs', id])))).join('');
  }

  /** Runs a program in a container of a service. */
  exec(service: string, ...program: string[]): Promise<string> {
    return this.compose(['exec', '-T', service, ...program]);
  }

  /** Of a service, also those that have ended. */
  async containers(service: string): Promise<Container[]> {
    const ids = (await this.compose(['ps', '--all', '--quiet', service])).split('\n').filter((id) => id !== '');
    if (ids.length === 0) return [];
    const inspected = JSON.parse(await this.docker(['inspect', ...ids])) as Inspected[];
    return inspected.map(({ Id, State, NetworkSettings }) => ({
      id: Id,
      address: NetworkSettings.Networks[`${this.#project}_cluster`]?.IPAddress ?? '',
      running: State.Running,
      exitCode: State.ExitCode,
    }));
  }

  /** The workers that the cluster knows, each with its container. */
  async workers(): Promise<StackWorker[]> {
    const containers = await this.containers('worker');
    const { workers } = (await this.api('/workers')) as { workers: (StackWorker & { address: string })[] };
    return workers.map((worker) => {
      const container = containers.find(({ address }) => worker.address.startsWith(`${address}:`));
      if (container === undefined) throw new Error(`no container has ${worker.address}`);
      return { ...worker, container };
    });
  }

  /** Waits until workers are as they should be. */
  async workersWhen(what: string, isRight: (workers: StackWorker[]) => boolean, timeoutMs = 20_000) {
    let seen = '';
    return until(
      async () => {
        const workers = await this.workers().catch((error: unknown) => String(error));
        seen = JSON.stringify(workers);
        return typeof workers !== 'string' && isRight(workers) && workers;
      },
      { timeoutMs, everyMs: 200, what: () => `${what}; there is ${seen}` },
    );
  }

  /** GET of the workers' API, through the load balancer. */
  async api(path: string): Promise<unknown> {
    const response = await fetch(this.url + path, { headers: { 'X-API-Token': API_TOKEN } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** The admin API, through the load balancer. */
  async admin(method: 'GET' | 'POST', path: string): Promise<Record<string, unknown>> {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    const response = await fetch(`${this.url}/admin${path}`, { method, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  }

  /** Of an answer that may have no end. On a connection of its own: one that is kept is closed with its worker, without a word. */
  async status(path: string): Promise<number> {
    return (await record(this.url + path, { untilBytes: 1 })).status;
  }
}
