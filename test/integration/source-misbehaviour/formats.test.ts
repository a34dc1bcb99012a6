/** What providers send: other codecs, long GOPs, no keyframe flags or no keyframes, odd frame rates, fields, sound alone. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopName } from '../../support/fixtures.ts';
import type { ChannelOptions } from '../../support/live-source.ts';
import { expectWatched, PATHS, type Path, Stage, type Viewing } from './stage.ts';

const SECONDS = 9;
/** Deinterlaces as the built-in profiles do, but with the cheapest encoder. */
const DEINTERLACING =
  '-i {input_url} -vf yadif=deint=interlaced -c:v libx264 -preset ultrafast -c:a aac -ac 2 -ar 48000 -f {format}';

interface Format {
  fixture: LoopName;
  /** Ticks from picture to picture; undefined without pictures. */
  frameTicks: number | undefined;
  /** What the direct viewer gets: the provider's own codecs. */
  codecs: { video?: string; audio: string };
  /** The longest PES of sound as the loops are made. */
  maxGapMs: number;
  profile?: string;
  options?: ChannelOptions;
  /** Not even the provider has keyframes. */
  withoutKeyframes?: boolean;
}

const AAC = { frameTicks: 3_600, maxGapMs: 450 };
const FORMATS: Record<string, Format> = {
  'MP2 sound': { fixture: 'mp2', ...AAC, codecs: { video: 'h264', audio: 'mpa' } },
  'AC-3 sound': { fixture: 'ac3', ...AAC, codecs: { video: 'h264', audio: 'ac3' } },
  'AAC at 44.1 kHz': { fixture: 'aac-44.1', ...AAC, codecs: { video: 'h264', audio: 'adts' } },
  'B-frames': { fixture: 'bframes', ...AAC, codecs: { video: 'h264', audio: 'adts' } },
  'sound alone': { fixture: 'audio-only', frameTicks: undefined, maxGapMs: 450, codecs: { audio: 'adts' } },
  // The keyframe before the viewers came is in the burst; without one they would wait up to 10 s for the next.
  'a GOP of 10 s': { fixture: 'gop10', ...AAC, codecs: { video: 'h264', audio: 'adts' }, options: { burstSeconds: 1 } },
  'no random access indicator': { fixture: 'plain', ...AAC, codecs: { video: 'h264', audio: 'adts' } },
  'intra refresh': {
    fixture: 'intra-refresh',
    ...AAC,
    codecs: { video: 'h264', audio: 'adts' },
    options: { startPhaseSeconds: 20 },
    withoutKeyframes: true,
  },
  '29.97 frames a second': {
    fixture: 'fps-29.97',
    frameTicks: 3_003,
    maxGapMs: 450,
    codecs: { video: 'h264', audio: 'adts' },
  },
  'interlaced H.264': {
    fixture: 'interlaced-h264',
    ...AAC,
    codecs: { video: 'h264', audio: 'adts' },
    profile: DEINTERLACING,
  },
  'interlaced MPEG-2': {
    fixture: 'interlaced-mpeg2',
    ...AAC,
    codecs: { video: 'mpeg2', audio: 'mpa' },
    profile: DEINTERLACING,
  },
};

const pathOf = (name: string) => `/${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.ts`;

describe('what providers send', () => {
  let stage: Stage;
  const scenes = new Map<string, Promise<Map<Path, Viewing>>>();

  beforeAll(async () => {
    const channels = Object.entries(FORMATS).map(([name, { fixture, options }]) => [
      pathOf(name),
      { fixture, ...options },
    ]);
    stage = await Stage.open({ channels: Object.fromEntries(channels) as Record<string, ChannelOptions> });
    await stage.source.channel(pathOf('no random access indicator')).stripRandomAccessIndicator();
    for (const [name, { profile }] of Object.entries(FORMATS)) {
      scenes.set(name, stage.play(pathOf(name), { seconds: SECONDS, ...(profile === undefined ? {} : { profile }) }));
    }
    await Promise.allSettled(scenes.values());
  });

  afterAll(() => stage.close());

  describe.each(PATHS)('%s', (by) => {
    it.each(Object.keys(FORMATS))('%s', async (name) => {
      const format = FORMATS[name] as Format;
      const seen = (await scenes.get(name))?.get(by) as Viewing;
      const { frameTicks, maxGapMs } = format;
      const cleanStart = !(format.withoutKeyframes && by === 'direct');
      expectWatched(seen, {
        video: frameTicks !== undefined,
        audio: true,
        minSeconds: SECONDS - 4,
        maxGapMs,
        cleanStart,
        ...(frameTicks === undefined ? {} : { frameTicks }),
        maxSignalled: 0,
        // A decoder that starts amid intra refresh has nothing to refer to until the first refresh is through.
        maxDecodeErrors: cleanStart ? 0 : 100,
      });
      expect(seen.verdict.startsWith).toMatchObject({ bytesBeforeSync: 0, packetsBeforePat: 0 });
      const { video, audio } = seen.verdict;
      if (by === 'direct')
        expect({ video: video?.codec, audio: audio?.codec }).toEqual({ video: undefined, ...format.codecs });
      else expect(audio?.codec).toBe('adts');
      // No later than by a PES of sound, on either side.
      if (video !== undefined) {
        const apart = ((audio?.dtsList.at(-1) ?? 0) - (video.dtsList.at(-1) ?? 0)) / 90;
        expect(Math.abs(apart)).toBeLessThan(900);
      }
    });
  });
});
