/** Sources that have fallen silent, and those that only look like it: with a real worker, and with FFmpegs that measure real media. */

import { expect } from 'vitest';
import { Sandbox } from '../../services/proxy/src/ffmpeg/host/sandbox.ts';
import { LevelMeters, LevelWatch } from '../../services/proxy/src/levels/level-watch.ts';
import { SourceMedia } from '../../services/proxy/src/sources/source-media.ts';
import { systemClock } from '../../services/shared/clock.ts';
import { createLogger } from '../../services/shared/log.ts';
import { startFileSource } from '../support/file-source.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const QUICK = {
  enable_silence_detection: true,
  silence_duration: 1,
  silence_check_interval: 1,
  silence_failover_threshold: 2,
  silence_monitoring_grace_period: 1,
};
const AUDIO_ALONE = '-i {input_url} -vn -c:a copy -f mpegts {output_args}';
/** The tone of the loops has peaks of -18 dB. */
const BELOW_TONE = { ...QUICK, silence_threshold_db: -30 };
const ABOVE_TONE = { ...QUICK, silence_threshold_db: -10 };

interface Listed {
  readonly streams: readonly { readonly stream_id: string; readonly current_failover_index: number }[];
}
interface Events {
  readonly events: readonly { readonly data: Readonly<Record<string, unknown>> }[];
}

staged('a silent source is left by all of its streams, and no other one is', { timeout: 60_000 }, async ({ stage }) => {
  const files = await startFileSource();
  stage.closeAfter(() => files.close());
  const source = await stage.sourceProcess({
    channels: {
      '/dead.ts': { fixture: 'dead' },
      '/mp2.ts': { fixture: 'mp2' },
      '/ac3.ts': { fixture: 'ac3' },
      '/half.ts': { fixture: 'half' },
      '/mute.ts': {},
      ...{ '/next-1.ts': {}, '/next-2.ts': {}, '/next-3.ts': {} },
    },
  });
  await source.channel('/mute.ts').dropSound(true);
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
  const urlOf = (path: string) => source.channel(path).url;
  const [one, two, three] = ['/next-1.ts', '/next-2.ts', '/next-3.ts'].map((path) => [urlOf(path)]);
  const direct = async (path: string, order: object, failovers = one) =>
    worker.api.createStream({ url: urlOf(path), failover_urls: failovers, share: true, ...order });
  const transcode = async (url: string, profile: string, order: object, failovers = one) =>
    worker.api.createTranscode({ url, failover_urls: failovers, profile, ...order });
  const silent = [
    // Two profiles of one channel. What one decides moves both.
    await transcode(urlOf('/dead.ts'), COPY, QUICK),
    await transcode(urlOf('/dead.ts'), AUDIO_ALONE, { ...QUICK, silence_failover_threshold: 1_000 }),
    await direct('/mp2.ts', ABOVE_TONE, two),
    // FFmpeg opens it: its output is measured.
    await transcode(files.url('hls/live.m3u8'), COPY, ABOVE_TONE, three),
  ];
  const others = [
    await direct('/ac3.ts', BELOW_TONE),
    await direct('/half.ts', BELOW_TONE),
    await direct('/mute.ts', QUICK),
    await direct('/dead.ts', QUICK, []),
  ];
  await allPlaying(
    [...silent, ...others].map(({ playUrl }) => stage.viewer(playUrl, { keep: false })),
    30_000,
  );
  const indexes = async () => {
    const { body } = await worker.api.get<Listed>('/streams');
    return new Map(body.streams.map((stream) => [stream.stream_id, stream.current_failover_index]));
  };
  const moved = async () => {
    const all = await indexes();
    return silent.every(({ stream_id }) => all.get(stream_id) === 0);
  };
  await until(moved, { timeoutMs: 30_000, what: () => 'the silent ones to be left' });
  const all = await indexes();
  expect(others.map(({ stream_id }) => all.get(stream_id))).toEqual([-1, -1, -1, -1]);
  const { body } = await worker.api.get<Events>('/events?type=failover_triggered');
  expect(body.events.map(({ data }) => data.reason)).toEqual(Array(4).fill('silence_detected'));
  expect((await worker.api.get<string>('/metrics')).body).toContain(
    'streampool_source_failovers_total{reason="silence_detected"} 3',
  );
  // Three FFmpegs that make streams, and one for each source that is measured and has sound.
  await until(() => worker.ffmpegPids().length === 3 + 5, {
    timeoutMs: 15_000,
    what: () => `8 FFmpegs; there are ${worker.ffmpegPids().length}`,
  });
});

staged('a black source is told from a film by its keyframes', { timeout: 60_000 }, async ({ stage }) => {
  const FASTER = 20;
  const clock = { ...systemClock, monotonicMs: () => performance.now() * FASTER };
  const source = await stage.source({
    speed: FASTER,
    channels: { '/dead.ts': { fixture: 'dead' }, '/film.ts': { fixture: 'plain' } },
  });
  const sandbox = Sandbox.none(process.env.FFMPEG_PATH ?? 'ffmpeg', 'not what is tried here');
  const log = createLogger('fatal');
  const meters = new LevelMeters({ sandbox, preferredAudioLanguages: [], clock: systemClock, log });
  const over = new AbortController();
  const watched = async (path: string) => {
    const media = new SourceMedia(path, () => ({ retainMs: 60_000, joinBufferMs: 0, maxBytes: 2 ** 26 }), 2_000, clock);
    media.begin(undefined);
    const { body } = await fetch(source.channel(path).url, { signal: over.signal });
    const fill = async () => {
      for await (const bytes of body ?? []) media.put(Buffer.from(bytes));
    };
    fill().catch(() => undefined);
    const watch = new LevelWatch(meters, clock);
    return {
      look: (settings: { black: boolean; freeze: boolean }) =>
        watch.look(media, path, { silence: undefined, ...settings }),
      close: () => watch.close(),
    };
  };
  const [dead, film] = [await watched('/dead.ts'), await watched('/film.ts')];
  const lookAt = (settings: { black: boolean; freeze: boolean }) => [dead.look(settings), film.look(settings)];
  try {
    const both = { black: true, freeze: true };
    await until(() => lookAt(both)[0] === 'black_detected', { timeoutMs: 30_000, everyMs: 50, what: 'black pictures' });
    expect(lookAt(both)[1]).toBeUndefined();
    const still = { black: false, freeze: true };
    await until(() => lookAt(still)[0] === 'freeze_detected', { timeoutMs: 30_000, everyMs: 50, what: 'a still' });
    expect(lookAt(still)[1]).toBeUndefined();
  } finally {
    over.abort();
    for (const { close } of [dead, film]) close();
  }
});
