// Viewers who read too slowly, or not at all: they lose, nobody else does, and the worker's memory stays what it was.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { parseMetrics } from '../support/metrics.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, COPY, poolingOf, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const FRAME_TICKS = 3600;
/** A PES packet of sound may have so much. */
const SOUND_UNIT_MS = 450;
const whole = { video: true, audio: true, frameTicks: FRAME_TICKS, maxSignalled: 0, maxGapMs: SOUND_UNIT_MS };
/** The kernel takes up to 10 MB for a viewer before its worker notices, and gives room back in large steps. */
const KERNEL_MS = 60_000;

/** Reads at about this rate until told to stop. */
async function readSlowly(viewer: RecordingHandle, bytesPerSecond: number, until: () => boolean): Promise<void> {
  const startMs = performance.now();
  viewer.pause();
  while (!until()) {
    await sleep(50);
    const allowed = ((performance.now() - startMs) / 1000) * bytesPerSecond;
    if (viewer.byteCount < allowed) viewer.resume();
    else viewer.pause();
  }
  viewer.resume();
}

describe.concurrent('a viewer', () => {
  staged('who reads at a tenth of the rate skips, cleanly, and others see no gap', async ({ stage }) => {
    const source = await stage.source({ fixture: 'heaviest' });
    const worker = await stage.worker({ RING_MAX_BYTES: '8M' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const others = stage.viewers(2, stream.playUrl);
    const slow = stage.viewer(stream.playUrl);
    await allPlaying([...others, slow]);
    let skipped = 0;
    const reading = readSlowly(slow, 200_000, () => skipped >= 1);
    await until(
      async () => {
        skipped = (await poolingOf(worker)).skips;
        return skipped >= 1;
      },
      { what: 'a skip to be counted', timeoutMs: KERNEL_MS, everyMs: 500 },
    );
    await reading;
    const { body } = await worker.api.get<string>('/metrics');
    expect(parseMetrics(body).streampool_skipped_seconds_total).toBeGreaterThan(0);
    await sleep(6_000);
    // Lists say it of this viewer, which has got the least.
    const { body: listed } = await worker.api.get<{ clients: { skips: number }[] }>('/clients?sort=bytes');
    expect(listed.clients).toHaveLength(3);
    expect(listed.clients.at(-1)?.skips).toBeGreaterThan(0);

    expect(slow.ended).toBe(false);
    const recording = await slow.stop();
    const verdict = judgeTs(recording);
    const signalled = verdict.video?.signalledDiscontinuities.filter(({ atStart }) => !atStart).length ?? 0;
    expect(signalled).toBeGreaterThanOrEqual(1);
    expectClean(verdict, { video: true, audio: true, maxGapMs: KERNEL_MS });
    // FFmpeg itself closes a gap of 10 s and more, and stumbles over its own rounding.
    const complaints = (await decodeErrors(recording.bytes)).filter((line) => !line.includes('non monotonically'));
    expect(complaints).toEqual([]);
    const gaps = verdict.video?.gaps.length ?? 0;
    expect(gaps).toBeGreaterThanOrEqual(1);
    expect(gaps).toBeLessThanOrEqual(signalled);
    // What it is given after a skip begins with a keyframe.
    for (const { toDts } of verdict.video?.gaps ?? []) {
      expect(verdict.video?.pes.find(({ dts }) => dts === toDts)?.keyframe).toBe(true);
    }
    for (const other of others)
      expectClean(judgeTs(await other.stop(), { gapMs: SOUND_UNIT_MS }), { ...whole, minSeconds: 5 });
    expect(await source.account()).toMatchObject({ total: 1 });
  });

  staged('who stops reading is dropped, and costs no memory until then', async ({ stage }) => {
    const source = await stage.source({ fixture: 'heaviest' });
    const worker = await stage.worker({
      RING_MAX_BYTES: '8M',
      CLIENT_STALL_TIMEOUT: '4',
      MAX_CLIENTS_PER_SHARED_STREAM: '0',
    });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const others = stage.viewers(2, stream.playUrl);
    await allPlaying(others);
    await sleep(2_000);
    const before = worker.rssBytes();
    const stuck = stage.viewers(20, stream.playUrl);
    await allPlaying(stuck);
    for (const viewer of stuck) viewer.pause();
    let most = 0;
    await until(
      async () => {
        most = Math.max(most, worker.rssBytes());
        return (await poolingOf(worker)).clients === others.length;
      },
      { what: 'the stuck viewers to be dropped', timeoutMs: KERNEL_MS, everyMs: 250 },
    );
    // 20 viewers who miss 5 s of 16 Mbit/s would be 200 MB if each had a queue.
    expect(most - before).toBeLessThan(60 * 2 ** 20);
    expect(await poolingOf(worker)).toMatchObject({ stalls: 20, skips: 0 });
    for (const viewer of stuck) viewer.resume();
    await until(() => stuck.every((viewer) => viewer.ended), { what: 'the stuck responses to be over' });
    for (const other of others) {
      expect(other.ended).toBe(false);
      expectClean(judgeTs(await other.stop(), { gapMs: SOUND_UNIT_MS }), { ...whole, minSeconds: 5 });
    }
  });

  staged('who pauses for less than the ring holds loses nothing', async ({ stage }) => {
    const source = await stage.source({ fixture: 'heaviest' });
    const worker = await stage.worker();
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const viewer = stage.viewer(stream.playUrl, { pauseAt: { atSeconds: 3, forSeconds: 10 } });
    await allPlaying([viewer]);
    await sleep(18_000);
    expectClean(judgeTs(await viewer.stop(), { gapMs: SOUND_UNIT_MS }), { ...whole, minSeconds: 15 });
    expect(await poolingOf(worker)).toMatchObject({ stalls: 0, skips: 0 });
  });
});
