/** What the soak plays on: three places for workers whose relays can be cut, one Redis, sources, and streams over them. */
import type { TestCluster } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import type { LiveSource } from '../support/live-source.ts';
import { COPY, lightAt, type Stage } from '../support/stage.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';
import type { TranscodeBody } from '../support/worker-api.ts';

/** `stopped`: by a signal; `ending`: it takes no viewers any more; `down`: there is no process. */
export type PlaceState = 'up' | 'stopped' | 'ending' | 'down';

/** A worker's name and address, which its successors under that name inherit. */
export interface WorkerPlace {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  worker: Worker;
  /** Between the others and its relay; none while there is nobody, so that the address refuses. */
  proxy: TcpProxy | undefined;
  state: PlaceState;
}

export interface SoakStream {
  readonly id: string;
  readonly body: TranscodeBody;
  /** How many of the viewers watch it, by proportion. */
  readonly weight: number;
  /** What only its FFmpegs have among their arguments. */
  readonly mark: string;
  readonly copies: boolean;
}

export const CAP = 4;
export const DRAIN_S = 4;
const ENV: WorkerEnv = {
  MAX_CLIENTS_PER_SHARED_STREAM: String(CAP),
  DRAIN_TIMEOUT: String(DRAIN_S),
  // More than an FFmpeg needs for its first picture when a busy machine starts all of them at once.
  STREAM_TIMEOUT: '6',
  // A source that refuses for some seconds does not end a stream.
  STREAM_RETRY_ATTEMPTS: '10',
  API_RATE_LIMIT: '0',
  // A request to a worker that stops at that moment may take 10 s.
  CLIENT_TIMEOUT: '15',
  LOG_LEVEL: 'debug',
};
const SOURCE_PATHS = ['/plain.ts', '/bframes.ts', '/mp2.ts', '/spare.ts'] as const;
/** More than a run can ask for. */
const FAILOVERS = 100;
const START_TRIES = 5;

export class Ground {
  readonly cluster: TestCluster;
  readonly source: LiveSource;
  readonly places: WorkerPlace[];
  readonly streams: SoakStream[];
  /** What HLS viewers watch, and nobody else. */
  readonly hls: SoakStream;
  redisIsUp = true;
  /** When every worker has had the time to tell a Redis that was emptied what it knows. */
  redisIsWholeAtMs = 0;
  #closed = false;

  private constructor(
    cluster: TestCluster,
    source: LiveSource,
    places: WorkerPlace[],
    streams: SoakStream[],
    hls: SoakStream,
  ) {
    this.cluster = cluster;
    this.source = source;
    this.places = places;
    this.streams = streams;
    this.hls = hls;
  }

  static async open(stage: Stage): Promise<Ground> {
    const cluster = await stage.cluster(0, ENV);
    const source = await stage.sourceProcess({
      channels: {
        '/plain.ts': { join: 'keyframe', burstSeconds: 1 },
        '/bframes.ts': { fixture: 'bframes', join: 'mid-packet' },
        '/mp2.ts': { fixture: 'mp2' },
        '/spare.ts': { fixture: 'bframes' },
      },
    });
    const places: WorkerPlace[] = [];
    for (const [n, host] of ['127.0.0.2', '127.0.0.3', '127.0.0.4'].entries()) {
      const port = await freePort();
      const at = { id: `worker-${n + 1}`, host, port };
      places.push({ ...at, ...(await startAt(cluster, at)), state: 'up' });
    }
    const [{ worker }] = places as [WorkerPlace];
    const streams: SoakStream[] = [];
    for (const { body, ...rest } of wanted(source)) {
      const { stream_id } = await worker.api.createTranscode(body);
      streams.push({ id: stream_id, body, ...rest });
    }
    const body = { url: source.channel('/plain.ts').url, profile: lightAt(240) };
    const { stream_id: id } = await worker.api.createTranscode(body);
    const hls = { id, body, mark: '240k', copies: false, weight: 1 };
    const ground = new Ground(cluster, source, places, streams, hls);
    stage.closeAfter(() => ground.close());
    return ground;
  }

  /** Those that run, take viewers and answer. */
  up(): WorkerPlace[] {
    return this.places.filter(({ state }) => state === 'up');
  }

  channel(path: string) {
    return this.source.channel(path);
  }

  get channels() {
    return SOURCE_PATHS.map((path) => this.channel(path));
  }

  /** Waits until so many workers are up. */
  async atLeastUp(count: number): Promise<WorkerPlace[]> {
    await until(() => this.up().length >= count, { timeoutMs: 60_000, what: `${count} workers to be up` });
    return this.up();
  }

  /** Waits for the Redis that is there, or will be. */
  async redis(): Promise<TestCluster['redis']> {
    await until(() => this.redisIsUp, { timeoutMs: 60_000, what: 'Redis to be up' });
    return this.cluster.redis;
  }

  /** Everything of it that has died is gone for those who knew it. */
  async vacate(place: WorkerPlace): Promise<void> {
    await place.worker.exited;
    place.state = 'down';
    await closeProxy(place);
  }

  /** A worker under the same name, as a supervisor starts it: again when Redis is not there. */
  async fill(place: WorkerPlace): Promise<void> {
    for (let tries = 1; !this.#closed; tries++) {
      await this.redis();
      try {
        Object.assign(place, await startAt(this.cluster, place));
        place.state = 'up';
        return;
      } catch (error) {
        if (tries === START_TRIES) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.places.map(closeProxy));
  }
}

async function closeProxy(place: WorkerPlace): Promise<void> {
  const { proxy } = place;
  place.proxy = undefined;
  await proxy?.close();
}

async function startAt(cluster: TestCluster, { id, host, port }: Pick<WorkerPlace, 'id' | 'host' | 'port'>) {
  const proxy = await startTcpProxy({ host, port, target: { host: '127.0.0.1', port } });
  try {
    return { proxy, worker: await cluster.start(id, { WORKER_ADDRESS: host, RELAY_PORT: String(port) }) };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

/** Two profiles of one source, one with B-frames that can fail over, and one whose sound is MP2. */
function wanted(source: LiveSource): Omit<SoakStream, 'id'>[] {
  const url = (path: (typeof SOURCE_PATHS)[number]) => source.channel(path).url;
  const toAndFro = Array.from({ length: FAILOVERS }, (_, n) => url(n % 2 === 0 ? '/spare.ts' : '/bframes.ts'));
  const at = (kbits: number, weight: number, body: { url: string; failover_urls?: string[] }) => {
    return { body: { ...body, profile: lightAt(kbits) }, mark: `${kbits}k`, copies: false, weight };
  };
  return [
    at(210, 5, { url: url('/plain.ts') }),
    at(220, 2, { url: url('/plain.ts') }),
    at(230, 3, { url: url('/bframes.ts'), failover_urls: toAndFro }),
    { body: { url: url('/mp2.ts'), profile: COPY }, mark: 'copy', copies: true, weight: 2 },
  ];
}
