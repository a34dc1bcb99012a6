/** The health check of a worker, as a container runtime runs it. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SCRIPT = join(import.meta.dirname, '..', '..', 'services', 'proxy', 'probe.sh');

export interface ProbeTarget {
  /** Undefined: the probe finds the worker itself. */
  readonly pid?: number;
  /** The worker's URL. */
  readonly url: string;
  /** What to put before the command, such as `nsenter -t PID …`. */
  readonly prefix?: readonly string[];
  /** A folder of programs that the probe finds before all others. */
  readonly programs?: string;
}

export interface ProbeAnswer {
  readonly code: number;
  readonly said: string;
}

/** A probe with a file of failures of its own. */
export class Probe {
  readonly #target: ProbeTarget;
  readonly #folder: string;

  private constructor(target: ProbeTarget, folder: string) {
    this.#target = target;
    this.#folder = folder;
  }

  static async of(target: ProbeTarget): Promise<Probe> {
    return new Probe(target, await mkdtemp(join(tmpdir(), 'streampool-probe-')));
  }

  /** The same counter for another worker. */
  for(target: ProbeTarget): Probe {
    return new Probe(target, this.#folder);
  }

  /** Runs it once. */
  run(): Promise<ProbeAnswer> {
    const { pid, url, prefix = [], programs } = this.#target;
    const { hostname, port } = new URL(url);
    const [command = '', ...args] = [...prefix, SCRIPT, ...(pid === undefined ? [] : [String(pid)])];
    const path = programs === undefined ? process.env.PATH : `${programs}:${process.env.PATH}`;
    // A proxy for the world must not be asked about this machine.
    const proxy = { http_proxy: 'http://127.0.0.1:9' };
    const env = { PATH: path, HOST: hostname, PORT: port, RUNTIME_DIRECTORY: this.#folder, ...proxy };
    return new Promise((resolve, reject) => {
      execFile(command, args, { env }, (error, stdout, stderr) => {
        const said = stdout + stderr;
        if (error === null) resolve({ code: 0, said });
        else if (typeof error.code === 'number') resolve({ code: error.code, said });
        else reject(error);
      });
    });
  }

  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
