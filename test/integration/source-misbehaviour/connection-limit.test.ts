/** A provider that allows a single connection, and refuses the second or cuts the first: with profiles, restarts and failover. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { decodeErrors, expectClean, judgeTs } from '../../support/judge/index.ts';
import { type ConnectionLimit, startLiveSource } from '../../support/live-source.ts';
import { startRecording } from '../../support/recorder.ts';
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

describe('a source breaks, and the account of its backup is busy', () => {
  const STREAMS: Record<string, (stage: Stage, url: string, backup: string) => Promise<{ playUrl: string }>> = {
    'a direct stream': ({ worker }, url, backup) =>
      worker.api.createStream({ url, failover_urls: [backup], share: false }),
    'a shared direct stream': ({ worker }, url, backup) =>
      worker.api.createStream({ url, failover_urls: [backup], share: true }),
    'a transcoded stream': ({ worker }, url, backup) =>
      worker.api.createTranscode({ url, failover_urls: [backup], profile: CHEAP_PROFILE }),
    'a stream that FFmpeg opens itself': ({ worker }, url, backup) =>
      worker.api.createTranscode({ url: `${url}?.m3u8`, failover_urls: [backup], profile: CHEAP_PROFILE }),
  };

  it.concurrent.each(Object.keys(STREAMS))('%s goes on when it gets free', async (name) => {
    const backup = await startLiveSource({ channels: { '/a.ts': {}, '/b.ts': { fixture: 'bframes' } } });
    const stage = await Stage.open({ channels: { '/a.ts': {} } }, { SOURCE_MAX_CONNECTIONS: '1' });
    try {
      const create = STREAMS[name] as (typeof STREAMS)[string];
      const { playUrl } = await create(stage, stage.source.channel('/a.ts').url, backup.channel('/a.ts').url);
      const other = await stage.watch(backup.channel('/b.ts').url, 'direct');
      const viewer = startRecording(playUrl);
      await firstBytes([viewer, other]);
      await sleep(2_500);
      await stage.source.channel('/a.ts').status(503);
      await stage.source.channel('/a.ts').cutConnections();
      await sleep(12_000);
      expect([viewer.ended, other.ended, (await backup.account()).maxConcurrent]).toEqual([false, false, 1]);
      await other.stop();
      await until(async () => (await backup.channel('/a.ts').stats()).open === 1, {
        what: 'the backup to be opened',
        timeoutMs: 12_000,
      });
      const before = viewer.byteCount;
      await until(() => viewer.byteCount > before + 200_000, { what: 'media of the backup', timeoutMs: 10_000 });
      const recording = await viewer.stop();
      expect([recording.endedBy, (await backup.account()).maxConcurrent]).toEqual(['limit', 1]);
      // A direct stream without a source feed is the providers' bytes.
      if (name !== 'a direct stream') {
        expectClean(judgeTs(recording), { video: true, audio: true, maxGapMs: 30_000 });
      }
    } finally {
      await stage.close();
      await backup.close();
    }
  });
});
