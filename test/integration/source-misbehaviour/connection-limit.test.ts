/** A provider that allows a single connection, and refuses the second or cuts the first: with profiles, restarts and failover. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decodeErrors, judgeTs } from '../../support/judge/index.ts';
import type { ConnectionLimit } from '../../support/live-source.ts';
import { until } from '../../support/until.ts';
import type { WorkerEnv } from '../../support/worker.ts';
import { CHEAP_PROFILE, expectWatched, firstBytes, Stage } from './stage.ts';

const PROFILES = [CHEAP_PROFILE, `${CHEAP_PROFILE} `.replace('64k', '48k').trim(), CHEAP_PROFILE.replace('64k', '96k')];

const LIMITS: Record<string, ConnectionLimit> = {
  'refuses the second': { limit: 1, mode: 'refuse' },
  'cuts the first': { limit: 1, mode: 'cut-older' },
};
const ENVS: Record<string, WorkerEnv> = {
  'not knowing it': {},
  'with SOURCE_MAX_CONNECTIONS=1': { SOURCE_MAX_CONNECTIONS: '1' },
};
const CASES = Object.keys(LIMITS).flatMap((limit) => Object.keys(ENVS).map((env) => [limit, env] as const));

describe('three profiles and a direct viewer on one connection, across FFmpeg restarts and a failover', () => {
  it.concurrent.each(CASES)('a provider that %s, %s', async (limit, env) => {
    const stage = await Stage.open(
      { channels: { '/a.ts': {}, '/b.ts': { fixture: 'bframes' } }, accountLimit: LIMITS[limit] as ConnectionLimit },
      ENVS[env] as WorkerEnv,
    );
    try {
      const url = stage.source.channel('/a.ts').url;
      const viewers = [
        ...(await Promise.all(PROFILES.map((profile) => stage.watch(url, 'transcoded', { profile })))),
        await stage.watch(url, 'direct'),
      ];
      await firstBytes(viewers);
      await sleep(2_500);
      const pids = stage.worker.ffmpegPids();
      expect(pids).toHaveLength(3);
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      await sleep(4_000);
      const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
      const stats = await stage.source.channel('/a.ts').stats();
      expect(stats).toMatchObject({ total: 1, refused: 0, maxConcurrent: 1 });
      for (const recording of recordings) {
        const seen = {
          recording,
          verdict: judgeTs(recording),
          stats,
          decodeErrors: await decodeErrors(recording.bytes),
          marks: [],
        };
        // A restarted FFmpeg goes on at the exact frame.
        expectWatched(seen, { video: true, audio: true, maxGapMs: 450, frameTicks: 3_600 });
      }
      await until(async () => (await stage.source.account()).open === 0, {
        what: 'the connection to be given up',
        timeoutMs: 8_000,
      });

      // The other channel of the account can only be had in exchange for this one.
      const body = { failover_urls: [stage.source.channel('/b.ts').url] };
      const stream = await stage.worker.api.createTranscode({
        ...body,
        url,
        profile: CHEAP_PROFILE.replace('64k', '80k'),
      });
      const viewer = await stage.watch(url, 'transcoded', { profile: CHEAP_PROFILE.replace('64k', '80k'), body });
      await firstBytes([viewer]);
      await sleep(2_500);
      expect((await stage.worker.api.post(`/streams/${stream.stream_id}/failover`)).status).toBe(200);
      await sleep(6_500);
      const recording = await viewer.stop();
      const other = await stage.source.channel('/b.ts').stats();
      expect({ open: (await stage.source.account()).maxConcurrent, other: other.total }).toEqual({ open: 1, other: 1 });
      // Where the old connection has to go first: the next try after 1 s, a GOP to the first keyframe, FFmpeg's start.
      const verdict = judgeTs(recording);
      expectWatched(
        { recording, verdict, stats: other, decodeErrors: await decodeErrors(recording.bytes), marks: [] },
        { video: true, audio: true, maxGapMs: 5_000, maxStallMs: 8_000, minSeconds: 7 },
      );
    } finally {
      await stage.close();
    }
  });
});
