/** The built admin API as a process, with calls that carry its token. */
import { join } from 'node:path';
import { startWorker, type Worker, type WorkerEnv } from './worker.ts';
import { WorkerApi } from './worker-api.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'dist', 'admin-lambda', 'main.js');
const TOKEN = 'test-token';

export interface Admin {
  readonly api: WorkerApi;
  /** Calls without a token. */
  readonly anonymous: WorkerApi;
  readonly process: Worker;
}

/** @param env where Redis is, and what else differs from the defaults */
export async function startAdmin(env: WorkerEnv): Promise<Admin> {
  const settings = { ADMIN_TOKEN: JSON.stringify({ tester: TOKEN }), ...env };
  const process = await startWorker(settings, { main: MAIN });
  return {
    api: new WorkerApi(process.url, { authorization: `Bearer ${TOKEN}` }),
    anonymous: new WorkerApi(process.url),
    process,
  };
}
