/** Outputs other than MPEG-TS: shared and joinable in mid-stream, and ended at a whole fragment when their FFmpeg dies. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTAINERS, containerOrder, expectEndedWhole } from '../support/container-profiles.ts';
import type { LiveSource } from '../support/live-source.ts';
import { ffmpegProcesses } from '../support/processes.ts';
import { allPlaying, Stage } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const stage = new Stage();
let source: LiveSource;
let worker: Worker;
beforeAll(async () => {
  source = await stage.source({ channels: Object.fromEntries(CONTAINERS.map(({ format }) => [`/${format}.ts`, {}])) });
  worker = await stage.worker();
});
afterAll(() => stage.clear());

/** The FFmpegs that write into this container. */
function pidsOf(muxer: string): number[] {
  return ffmpegProcesses(worker.descendants())
    .filter(({ args }) => args.slice(-3).join(' ') === `-f ${muxer} pipe:1`)
    .map(({ pid }) => pid);
}

describe.concurrent('an output in', () => {
  it.for(CONTAINERS)('$format is shared, and ends whole', async (container) => {
    const { format, muxer } = container;
    const channel = source.channel(`/${format}.ts`);
    const stream = await worker.api.createTranscode(containerOrder(container, channel.url));
    const early = stage.viewer(stream.playUrl);
    await allPlaying([early]);
    await sleep(4_500);
    const late = stage.viewer(stream.playUrl);
    await allPlaying([late]);
    await sleep(3_000);
    const pids = pidsOf(muxer ?? format);
    expect(pids).toHaveLength(1);
    expect(await channel.stats()).toMatchObject({ total: 1 });
    process.kill(pids[0] as number, 'SIGKILL');
    await expectEndedWhole([early, late], container);
    // Whoever comes again gets a new process, on the same stream.
    const again = stage.viewer(stream.playUrl);
    await allPlaying([again]);
    expect(pidsOf(muxer ?? format)).toHaveLength(1);
    await again.stop();
  });
});
