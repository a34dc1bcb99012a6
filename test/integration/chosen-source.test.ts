// Who moves a stream to another source: somebody who chooses one, and its viewers. A page of the console that plays it does not.
import { expect } from 'vitest';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { record } from '../support/recorder.ts';
import { allPlaying, COPY, connectionCount, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

/** Enough to hold pictures and sound. */
const SOME_BYTES = 200_000;

staged(
  'viewers of a stream and of another profile go to the chosen backup, and back again',
  { concurrent: true },
  async ({ stage }) => {
    const [first, second, third] = [
      await stage.source(),
      await stage.source({ startPts: 5_000_000 }),
      await stage.source({ startPts: 9_000_000 }),
    ];
    const worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
    const order = { url: first.url, failover_urls: [second.url, third.url] };
    const stream = await worker.api.createTranscode({ ...order, profile: COPY });
    const direct = await worker.api.createStream({ ...order, share: true });
    const viewers = [stage.viewer(stream.playUrl), stage.viewer(direct.playUrl)];
    const goOn = async (): Promise<void> => {
      const before = viewers.map(({ byteCount }) => byteCount);
      await until(() => viewers.every(({ byteCount }, at) => byteCount > (before[at] ?? 0) + SOME_BYTES), {
        timeoutMs: 15_000,
        what: 'more media',
      });
    };
    await allPlaying(viewers);
    await goOn();
    const there = await worker.api.post(`/streams/${stream.stream_id}/failover`, { index: 1 });
    expect(there).toMatchObject({ status: 200, body: { failover_index: 1, new_url: third.url } });
    await connectionCount(third, 1, 10_000);
    await connectionCount(first, 0, 15_000);
    await goOn();
    const back = await worker.api.post(`/streams/${stream.stream_id}/failover`, { index: -1 });
    expect(back).toMatchObject({ status: 200, body: { failover_index: -1, new_url: first.url } });
    await connectionCount(first, 1, 10_000);
    await connectionCount(third, 0, 15_000);
    await goOn();
    for (const viewer of viewers) {
      const recording = await viewer.stop();
      expect([recording.status, recording.endedBy]).toEqual([200, 'limit']);
      expectClean(await judgeTs(recording, { gapMs: 100 }), {
        ...{ video: true, audio: true, minSeconds: 3, maxGapMs: 6_000 },
      });
    }
    expect(await second.account()).toMatchObject({ total: 0 });
  },
);

const QUICK_RETRIES = { STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.1', SHARED_STREAM_GRACE: '1' };

staged(
  'a page of the console that plays a stream moves nobody to another source',
  { concurrent: true },
  async ({ stage }) => {
    const [broken, spare, direct] = [await stage.source(), await stage.source(), await stage.source()];
    await broken.status(404);
    const worker = await stage.worker(QUICK_RETRIES);
    const order = { url: broken.url, failover_urls: [spare.url], profile: COPY };
    const pooled = await worker.api.createTranscode(order);
    const alone = await worker.api.createStream({ url: direct.url, failover_urls: [spare.url] });
    const watching = stage.viewer(alone.playUrl);
    await allPlaying([watching]);
    // It is refused what the viewer has.
    await direct.status(404);
    for (const { playUrl } of [pooled, alone]) {
      const looked = await record(`${playUrl}?client_id=console_1`, { untilBytes: 1 });
      expect(looked.status).toBeGreaterThanOrEqual(500);
    }
    expect(await spare.account()).toMatchObject({ total: 0 });
    // A viewer does move it, and nobody has to wait because the console has failed.
    await allPlaying([stage.viewer(pooled.playUrl)]);
    expect(await spare.account()).toMatchObject({ total: 1 });
    const before = watching.byteCount;
    await until(() => watching.byteCount > before, { what: 'the viewer to go on' });
    const { events } = (await worker.api.get<{ events: { stream_id: string }[] }>('/events?type=failover_triggered'))
      .body;
    expect(events.map(({ stream_id }) => stream_id)).toEqual([pooled.stream_id]);
    expect((await direct.account()).open).toBe(1);
  },
);
