/** A server made of a worker's real parts, called without a socket, and a provider to point streams at. */

import type { FastifyInstance, InjectOptions } from 'fastify';
import { onTestFinished } from 'vitest';
import { buildServer } from '../../../services/proxy/src/api/server.ts';
import { type Config, type Environment, loadConfig } from '../../../services/proxy/src/config/config.ts';
import { type OwnFfmpeg, ownFfmpeg } from '../../../services/proxy/src/worker/own-ffmpeg.ts';
import type { Services } from '../../../services/proxy/src/worker/services.ts';
import { createWorker, type Worker } from '../../../services/proxy/src/worker/worker.ts';
import type { SessionRequest } from '../../../services/registry/types.ts';
import { createLogger, type Logger } from '../../../services/shared/log.ts';

export interface TestApi {
  readonly app: FastifyInstance;
  readonly worker: Worker;
  readonly services: Services;
  /** The log's lines so far. */
  readonly logged: string[];
  get(url: string, headers?: Record<string, string>): Promise<Answer>;
  post(url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  del(url: string, headers?: Record<string, string>): Promise<Answer>;
  call(options: InjectOptions): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | number | undefined>;
  readonly text: string;
  /** The body, if it is JSON. */
  readonly body: Json;
}

/** Tests look into whatever came; `expect` judges what it is. */
export interface Json {
  readonly [name: string]: Json;
}

const usual = loadConfig({});
let found: Promise<OwnFfmpeg> | undefined;

/** Asks the usual FFmpeg of this machine once for all tests of a file; each question takes four processes. */
function findFfmpeg(config: Config, log: Logger): Promise<OwnFfmpeg> {
  const isUsual = config.ffmpegPath === usual.ffmpegPath && config.hwAccelType === usual.hwAccelType;
  if (!isUsual) return ownFfmpeg(config, log);
  found ??= ownFfmpeg(config, log);
  return found;
}

/** A worker with its API, gone when the test is over. */
export async function startApi(env: Environment = {}): Promise<TestApi> {
  const logged: string[] = [];
  const log = createLogger('info', {}, { write: (line: string) => void logged.push(line) });
  const config = loadConfig({ ALLOW_PRIVATE_SOURCES: '127.0.0.1', STREAM_RETRY_ATTEMPTS: '0', ...env });
  const worker = await createWorker(config, log, env, findFfmpeg);
  const app = await buildServer(worker.services);
  await app.ready();
  onTestFinished(async () => {
    await worker.drain(0);
    await app.close();
  });
  const call = async (options: InjectOptions): Promise<Answer> => {
    const { statusCode, headers, body } = await app.inject(options);
    const isJson = String(headers['content-type']).includes('json');
    return { status: statusCode, headers, text: body, body: JSON.parse(isJson && body !== '' ? body : '{}') };
  };
  return {
    app,
    worker,
    services: worker.services,
    logged,
    call,
    get: (url, headers = {}) => call({ method: 'GET', url, headers }),
    post: (url, body, headers = {}) =>
      call({ method: 'POST', url, headers, ...(body === undefined ? {} : { payload: body as object }) }),
    del: (url, headers = {}) => call({ method: 'DELETE', url, headers }),
  };
}

/** Counts a viewer in, as playback does; answers when it connected. */
export async function addViewer(
  api: TestApi,
  streamId: string,
  clientId: string,
  session?: SessionRequest,
): Promise<number> {
  const nowMs = Date.now();
  await api.services.registry.join({
    client: {
      streamId,
      workerId: 'test',
      userAgent: 'VLC',
      ipAddress: '192.0.2.7',
      username: undefined,
      connectedAtMs: nowMs,
      lastAccessMs: nowMs,
      bytesServed: 0,
      segmentsServed: 0,
    },
    clientId,
    cap: undefined,
    localSlots: [],
    session,
  });
  return nowMs;
}
