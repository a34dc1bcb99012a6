/**
 * A worker that takes its relay slowly, or not at all: the owner's memory stays what it was and its own viewers notice
 * nothing. When the relay flows again it goes on with the newest keyframe, and so do the viewers behind it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { behindProxy, ffmpegsOf, newPlaces } from '../support/cluster.ts';
import { expectClean, judgeTs, jumpsOf } from '../support/judge/index.ts';
import { parseMetrics } from '../support/metrics.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, poolingOf, staged } from '../support/stage.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** A constant 48 Mbit/s at little cost: x264 fills up what so small a picture does not need. */
const BROAD =
  '-i {input_url} -c:v libx264 -preset ultrafast -b:v 48M -minrate 48M -maxrate 48M -bufsize 48M -nal-hrd cbr ' +
  '-c:a aac -ac 2 -ar 48000 -f mpegts {output_args}';
const BYTES_PER_SECOND = 6_000_000;
const FRAME_TICKS = 3_600;
/** What the entry points of a few seconds take, prefixes included. */
const ENTRIES_BYTES = 64 * 1024;
const MB = 2 ** 20;
const RING_MB = 24;
/** Long enough for what the collector leaves lying about to have come to its peak (some 70 MB). */
const BEFORE_MS = 16_000;
/** An unbounded queue would be 120 MB, less some 10 MB that the kernels take. */
const SLOW_MS = 20_000;
const SLACK_BYTES = 24 * MB;
/** How far the relay may be behind its owner when it flows again. */
const LAG_TICKS = 90_000;

interface Trouble {
  begin(proxy: TcpProxy, follower: Worker): void;
  end(proxy: TcpProxy, follower: Worker): void;
}

const troubles: Record<'passes a thirtieth of it' | 'stands still', Trouble> = {
  'passes a thirtieth of it': {
    begin: (proxy) => proxy.throttleAnswers(BYTES_PER_SECOND / 30),
    end: (proxy) => proxy.throttleAnswers(undefined),
  },
  'stands still': {
    begin: (_, follower) => follower.signal('SIGSTOP'),
    end: (_, follower) => follower.signal('SIGCONT'),
  },
};

/** The most bytes a worker was seen to use in that time: from outside, and in its rings by its own gauges. */
async function mostMemory(
  worker: Worker,
  ms: number,
): Promise<{ resident: number; rings: number; processRing: number }> {
  const endMs = performance.now() + ms;
  let [resident, rings, processRing] = [0, 0, 0];
  while (performance.now() < endMs) {
    resident = Math.max(resident, worker.rssBytes());
    rings = Math.max(rings, parseMetrics((await worker.api.get<string>('/metrics')).body).streampool_ring_bytes);
    const { feeds } = await poolingOf(worker);
    processRing = Math.max(processRing, ...feeds.map(({ buffered_bytes }) => buffered_bytes));
    await sleep(250);
  }
  return { resident, rings, processRing };
}

async function judged(viewer: RecordingHandle) {
  expect(viewer.ended).toBe(false);
  return judgeTs(await viewer.stop(), { gapMs: 100 });
}

const isLong = process.env.STREAMPOOL_LONG === '1';
const NAMES = ['passes a thirtieth of it', 'stands still'] as const;

staged.for(isLong ? NAMES : NAMES.slice(0, 1))('a relay that %s', async (name, { stage }) => {
  const cluster = await stage.cluster(1, { RING_MAX_BYTES: `${RING_MB}M` });
  const { owner, proxy } = await behindProxy(stage, cluster);
  const [follower] = cluster.workers as [Worker];
  const source = await stage.source();
  const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: BROAD });
  const watch = (worker: Worker, keep: boolean) => stage.viewer(`${worker.url}/stream/${stream_id}`, { keep });
  const first = watch(owner, false);
  await allPlaying([first]);
  await allPlaying([watch(follower, false)]);
  const before = await mostMemory(owner, BEFORE_MS);
  expect(first.byteCount).toBeGreaterThan((BYTES_PER_SECOND * BEFORE_MS) / 1_000);

  const own = watch(owner, true);
  const elsewhere = watch(follower, true);
  await allPlaying([own, elsewhere]);
  troubles[name].begin(proxy, follower);
  const during = await mostMemory(owner, SLOW_MS);
  troubles[name].end(proxy, follower);
  expect(during.processRing).toBeLessThanOrEqual(RING_MB * MB);
  // One chunk more, and the entry points that lead into it.
  expect(during.rings).toBeLessThanOrEqual(before.rings + MB + ENTRIES_BYTES);
  expect(during.resident - before.resident).toBeLessThan(SLACK_BYTES);

  // What the kernels hold comes first, then the newest.
  const { byteCount } = elsewhere;
  await until(() => elsewhere.byteCount > byteCount + RING_MB * MB, { timeoutMs: 12_000, what: 'the relay to flow' });
  const after = watch(follower, true);
  await until(() => after.byteCount > 4 * BYTES_PER_SECOND, {
    timeoutMs: 15_000,
    what: 'a new viewer to play for 4 s',
  });
  expect(owner.ffmpegPids()).toHaveLength(1);
  expect(ffmpegsOf([follower])).toEqual([]);
  expect(newPlaces([follower], '').filter(({ kind }) => kind === 'own')).toEqual([]);
  expect(await source.account()).toMatchObject({ total: 1, open: 1 });

  const [local, joined, relayed] = await Promise.all([judged(own), judged(after), judged(elsewhere)]);
  expectClean(local, {
    video: true,
    audio: true,
    frameTicks: FRAME_TICKS,
    maxSignalled: 0,
    minSeconds: SLOW_MS / 1_000,
  });
  // It may have come while the relay still gave what the kernels had held, and then skipped.
  expectClean(joined, { video: true, audio: true, maxGapMs: SLOW_MS + 4_000, minSeconds: 3 });
  expect((joined.video === undefined ? [] : jumpsOf(joined.video)).filter(({ signalled }) => !signalled)).toEqual([]);
  expectClean(relayed, { video: true, audio: true, maxGapMs: SLOW_MS + 4_000 });
  const jumps = relayed.video === undefined ? [] : jumpsOf(relayed.video);
  expect(jumps.length).toBeGreaterThan(0);
  for (const { signalled, toDts } of jumps) {
    expect(signalled).toBe(true);
    expect(relayed.video?.pes.find(({ dts }) => dts === toDts)?.keyframe).toBe(true);
  }
  const lagTicks = (local.video?.dtsList.at(-1) ?? 0) - (relayed.video?.dtsList.at(-1) ?? Number.NEGATIVE_INFINITY);
  expect(lagTicks).toBeLessThan(LAG_TICKS);
});
