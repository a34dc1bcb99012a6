/** A provider for tests: an endless real-time MPEG-TS over HTTP. It counts its connections and misbehaves on demand. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LiveClock } from './live/clock.ts';
import { ChannelControl, type ChannelLink } from './live/control.ts';
import type { ChannelStats, LiveSourceOptions } from './live/options.ts';
import { type AccountStats, LiveServer } from './live/server.ts';

export { ChannelControl } from './live/control.ts';
export type * from './live/options.ts';
export type { AccountStats } from './live/server.ts';

/** What a source can do in addition to its channels. */
export interface SourceLink extends ChannelLink {
  account(): Promise<AccountStats>;
  refuseTcp(on: boolean): Promise<void>;
  close(): Promise<void>;
}

/** A running source. Its own commands (`jump`, `stats`, …) apply to its first channel. */
export class LiveSource extends ChannelControl {
  readonly origin: string;
  readonly paths: readonly string[];
  readonly #source: SourceLink;

  constructor(origin: string, paths: readonly string[], link: SourceLink) {
    super(origin, paths[0] ?? '/', link);
    this.origin = origin;
    this.paths = paths;
    this.#source = link;
  }

  channel(path: string): ChannelControl {
    return new ChannelControl(this.origin, path, this.#source);
  }

  /** Connections over all channels. */
  account(): Promise<AccountStats> {
    return this.#source.account();
  }

  /** true: refuses new TCP connections (ECONNREFUSED); open ones continue. */
  refuseTcp(on: boolean): Promise<void> {
    return this.#source.refuseTcp(on);
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/**
 * Starts a source in this process.
 *
 * @param clock default: this process's own
 * @example
 * const source = await startLiveSource({ fixture: 'bframes', burstSeconds: 2 });
 * await source.jump(-4);
 * expect((await source.stats()).total).toBe(1);
 */
export async function startLiveSource(options: LiveSourceOptions = {}, clock?: LiveClock): Promise<LiveSource> {
  const server = await LiveServer.start(options, clock);
  return new LiveSource(server.origin, [...server.channels.keys()], linkTo(server));
}

/** The commands of a server in this process. */
export function linkTo(server: LiveServer): SourceLink {
  return {
    act: async (path, action) => server.act(path, action),
    stats: async (path) => structuredClone(server.channel(path).stats()),
    account: async () => server.account(),
    refuseTcp: (on) => server.refuseTcp(on),
    close: () => server.close(),
  };
}

/** A command to the child, with the id of its answer. */
export interface Order {
  id: number;
  method: keyof SourceLink;
  args: unknown[];
}
export type Reply = { id: number; value?: unknown; error?: string };

/** The same source in a process of its own, for tests whose clients need this event loop. */
export async function startLiveSourceProcess(options: LiveSourceOptions = {}): Promise<LiveSource> {
  const child = fork(join(import.meta.dirname, 'live', 'child.ts'), [JSON.stringify(options)], {
    cwd: join(import.meta.dirname, '..', '..'),
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  child.on('message', (reply: Reply) => waiting.get(reply.id)?.(reply));
  child.once('exit', () => {
    for (const [id, answer] of waiting) answer({ id, error: 'the source process has exited' });
  });
  let nextId = 0;
  const order = async (method: Order['method'] | 'started', args: unknown[]): Promise<unknown> => {
    const id = nextId++;
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      if (method !== 'started') child.send({ id, method, args } satisfies Order);
    });
    waiting.delete(id);
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.value;
  };
  const started = (await order('started', [])) as { origin: string; paths: string[] };
  return new LiveSource(started.origin, started.paths, {
    act: async (path, action) => void (await order('act', [path, action])),
    stats: async (path) => (await order('stats', [path])) as ChannelStats,
    account: async () => (await order('account', [])) as AccountStats,
    refuseTcp: async (on) => void (await order('refuseTcp', [on])),
    close: () => end(child),
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
