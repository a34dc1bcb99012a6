/** Twenty recordings and five network channels at once on one worker. It prints what they take. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { BroadcastClient, expectWhole, RECORDING } from '../support/broadcast-client.ts';
import { startFileSource } from '../support/file-source.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { memoryOf, processInfo } from '../support/processes.ts';
import { allPlaying, staged } from '../support/stage.ts';

const RECORDINGS = 20;
const CHANNELS = 5;
/** As the source has 25 pictures a second. */
const FRAME_TICKS = 3_600;
const SEGMENT_SECONDS = 2;
/** The first seconds are those of starts. */
const SETTLE_MS = 15_000;
const WINDOW_MS = 20_000;

staged(
  'twenty recordings and five channels run beside viewers, who miss nothing',
  { timeout: 300_000 },
  async ({ stage }) => {
    const paths = Array.from({ length: RECORDINGS }, (_, at) => `/${at}.ts`);
    const source = await stage.sourceProcess({
      ...{ fixture: 'heavy', join: 'keyframe', burstSeconds: 1 },
      channels: Object.fromEntries(paths.map((path) => [path, {}])),
    });
    const films = await startFileSource();
    stage.closeAfter(() => films.close());
    const worker = await stage.worker({
      SHARE_DIRECT_STREAMS: 'true',
      MAX_PROCESSES: '0',
      MAX_CPU: '0',
      HLS_SEGMENT_TIME: '2',
    });
    const order = { ...RECORDING, segment_duration: SEGMENT_SECONDS };

    const recordings = paths.map((_, at) => new BroadcastClient(`rec-${at}`));
    for (const [at, path] of paths.entries()) {
      await recordings[at]?.start(worker, { ...order, stream_url: source.channel(path).url });
    }
    const channels = Array.from({ length: CHANNELS }, (_, at) => new BroadcastClient(`channel-${at}`));
    for (const channel of channels) {
      const film = { stream_url: films.url('long.mkv'), duration_seconds: 60 };
      await channel.start(worker, { ...order, ...film, dvr_mode: false, hls_list_size: 5, next_stream_config: film });
    }
    // Each watches what is recorded.
    const watched = paths.slice(0, CHANNELS);
    const viewers = [];
    for (const path of watched) {
      const { playUrl } = await worker.api.createStream({ url: source.channel(path).url, share: true });
      viewers.push(stage.viewer(playUrl));
    }
    await allPlaying(viewers);
    await sleep(SETTLE_MS);

    const usedBefore = processInfo(worker.pid)?.cpuSeconds ?? 0;
    await sleep(WINDOW_MS);
    const used = (processInfo(worker.pid)?.cpuSeconds ?? 0) - usedBefore;
    const share = ((used / WINDOW_MS) * 100_000).toFixed(1);
    const megabytes = Math.round(memoryOf(worker.pid) / 2 ** 20);
    console.log(
      `${RECORDINGS} recordings at 4 Mbit/s, ${CHANNELS} channels and ${watched.length} viewers: ${share} % of a core and ${megabytes} MB`,
    );

    for (const viewer of viewers) {
      const verdict = judgeTs(await viewer.stop());
      expectClean(verdict, { video: true, audio: true, maxSignalled: 0, frameTicks: FRAME_TICKS, minSeconds: 30 });
    }
    for (const path of paths) expect([path, (await source.channel(path).stats()).maxConcurrent]).toEqual([path, 1]);
    const { body } = await worker.api.get<{ broadcasts: { network_id: string; status: string }[] }>('/broadcast');
    expect(body.broadcasts.filter(({ status }) => status !== 'running')).toEqual([]);
    expect(body.broadcasts).toHaveLength(RECORDINGS + CHANNELS);
    for (const channel of channels) expect(await channel.listed(worker, 5)).toBe(5);

    const most = Math.floor((SETTLE_MS + WINDOW_MS) / 1000 / SEGMENT_SECONDS) - 1;
    for (const recording of recordings) {
      await recording.stop(worker);
      expect(await recording.listed(worker, most)).toBeGreaterThanOrEqual(most);
    }
    // All are cut alike: what three of them hold is looked at.
    for (const recording of recordings.slice(0, 3)) await expectWhole(await recording.download(worker));
    for (const channel of channels) await channel.stop(worker);
  },
);
