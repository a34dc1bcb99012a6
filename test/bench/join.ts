/** Warm join: how long a viewer of a running stream waits for its first whole keyframe. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fixture } from '../support/fixtures.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { type Arrived, timeToPicture } from '../support/picture-probe.ts';
import { startWorker } from '../support/worker.ts';
import type { CrowdOrder } from './crowd.ts';
import type { FloorOrder } from './floor.ts';
import type { Bench } from './main.ts';
import { percentile } from './numbers.ts';
import { COPY_PROFILE } from './profiles.ts';
import { startRemote } from './remote.ts';
import type { Row } from './table.ts';

/** So that joins fall everywhere in a GOP of 2 s. */
const PAUSE_MS = 67;
/** How long the stream runs before anybody joins it. */
const RUNNING_MS = 5_000;
const CROWD = 200;

export async function join({ quick, say }: Bench): Promise<Row[]> {
  const joins = quick ? 30 : 100;
  const { path } = await fixture('heavy');
  const floor = startRemote('floor.ts');
  const crowd = startRemote('crowd.ts');
  const source = await startLiveSourceProcess({ fixture: 'heavy' });
  const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '0' });
  try {
    const floorOrder: FloorOrder = { kind: 'static', file: path, bytesPerSecond: 0, intervalMs: 0 };
    const floorUrl = await floor.call<string>('start', floorOrder);
    const { playUrl } = await worker.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    await crowd.call('open', { url: playUrl, count: 1, judged: 0 } satisfies CrowdOrder);
    await sleep(RUNNING_MS);
    say(`warm join: ${joins} viewers, each alone`);
    const alone = await joinBoth(playUrl, floorUrl, joins);
    say(`warm join: ${joins} viewers, among ${CROWD}`);
    await crowd.call('open', { url: playUrl, count: CROWD, judged: 0 } satisfies CrowdOrder);
    await sleep(2_000);
    const crowded = await joinBoth(playUrl, floorUrl, joins);
    return [
      ...rowsOf(`${joins} joins`, alone),
      ...rowsOf(`${joins} joins among ${CROWD} clients at 4 Mbit/s`, crowded).slice(1),
    ];
  } finally {
    await crowd.end();
    await floor.end();
    await worker.stop('SIGINT');
    await source.close();
  }
}

interface Joins {
  ours: Arrived[];
  floor: Arrived[];
}

async function joinBoth(url: string, floorUrl: string, joins: number): Promise<Joins> {
  const result: Joins = { ours: [], floor: [] };
  for (let n = 0; n < joins; n++) {
    result.floor.push(await timeToPicture(floorUrl));
    result.ours.push(await timeToPicture(url));
    await sleep(PAUSE_MS);
  }
  return result;
}

function rowsOf(what: string, { ours, floor }: Joins): Row[] {
  const keyframe = (of: Arrived[], share: number): number =>
    percentile(
      of.map(({ keyframeMs }) => keyframeMs),
      share,
    );
  return [0.5, 0.95].map((share) => ({
    part: 'warm join',
    what: `${what}: first whole keyframe, p${share * 100}`,
    unit: 'ms',
    ours: keyframe(ours, share),
    floor: keyframe(floor, share),
    floorIs: 'static answer of the same media',
    ...(share > 0.5 ? { goal: { of: 'ours', max: 50 } as const } : {}),
  }));
}
