/** The HTTP server of a live source: routes requests to channels, counts the account's connections, drives the clock. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seeded } from '../seed.ts';
import { Channel, type Connection } from './channel.ts';
import { type LiveClock, REAL_CLOCK } from './clock.ts';
import { loadLoop } from './loop.ts';
import type {
  Answer,
  ChannelAction,
  ChannelOptions,
  ConnectionLimit,
  ConnectionRecord,
  LiveSourceOptions,
} from './options.ts';

/** Between two slices of what it sends. */
export const TICK_MS = 25;
const DEFAULT_PATH = '/ch1.ts';

/** Connections over all channels. */
export interface AccountStats {
  open: number;
  total: number;
  maxConcurrent: number;
}

export class LiveServer {
  readonly channels: ReadonlyMap<string, Channel>;
  readonly #accountLimit: ConnectionLimit | undefined;
  readonly #clock: LiveClock;
  readonly #host: string;
  #server: Server;
  #port = 0;
  #stopTicking: () => void = () => undefined;
  #nextId = 1;
  #maxConcurrent = 0;

  private constructor(channels: Map<string, Channel>, options: LiveSourceOptions, clock: LiveClock) {
    this.channels = channels;
    this.#clock = clock;
    this.#accountLimit = options.accountLimit;
    this.#host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.#server = this.#newServer();
  }

  static async start(options: LiveSourceOptions, clock: LiveClock = REAL_CLOCK): Promise<LiveServer> {
    const random = seeded(options.seed ?? 1);
    const channels = new Map<string, Channel>();
    for (const [path, own] of Object.entries(options.channels ?? { [DEFAULT_PATH]: {} })) {
      const merged: ChannelOptions = { ...options, ...own };
      channels.set(path, new Channel(await loadLoop(merged.fixture ?? 'plain'), merged, random));
    }
    const server = new LiveServer(channels, options, clock);
    await server.#listen();
    server.#stopTicking = clock.every(options.tickMs ?? TICK_MS, () => server.#tick());
    return server;
  }

  get origin(): string {
    return `http://${this.#host}:${this.#port}`;
  }

  channel(path: string): Channel {
    const channel = this.channels.get(path);
    if (channel === undefined) throw new Error(`no channel ${path} among ${[...this.channels.keys()].join(', ')}`);
    return channel;
  }

  act(path: string, action: ChannelAction): void {
    this.channel(path).act(action, this.#clock.now());
  }

  account(): AccountStats {
    const stats = [...this.channels.values()].map((channel) => channel.stats());
    const sum = (of: 'open' | 'total') => stats.reduce((all, channel) => all + channel[of], 0);
    return { open: sum('open'), total: sum('total'), maxConcurrent: this.#maxConcurrent };
  }

  /** true: the port refuses new TCP connections; open ones continue. */
  async refuseTcp(on: boolean): Promise<void> {
    if (on) this.#server.close();
    else {
      this.#server = this.#newServer();
      await this.#listen();
    }
  }

  async close(): Promise<void> {
    this.#stopTicking();
    for (const channel of this.channels.values()) channel.act({ do: 'cut' }, this.#clock.now());
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, this.#host);
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #newServer(): Server {
    return createServer((request, response) => this.#handle(request, response));
  }

  #tick(): void {
    const nowMs = this.#clock.now();
    for (const channel of this.channels.values()) channel.tick(nowMs);
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const channel = this.channels.get(path);
    const record: ConnectionRecord = {
      id: this.#nextId++,
      path,
      method: request.method ?? 'GET',
      openedAt: Date.now(),
      status: 0,
      bytes: 0,
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
    };
    response.on('error', () => undefined);
    if (channel === undefined) {
      response.writeHead(404).end('no such channel');
      return;
    }
    const overLimit = this.#beyondLimit(channel);
    const answer: Answer =
      overLimit === undefined
        ? channel.takeAnswer()
        : { kind: 'status', status: overLimit, body: 'too many connections' };
    const short = shortReply(request.method === 'HEAD' && answer.kind === 'play' ? { kind: 'empty' } : answer);
    if (short !== undefined) {
      channel.refuse({ ...record, status: short.status });
      response.writeHead(short.status, short.headers).end(short.body);
    } else if (
      answer.kind === 'refuse' ||
      answer.kind === 'reset' ||
      (answer.kind === 'hang' && answer.after === 'request')
    ) {
      channel.refuse(record);
      if (answer.kind === 'refuse') request.socket.destroy();
      if (answer.kind === 'reset') request.socket.resetAndDestroy();
    } else {
      channel.serve(request, response, record, answer);
      this.#maxConcurrent = Math.max(this.#maxConcurrent, this.#openConnections().length);
    }
  }

  /** The status to refuse with; first makes room if the limit says so. */
  #beyondLimit(channel: Channel): number | undefined {
    const counts: [ConnectionLimit | undefined, [Channel, Connection][]][] = [
      [channel.limit, [...channel.connections].map((connection) => [channel, connection])],
      [this.#accountLimit, this.#openConnections()],
    ];
    for (const [limit, open] of counts) {
      if (limit === undefined || open.length < limit.limit) continue;
      if (limit.mode === 'refuse') return limit.status ?? 403;
      const oldest = open.sort(([, a], [, b]) => a.record.id - b.record.id).slice(0, open.length - limit.limit + 1);
      for (const [owner, connection] of oldest) owner.cut(connection, {});
    }
    return undefined;
  }

  #openConnections(): [Channel, Connection][] {
    return [...this.channels.values()].flatMap((channel) =>
      [...channel.connections].map((connection): [Channel, Connection] => [channel, connection]),
    );
  }
}

/** The whole response, for answers that are not a stream. */
function shortReply(answer: Answer): { status: number; headers: Record<string, string>; body: string } | undefined {
  switch (answer.kind) {
    case 'status':
      return { status: answer.status, headers: {}, body: answer.body ?? `status ${answer.status}` };
    case 'html': {
      const body = '<!DOCTYPE html><html><body>Your subscription has expired.</body></html>';
      return { status: 200, headers: { 'content-type': 'text/html' }, body };
    }
    case 'empty':
      return { status: 200, headers: { 'content-type': 'video/mp2t' }, body: '' };
    case 'redirect':
      return { status: answer.status ?? 302, headers: { location: answer.to }, body: '' };
    default:
      return undefined;
  }
}
