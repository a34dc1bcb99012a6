/** What a cell of the takeover matrix stands on: two workers on one Redis, a provider, and a viewer at each worker. */
import type { TestCluster } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import type { ChannelControl, ConnectionRecord, LiveSource } from '../support/live-source.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, type Stage } from '../support/stage.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';
import { type Cell, KINDS, type Kind } from './cells.ts';
import { PLANS } from './faults.ts';

export interface Ground {
  readonly cluster: TestCluster;
  readonly source: LiveSource;
  /** The source's first address, and one that has the same pictures on another clock. */
  readonly primary: ChannelControl;
  readonly backup: ChannelControl;
  /** The worker that makes the stream, and a viewer of it. */
  readonly owner: Worker;
  readonly own: RecordingHandle;
  /** The other worker, and a viewer of it. */
  readonly other: Worker;
  readonly viewer: RecordingHandle;
  /** All ways between the owner and the rest of the cluster, if they may be cut. */
  readonly ways: readonly TcpProxy[];
}

/** The loop is 64 s long. The clock starts behind the longest burst, and the cell ends before the loop does. */
const STARTS_AT_S = 24;
const PRIMARY = '/primary.ts';
const BACKUP = '/backup.ts';

/** @param main a worker other than the built one */
export async function groundOf(stage: Stage, cell: Cell, main?: string): Promise<Ground> {
  const plan = PLANS[cell.fault];
  const kind: Kind = KINDS[cell.kind];
  const cluster = await stage.cluster(0, { DRAIN_TIMEOUT: '4', ...plan.env });
  const { ownerEnv, otherEnv, ways } = plan.cutsWays === true ? await waysBetween(stage, cluster) : NO_WAYS;
  const [owner, other] = await Promise.all([
    cluster.start('worker-1', ownerEnv, main),
    cluster.start('worker-2', otherEnv, main),
  ]);
  const source = await stage.source({
    fixture: kind.fixture,
    startPhaseSeconds: STARTS_AT_S,
    burstSeconds: cell.burst === 0 ? undefined : cell.burst,
    burstStart: 'packet',
    seed: cell.seed,
    channels: { [PRIMARY]: { clock: plan.clock ?? 'shared' }, [BACKUP]: { clock: 'own' } },
  });
  const primary = source.channel(PRIMARY);
  const backup = source.channel(BACKUP);
  const definition = { url: primary.url, ...(plan.hasBackup === true && { failover_urls: [backup.url] }) };
  const { stream_id } =
    kind.profile === undefined
      ? await owner.api.createStream({ ...definition, share: true })
      : await owner.api.createTranscode({ ...definition, profile: kind.profile });
  const own = stage.viewer(`${owner.url}/stream/${stream_id}`);
  await allPlaying([own]);
  const viewer = stage.viewer(`${other.url}/stream/${stream_id}`);
  await allPlaying([viewer]);
  const maker = await cluster.redis.cli('HGET', `sp:owner:p:${stream_id}:0`, 'worker');
  if (maker !== 'worker-1') throw new Error(`worker-1 must own the stream, not '${maker}'`);
  return { cluster, source, primary, backup, owner, own, other, viewer, ways };
}

/** Connections that got media, in the order opened. */
export async function openedAt({ primary, backup }: Ground): Promise<ConnectionRecord[]> {
  const stats = await Promise.all([primary.stats(), backup.stats()]);
  const connections = stats.flatMap((channel) => channel.connections).filter(({ sent }) => sent !== undefined);
  return connections.sort((a, b) => a.openedAt - b.openedAt);
}

interface Ways {
  readonly ownerEnv: WorkerEnv;
  readonly otherEnv: WorkerEnv;
  readonly ways: readonly TcpProxy[];
}

const NO_WAYS: Ways = { ownerEnv: {}, otherEnv: {}, ways: [] };

/** The owner reaches Redis and the other worker over proxies, and is reached over one. */
async function waysBetween(stage: Stage, { redis }: TestCluster): Promise<Ways> {
  const redisWay = await startTcpProxy({ target: redis });
  const known = async (host: string) => {
    const port = await freePort();
    const way = await startTcpProxy({ host, port, target: { host: '127.0.0.1', port } });
    return { way, env: { WORKER_ADDRESS: host, RELAY_PORT: String(port) } };
  };
  const [owner, other] = await Promise.all([known('127.0.0.2'), known('127.0.0.3')]);
  const ways = [redisWay, owner.way, other.way];
  for (const way of ways) stage.closeAfter(() => way.close());
  const ownerEnv = { ...owner.env, REDIS_SERVER_PORT: String(redisWay.port) };
  return { ownerEnv, otherEnv: other.env, ways };
}
