/** The command against the real API of a worker, in one process: what it writes, and how it ends. */

import type { AddressInfo } from 'node:net';
import type { Output } from '../../../services/cli/src/output.ts';
import { run, type Surroundings } from '../../../services/cli/src/program.ts';
import type { Environment } from '../../../services/proxy/src/config/config.ts';
import { startApi, type TestApi } from '../api/support.ts';

export interface Ended {
  readonly code: number;
  /** What goes into a pipe. */
  readonly said: string;
  readonly noted: string;
}

/** Keeps what is written. */
export class KeptOutput implements Output {
  readonly isTerminal: boolean;
  readonly colors = false;
  said = '';
  noted = '';

  constructor(isTerminal = false) {
    this.isTerminal = isTerminal;
  }

  size() {
    return { columns: 60, rows: 10 };
  }

  write(text: string): void {
    this.said += text;
  }

  note(text: string): void {
    this.noted += text;
  }
}

/** Runs the command to its end. */
export async function command(
  args: readonly string[],
  env: Environment = {},
  more: Partial<Surroundings> = {},
): Promise<Ended> {
  const out = new KeptOutput();
  const startWorker = async () => undefined;
  const code = await run(args, { env, out, startWorker, ...more });
  return { code, said: out.said, noted: out.noted };
}

/** A worker that listens. */
export async function listeningApi(env: Environment = {}): Promise<TestApi & { readonly url: string }> {
  const api = await startApi(env);
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.app.server.address() as AddressInfo;
  return { ...api, url: `http://127.0.0.1:${port}` };
}
