/** Real HTTP servers for the upstream tests: what a provider might do, and a count of who is connected. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { type Config, loadConfig } from '../../../services/proxy/src/config/config.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import { EgressGuard } from '../../../services/proxy/src/upstream/egress/egress-guard.ts';
import { askFailoverResolver } from '../../../services/proxy/src/upstream/failover/failover-resolver.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { failoverGroups } from '../../support/failover-groups.ts';

export interface TestServer {
  readonly origin: string;
  readonly port: number;
  readonly server: Server;
  readonly requests: IncomingMessage[];
  /** Connections open now. */
  open(): number;
}

/** `ALLOW_PRIVATE_SOURCES` as the worker reads it. */
export function egressPolicy(text: string | undefined, onEcs = false): Config['allowPrivateSources'] {
  const ecs = onEcs ? { ECS_CONTAINER_METADATA_URI_V4: 'http://169.254.170.2/v4/x' } : {};
  return loadConfig({ ...ecs, ALLOW_PRIVATE_SOURCES: text }).allowPrivateSources;
}

/** A server on a free port of this machine; gone when the test is over. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  let open = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.on('connection', (socket) => {
    open += 1;
    socket.on('error', () => undefined);
    socket.once('close', () => {
      open -= 1;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, server, requests, open: () => open };
}

/** A TCP server that does what it is told with each connection, when it has been sent something. */
export async function rawServer(onData: (socket: Socket, request: string) => void): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => onData(socket, data.toString('latin1')));
    onTestFinished(() => void socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Allows loopback, as a test has to. */
export function openGuard(): EgressGuard {
  return new EgressGuard(egressPolicy('true'));
}

/** Waits until something is so; fails after two seconds. */
export async function eventually(what: () => boolean, timeoutMs = 2000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!what()) {
    if (performance.now() > endMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(5);
  }
}

/** `count` whole MPEG-TS packets; each carries its number, so that a lost or doubled one shows. */
export function packets(count: number, from = 0): Buffer {
  const result = Buffer.alloc(count * 188, 0xff);
  for (let index = 0; index < count; index += 1) {
    const at = index * 188;
    result.writeUInt32BE(0x47010010 | ((from + index) & 0x0f), at);
    result.writeUInt32BE(from + index, at + 4);
  }
  return result;
}

/** The numbers of the packets in bytes that `packets` made; throws where a packet does not begin with a sync byte. */
export function packetNumbers(bytes: Buffer): number[] {
  const numbers: number[] = [];
  for (let at = 0; at + 188 <= bytes.length; at += 188) {
    if (bytes[at] !== 0x47) throw new Error(`no sync byte at ${at}`);
    numbers.push(bytes.readUInt32BE(at + 4));
  }
  return numbers;
}

/** Sends packets without end, `perTick` every 10 ms, numbered from `from`. */
export function streamPackets(response: ServerResponse, from = 0, perTick = 10): { stop(): void; next(): number } {
  let next = from;
  const timer = setInterval(() => {
    response.write(packets(perTick, next));
    next += perTick;
  }, 10);
  const stop = (): void => clearInterval(timer);
  response.once('close', stop);
  return { stop, next: () => next };
}

/** What the log says of a move to another source. */
export interface LoggedFailover {
  readonly reason: string;
  readonly from: string;
  readonly to: string;
  readonly index: number;
}

/** A stream's source, as a worker makes it, with its failover state in a registry of its own. */
export async function streamSource(
  spec: Partial<StreamSpec> & { url: string },
  guard: EgressGuard,
): Promise<{ source: StreamSource; failovers: LoggedFailover[] }> {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const failovers: LoggedFailover[] = [];
  const answer = await registry.createStream(
    {
      id: 'stream',
      failoverUrls: [],
      failoverResolverUrl: undefined,
      userAgent: 'Tester/1',
      headers: {},
      metadata: {},
      profile: undefined,
      ...spec,
    },
    0,
  );
  if (answer === 'full') throw new Error('a registry without a limit is never full');
  const groupOf = failoverGroups({
    registry,
    askResolver: (question) => askFailoverResolver(question, { guard, userAgent: 'Tester/1', clock: systemClock }),
    log: { info: () => undefined, warn: (fields: unknown) => void failovers.push(fields as LoggedFailover) },
  });
  return { source: new StreamSource(answer.stream, groupOf), failovers };
}
