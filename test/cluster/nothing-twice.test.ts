/**
 * The worker that makes a stream is killed, and its provider begins each connection with the past. A viewer of another
 * worker gets every picture once, in order, and all sound.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { contentFaults, expectClean, judgeTs } from '../support/judge/index.ts';
import type { ChannelOptions } from '../support/live/options.ts';
import type { Recording, RecordingHandle } from '../support/recorder.ts';
import { allPlaying, COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

/** Nothing missing, doubled or signalled. */
const EXACT = { video: true, audio: true, frameTicks: 3_600, maxSignalled: 0, maxAudioSlipTicks: 1 } as const;
const PAST: ChannelOptions = { burstSeconds: 3 };
/** The provider's past has no keyframe in it. */
const BETWEEN: ChannelOptions = { fixture: 'gop10', burstSeconds: 3, burstStart: 'packet' };

interface Scene {
  readonly owner: Worker;
  readonly own: RecordingHandle;
  readonly viewer: RecordingHandle;
}

/** A stream that one worker makes and a viewer watches on another one. */
async function scene(stage: Stage, source: ChannelOptions, profile: string | undefined): Promise<Scene> {
  const { workers } = await stage.cluster(2);
  const [owner, other] = workers as [Worker, Worker];
  const { url } = await stage.source(source);
  const { stream_id } = await (profile === undefined
    ? owner.api.createStream({ url, share: true })
    : owner.api.createTranscode({ url, profile }));
  const own = stage.viewer(`${owner.url}/stream/${stream_id}`);
  await allPlaying([own]);
  const viewer = stage.viewer(`${other.url}/stream/${stream_id}`);
  await allPlaying([viewer]);
  await sleep(2_500);
  return { owner, own, viewer };
}

/** Every picture once, in order, and all sound. */
async function expectWhole(recording: Recording, channel: ChannelOptions, minSeconds: number): Promise<void> {
  expect(await contentFaults(recording, channel.fixture ?? 'plain')).toMatchObject({ missing: [], again: [] });
  expectClean(judgeTs(recording), { ...EXACT, minSeconds });
}

describe('after kill -9 of the owner', () => {
  staged.concurrent.for([
    ['a direct stream', undefined, PAST],
    ['a copy', COPY, PAST],
    ['a direct stream, past without a keyframe', undefined, BETWEEN],
    ['a copy, past without a keyframe', COPY, BETWEEN],
  ] as const)('%s goes on with the next picture', { timeout: 60_000 }, async ([, profile, channel], { stage }) => {
    const { owner, viewer } = await scene(stage, channel, profile);
    await owner.kill();
    await sleep(5_000);
    expect(viewer.ended).toBe(false);
    await expectWhole(await viewer.stop(), channel, 5);
  });

  staged('a transcode goes on with the next picture', { timeout: 60_000 }, async ({ stage }) => {
    const { owner, viewer } = await scene(stage, PAST, LIGHT);
    await owner.kill();
    await sleep(6_000);
    expectClean(judgeTs(await viewer.stop()), { ...EXACT, minSeconds: 5 });
  });
});

staged(
  'a worker that stands still and comes back goes on with the next picture',
  { timeout: 60_000 },
  async ({ stage }) => {
    const channel: ChannelOptions = { burstSeconds: 10 };
    const { owner, own, viewer } = await scene(stage, channel, undefined);
    owner.signal('SIGSTOP');
    await sleep(9_000);
    owner.signal('SIGCONT');
    await sleep(3_000);
    for (const each of [own, viewer]) {
      expect(each.ended).toBe(false);
      await expectWhole(await each.stop(), channel, 10);
    }
  },
);
