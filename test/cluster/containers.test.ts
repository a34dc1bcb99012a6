/** Outputs other than MPEG-TS, watched on the worker that makes them and on another: one FFmpeg, one connection. `STREAMPOOL_LONG=1` plays all. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { CONTAINERS, containerOrder, expectEndedWhole } from '../support/container-profiles.ts';
import { ffmpegProcesses } from '../support/processes.ts';
import { allPlaying, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const isLong = process.env.STREAMPOOL_LONG === '1';
/** One with fragments, and one without. */
const PLAYED = CONTAINERS.filter(({ format }) => isLong || format === 'flv' || format === 'mpeg');

staged.for(PLAYED)('$format of two workers', async (container, { stage }) => {
  const { format, muxer = format } = container;
  const source = await stage.source();
  const { workers } = await stage.cluster(2);
  const [owner, other] = workers as [Worker, Worker];
  const { stream_id, playUrl } = await owner.api.createTranscode(containerOrder(container, source.url));
  const early = stage.viewer(playUrl);
  await allPlaying([early]);
  await sleep(3_000);
  const late = stage.viewer(`${other.url}/stream/${stream_id}`);
  await allPlaying([late]);
  await sleep(3_000);

  const ffmpegs = workers.flatMap((worker) =>
    ffmpegProcesses(worker.descendants()).filter(({ args }) => args.slice(-3).join(' ') === `-f ${muxer} pipe:1`),
  );
  expect(ffmpegs).toHaveLength(1);
  expect(await source.stats()).toMatchObject({ total: 1 });
  // It ends at a whole fragment, so that everything of it decodes.
  process.kill(ffmpegs[0]?.pid ?? 0, 'SIGKILL');
  await expectEndedWhole([early, late], container);
});
