/** What a hop between two workers costs: time, and CPU on either side. */
import { processFeedKey } from '../../services/registry/feed-keys.ts';
import type { WorkerIdentity } from '../../services/registry/types.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import type { Worker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import { type Measured, measure, sum } from './fanout.ts';
import type { HopOrder } from './hop-probe.ts';
import type { Bench } from './main.ts';
import { percentile } from './numbers.ts';
import { COPY_PROFILE } from './profiles.ts';
import { startRemote } from './remote.ts';
import type { Row } from './table.ts';

const CROWD = 100;
const ROUNDS = 2;
const SECRET = 'what the workers of this benchmark share';

export async function relayHop({ quick, say }: Bench): Promise<Row[]> {
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds: 1 });
  const cluster = await startCluster(2, {
    LOG_LEVEL: 'info',
    MAX_CLIENTS_PER_SHARED_STREAM: '0',
    CLUSTER_SECRET: SECRET,
  });
  const keepers = startRemote('crowd.ts');
  try {
    const [owner, other] = cluster.workers as [Worker, Worker];
    const stream = await owner.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    const local = stream.playUrl;
    const relayed = other.url + stream.stream_endpoint;
    for (const url of [local, relayed]) {
      await keepers.call('open', { url, count: 1, judged: 0 } satisfies CrowdOrder);
    }
    say('relay hop: latency');
    const few = await latency(local, relayed, quick ? 6 : 15);
    const { relayUrl, headers } = await relayOf(cluster, owner, stream.stream_id);
    const rounds: Record<'local' | 'relays' | 'relayed', Measured[]> = { local: [], relays: [], relayed: [] };
    for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
      say(`relay hop: ${CROWD} viewers at the owner, round ${round}`);
      rounds.local.push(await measure(local, owner.pid, CROWD, 0));
      say(`relay hop: ${CROWD} relays from the owner, round ${round}`);
      rounds.relays.push(await measure(relayUrl, owner.pid, CROWD, 0, headers));
      say(`relay hop: ${CROWD} viewers at the other worker, round ${round}`);
      rounds.relayed.push(await measure(relayed, other.pid, CROWD, 0));
    }
    say('relay hop: one viewer each');
    const alone = { owner: await measure(local, owner.pid, 1, 0), other: await measure(relayed, other.pid, 1, 0) };
    return [...latencyRows(few), ...costRows(sum(rounds.local), sum(rounds.relays), sum(rounds.relayed), alone)];
  } finally {
    await keepers.end();
    await cluster.stop();
    await source.close();
  }
}

/** Where and with what another worker would fetch the feed. */
async function relayOf({ redis }: TestCluster, owner: Worker, streamId: string) {
  const { body } = await owner.api.get<{ worker: { worker_id: string } }>('/info');
  const { address } = JSON.parse(await redis.cli('HGET', 'workers', body.worker.worker_id)) as WorkerIdentity;
  const me: WorkerIdentity = { workerId: 'bench', incarnation: 'bench', address: '127.0.0.1:9', zone: undefined };
  const headers = { authorization: `Bearer ${SECRET}`, 'x-worker': JSON.stringify(me) };
  return { relayUrl: `http://${address}/feeds/${processFeedKey(streamId, 0)}`, headers };
}

async function latency(local: string, relayed: string, seconds: number): Promise<number[]> {
  const probe = startRemote('hop-probe.ts');
  try {
    const samples = await probe.call<number[]>('watch', { local, relayed, seconds } satisfies HopOrder);
    if (samples.length < seconds) throw new Error('the two workers do not send the same pictures');
    return samples;
  } finally {
    await probe.end();
  }
}

function latencyRows(samples: number[]): Row[] {
  return [0.5, 0.95].map((share) => ({
    part: 'relay hop',
    what: `a picture comes later than at the owner, p${share * 100}`,
    unit: 'ms',
    ours: percentile(samples, share),
    ...(share > 0.5 ? { goal: { of: 'ours', max: 50 } as const } : {}),
    note: `${samples.length} pictures at a viewer of either worker, matched by PID and PTS`,
  }));
}

function costRows(
  local: Measured,
  relays: Measured,
  relayed: Measured,
  alone: Record<'owner' | 'other', Measured>,
): Row[] {
  const gbit = (of: Measured): number => (of.bytes * 8) / 1e9;
  const share = (of: Measured): number => of.serverCpuSeconds / of.seconds;
  const perGbit = (of: Measured): number => of.serverCpuSeconds / gbit(of);
  /** Without what the worker needs for the channel however many watch. */
  const delivery = (of: Measured, one: Measured): number => (of.serverCpuSeconds - share(one) * of.seconds) / gbit(of);
  const part = 'relay hop';
  const at = `${CROWD} at 4 Mbit/s`;
  return [
    {
      ...{ part, what: `CPU of the owner for relays per Gbit, ${at}`, unit: 's' },
      ...{ ours: delivery(relays, alone.owner), floor: delivery(local, alone.owner) },
      ...{ floorIs: 'as many viewers of its own', goal: { of: 'ratio', max: 1.2 } },
      note: "both without the channel's own CPU",
    },
    {
      ...{ part, what: `CPU of the relaying worker for its viewers per Gbit, ${at}`, unit: 's' },
      ...{ ours: perGbit(relayed), floor: perGbit(local), floorIs: 'the owner with as many' },
      ...{
        goal: { of: 'ratio', max: 1.2 },
        note: 'all of the worker: relay or source, splicer, FFmpeg pipes, viewers',
      },
    },
    {
      ...{ part, what: 'CPU of the relaying worker with one viewer', unit: '% of a core' },
      ...{ ours: share(alone.other) * 100, floor: share(alone.owner) * 100, floorIs: 'the owner with one' },
    },
  ];
}
