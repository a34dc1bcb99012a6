/** Joining a running stream on a worker that does not have it yet: registry, dial, the owner's media, the first keyframe. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../support/cluster.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { type Arrived, timeToPicture } from '../support/picture-probe.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import type { Bench } from './main.ts';
import { percentile } from './numbers.ts';
import { COPY_PROFILE } from './profiles.ts';
import { startRemote } from './remote.ts';
import type { Row } from './table.ts';

/** So that joins fall everywhere in a GOP of 2 s. */
const PAUSE_MS = 130;
const RUNNING_MS = 5_000;

export async function relayJoin({ quick, say }: Bench): Promise<Row[]> {
  const joins = quick ? 15 : 50;
  const source = await startLiveSourceProcess({ fixture: 'heavy' });
  const cluster = await startCluster(2, {
    LOG_LEVEL: 'info',
    MAX_CLIENTS_PER_SHARED_STREAM: '0',
    SHARED_STREAM_GRACE: '0',
  });
  const viewer = startRemote('crowd.ts');
  try {
    const [owner, other] = cluster.workers as [Worker, Worker];
    const { playUrl, stream_endpoint: path } = await owner.api.createTranscode({
      url: source.url,
      profile: COPY_PROFILE,
    });
    await viewer.call('open', { url: playUrl, count: 1, judged: 0 } satisfies CrowdOrder);
    await sleep(RUNNING_MS);
    say(`relay join: ${joins} viewers, each the first on its worker`);
    const local: Arrived[] = [];
    const relayed: Arrived[] = [];
    for (let n = 0; n < joins; n++) {
      local.push(await timeToPicture(playUrl));
      relayed.push(await timeToPicture(other.url + path));
      await until(async () => (await feedCount(other)) === 0, { what: 'the relay to end' });
      await sleep(PAUSE_MS);
    }
    const part = 'relay join';
    const row = (share: number, measure: keyof Arrived): Row => ({
      part,
      what: `${joins} joins where the feed is not yet: ${measure === 'keyframeMs' ? 'first whole keyframe' : 'first byte'}, p${share * 100}`,
      unit: 'ms',
      ours: percentile(
        relayed.map((each) => each[measure]),
        share,
      ),
      floor: percentile(
        local.map((each) => each[measure]),
        share,
      ),
      floorIs: 'a warm join at its owner',
    });
    return [
      row(0.5, 'firstByteMs'),
      row(0.5, 'keyframeMs'),
      { ...row(0.95, 'keyframeMs'), goal: { of: 'ours', max: 250 } },
    ];
  } finally {
    await viewer.end();
    await cluster.stop();
    await source.close();
  }
}

async function feedCount(worker: Worker): Promise<number> {
  return (await worker.api.get<{ pooling: { feeds: unknown[] } }>('/stats')).body.pooling.feeds.length;
}
