// A provider's clock jumps, and the owner dies before the next keyframe: the playlists of its successor say the discontinuity.
import { expect } from 'vitest';
import { newPlaces } from '../support/cluster.ts';
import { judgeTs } from '../support/judge/index.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '4', STREAM_RETRY_DELAY: '0.2' };

staged(
  'a jump of the clock is a discontinuity for HLS although the owner dies before the next keyframe, and the provider sends it again',
  { timeout: 60_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, ENV);
    const [owner, follower] = cluster.workers as [Worker, Worker];
    const source = await stage.source({ fixture: 'plain', join: 'keyframe', burstSeconds: 3 });
    const { stream_id } = await owner.api.createStream({ url: source.url, share: true });
    const viewer = await stage.hlsViewer(`${owner.url}/hls/${stream_id}/playlist.m3u8`);
    await viewer.playlist();
    const beside = stage.viewer(`${follower.url}/stream/${stream_id}`);
    await allPlaying([beside]);
    const { numbers } = await viewer.playlist(follower.url);
    let n = numbers.at(-1) as number;
    const bytes: Buffer[] = [];
    /** @returns what the playlist says before the next segment */
    const read = async () => {
      const playlist = await viewer.playlistWith(n, follower.url);
      bytes.push(await viewer.segment(n, follower.url));
      return playlist.parsed.segments[playlist.numbers.indexOf(n++)]?.discontinuity ?? false;
    };
    expect(await read()).toBe(false);
    expect(await read()).toBe(false);
    // Segments begin with keyframes, each 2 s. One has just come.
    const signalled = () => {
      const all = judgeTs(beside.snapshot().bytes).pids.flatMap((pid) => pid.signalledDiscontinuities);
      return all.filter(({ atStart }) => !atStart).length;
    };
    expect(signalled()).toBe(0);
    await source.jump(3_600);
    await until(() => signalled() > 0, { what: 'the jump to reach the other worker', everyMs: 20 });
    await owner.kill();
    await until(() => newPlaces([follower], 'p:').some(({ kind }) => kind === 'own'), { what: 'the takeover' });
    // The beginning of the segment with the jump in it had been said before.
    expect([await read(), await read(), await read()]).toEqual([false, true, false]);
    for (const pid of judgeTs(Buffer.concat(bytes)).pids) {
      expect(pid).toMatchObject({ continuityErrors: [], dtsBackSteps: [] });
    }
  },
);
