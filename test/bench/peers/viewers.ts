/** The one client that drives all servers, and the floor beside which it is measured: in C, or in Node without a compiler. */
import { stat } from 'node:fs/promises';
import { wakeIntervalMs } from '../../../services/proxy/src/feed/feed.ts';
import { fixture } from '../../support/fixtures.ts';
import type { CrowdOrder, CrowdReport } from '../crowd.ts';
import type { FloorOrder } from '../floor.ts';
import { type Remote, startRemote } from '../remote.ts';
import { compiler, type Native, startNative } from './native/native.ts';

/** About 4 Mbit/s. */
export const STREAM = 'heavy';

/** What viewers saw since they were marked. */
export type Seen = Pick<CrowdReport, 'seconds' | 'bytes' | 'longestGapMs' | 'lost' | 'cpuSeconds'>;

export interface Viewers {
  /** So many more; they have got their first bytes then. */
  open(url: string, count: number): Promise<void>;
  mark(): Promise<void>;
  report(): Promise<Seen>;
  end(): Promise<void>;
}

export interface Floor {
  readonly pid: number;
  readonly url: string;
  /** It writes as seldom as a worker does that has so many viewers. */
  serve(viewers: number): void;
  end(): Promise<void>;
}

/** What both are written in. */
export function writtenIn(): string {
  const c = compiler();
  return c === undefined ? `Node ${process.version}, as there is no C compiler` : `C (${c})`;
}

export function startViewers(): Viewers {
  return compiler() === undefined ? nodeViewers(startRemote('crowd.ts')) : nativeViewers(startNative('viewers'));
}

function nativeViewers(program: Native): Viewers {
  const ask = async (order: string): Promise<Seen & { error?: string }> => {
    const answer = JSON.parse(await program.ask(order)) as Seen & { error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
  return {
    async open(url, count) {
      const { port, pathname, search } = new URL(url);
      await ask(`open ${port === '' ? 80 : port} ${pathname}${search} ${count}`);
    },
    mark: async () => void (await ask('mark')),
    report: () => ask('report'),
    end: () => program.end(),
  };
}

function nodeViewers(crowd: Remote): Viewers {
  return {
    open: (url, count) => crowd.call('open', { url, count, judged: 0 } satisfies CrowdOrder),
    mark: () => crowd.call('mark'),
    report: () => crowd.call<CrowdReport>('report'),
    end: () => crowd.end(),
  };
}

/** Of the stream that all servers play. */
export async function bytesPerSecond(): Promise<number> {
  const { path, loopTicks } = await fixture(STREAM);
  return (await stat(path)).size / (loopTicks / 90_000);
}

/** @param viewers how many it will have at first */
export async function startFloor(viewers: number): Promise<Floor> {
  const { path } = await fixture(STREAM);
  const rate = await bytesPerSecond();
  const intervalMs = wakeIntervalMs(viewers);
  if (compiler() === undefined) {
    const server = startRemote('floor.ts');
    const order: FloorOrder = { kind: 'socket', file: path, bytesPerSecond: rate, intervalMs };
    const url = await server.call<string>('start', order);
    return { pid: server.pid, url, serve: () => undefined, end: () => server.end() };
  }
  const server = startNative('floor', [path, String(rate), String(intervalMs)]);
  const port = await server.ask();
  return {
    pid: server.pid,
    url: `http://127.0.0.1:${port}/`,
    serve: (count) => server.tell(String(wakeIntervalMs(count))),
    end: () => server.end(),
  };
}
