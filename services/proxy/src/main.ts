/** Start-up and shutdown of a worker: settings in, an HTTP server out; SIGTERM drains it, a second signal ends it. On ECS it also ends when it was told to drain and nobody needs it. */

import { setFlagsFromString } from 'node:v8';
import { createLogger, lastLines } from '../../shared/log.ts';
import { textFor } from '../../shared/log-text.ts';
import { maskText } from '../../shared/masking/mask.ts';
import { buildServer } from './api/server.ts';
import { ConfigError, ignoredSettings, loadConfig, secretsIn } from './config/config.ts';
import { openApiWarning } from './config/no-token-warning.ts';
import { unmeasuredWarning } from './config/unmeasured-warning.ts';
import { StreampoolError } from './errors.ts';
import { limitStart, START_LIMIT_MS } from './worker/start.ts';
import { createWorker, type Worker } from './worker/worker.ts';

/**
 * Media that arrives lies outside the heap, and V8 counts it towards the heap's limit: with few objects to go by, it would look
 * through all of them once a second, which cost a third of the worker's CPU. Now that limit is twice the live heap, about 35 MB more.
 */
setFlagsFromString('--heap-growing-percent=100');

/**
 * What is not handed over loses the media that is on its way, so a short DRAIN_TIMEOUT does not end handovers. Docker kills a
 * container ten seconds after it was told to stop.
 */
const HANDOVERS_MS = 8_000;

async function main(): Promise<void> {
  const config = loadConfig(process.env);
  let worker: Worker | undefined;
  const log = createLogger(config.logLevel, { worker: config.workerId }, undefined, {
    secrets: secretsIn(config),
    aboutStream: (id) => worker?.aboutStream(id),
    anonymize: config.logAnonymize,
    asText: textFor(config.logFormat, process.stdout, config.redisEnabled),
  });
  for (const line of ignoredSettings(process.env)) log.info(line);
  const open = openApiWarning(config);
  if (open !== undefined) log.warn(open);
  const unmeasured = unmeasuredWarning(config);
  if (unmeasured !== undefined) log.warn(unmeasured);
  let stopping = false;
  let waitsFor = (): string | undefined => 'It has not come so far as to listen; what it has logged last says how far.';
  limitStart(
    () => (stopping ? undefined : waitsFor()),
    (why) => {
      log.fatal(`This worker is not ready ${START_LIMIT_MS / 60_000} minutes after its start, so it ends. ${why}`);
      process.exit(1);
    },
  );
  worker = await createWorker(config, log);
  const { services, drain, onDrained } = worker;
  const server = await buildServer(services);

  const end = (drainMs: number, handoversMs: number, signal?: NodeJS.Signals): void => {
    stopping = true;
    void drain(drainMs, handoversMs, signal)
      .then(() => server.close())
      .then(() => log.info('stopped'))
      .then(() => lastLines(log))
      .then(() => process.exit(0));
  };
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    const drainMs = signal === 'SIGTERM' ? config.drainTimeoutMs : 0;
    end(drainMs, signal === 'SIGTERM' ? HANDOVERS_MS : 0, signal);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  onDrained(() => {
    if (!stopping) end(0, 0);
  });

  const address = await server.listen({ host: config.host, port: config.port });
  waitsFor = services.startWaitsFor;
  log.info({ address }, 'listening');
  if (process.send === undefined) return;
  // What `npm start` and `npm run cluster` print. A request would be a line in the log, and another program may have the port.
  const streams = await services.registry.streams().catch(() => undefined);
  // Without Redis there may be more of them than this worker knows.
  const known = services.registry.knowsAll ? streams?.length : undefined;
  process.send({ listening: address, hasConsole: config.console, streams: known });
}

/** What a program can do about a port that another one has. */
function portInUse(error: unknown): string | undefined {
  const { code, port } = error as { code?: unknown; port?: unknown };
  if (code !== 'EADDRINUSE') return undefined;
  return `Port ${port} is in use by another program. End that one, or set PORT (RELAY_PORT for the relay) to a free port.`;
}

main().catch((error: unknown) => {
  const known = error instanceof ConfigError || error instanceof StreampoolError;
  const text = known ? error.message : (portInUse(error) ?? String((error as Error)?.stack ?? error));
  // What is wrong with a setting names no secret.
  process.stderr.write(`${error instanceof ConfigError ? text : maskText(text)}\n`);
  process.exit(1);
});
