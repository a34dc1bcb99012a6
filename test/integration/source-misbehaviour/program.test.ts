/** A provider that changes its programme in the middle of a connection: other codecs, another size, tracks that come and go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pictureShape } from '../../../services/proxy/src/mpegts/syntax/picture-shape.ts';
import type { LoopName } from '../../support/fixtures.ts';
import { decodeErrors, judgeTs, type Verdict } from '../../support/judge/index.ts';
import type { Recording } from '../../support/recorder.ts';
import { expectWatched, firstBytes, PATHS, type Path, Stage } from './stage.ts';
import { SwitchingSource } from './switching-source.ts';

const BEFORE_MS = 5_000;
const AFTER_MS = 7_000;

interface Change {
  from: LoopName;
  to: LoopName;
  /** What the direct viewer has at the end. */
  codecs: string[];
  /** Connections, and the viewer's longest wait for the new pictures. */
  maxGapMs: number;
  /** No table tells of the change: passed on as they are, the new pictures are none until their first keyframe. */
  untold?: boolean;
}

// FFmpeg starts anew at the first keyframe behind the change: a GOP of 2 s, a tenth until the PMT comes, a PES of sound.
const NEXT_KEYFRAME_MS = 2_000 + 100 + 400;
const CHANGES: Record<string, Change> = {
  "the sound's codec": { from: 'plain', to: 'ac3', codecs: ['ac3', 'h264'], maxGapMs: NEXT_KEYFRAME_MS },
  "the picture's size": { from: 'plain', to: 'other', codecs: ['adts', 'h264'], maxGapMs: 900, untold: true },
  'both codecs': { from: 'plain', to: 'mpeg2', codecs: ['mpa', 'mpeg2'], maxGapMs: NEXT_KEYFRAME_MS },
  "the picture's codec": { from: 'plain', to: 'hevc', codecs: ['adts', 'hevc'], maxGapMs: NEXT_KEYFRAME_MS },
  'no pictures any more': { from: 'plain', to: 'audio-only', codecs: ['adts'], maxGapMs: 1_500 },
  'pictures at last': { from: 'audio-only', to: 'plain', codecs: ['adts', 'h264'], maxGapMs: NEXT_KEYFRAME_MS },
};

interface Scene {
  source: SwitchingSource;
  recordings: Map<Path, Recording>;
}

const PACKET = 188;

describe('a programme that changes', () => {
  let stage: Stage;
  const scenes = new Map<string, Promise<Scene>>();

  beforeAll(async () => {
    const loops = [...new Set(Object.values(CHANGES).flatMap(({ from, to }) => [from, to]))];
    // Two providers never meet on one frame; here they need not be in step.
    stage = await Stage.open({ channels: Object.fromEntries(loops.map((fixture) => [`/${fixture}.ts`, { fixture }])) });
    for (const [name, change] of Object.entries(CHANGES)) scenes.set(name, play(change));
    await Promise.allSettled(scenes.values());
  });

  async function play({ from, to }: Change): Promise<Scene> {
    const source = await SwitchingSource.start(stage.source.channel(`/${from}.ts`).url);
    const viewers = new Map(
      await Promise.all(PATHS.map(async (path) => [path, await stage.watch(source.url, path)] as const)),
    );
    await firstBytes([...viewers.values()]);
    await sleep(BEFORE_MS);
    await source.switchTo(stage.source.channel(`/${to}.ts`).url);
    await sleep(AFTER_MS);
    const recordings = new Map<Path, Recording>();
    for (const [path, viewer] of viewers) recordings.set(path, await viewer.stop());
    return { source, recordings };
  }

  afterAll(async () => {
    for (const scene of scenes.values()) await (await scene).source.close();
    await stage.close();
  });

  describe.each(PATHS)('%s', (by) => {
    it.each(Object.keys(CHANGES))('%s', async (name) => {
      const { from, to, codecs, maxGapMs, untold } = CHANGES[name] as Change;
      const { source, recordings } = (await scenes.get(name)) as Scene;
      const recording = recordings.get(by) as Recording;
      const verdict = judgeTs(recording);
      const stats = {
        open: 1,
        total: source.connections,
        maxConcurrent: 1,
        refused: 0,
        mediaSeconds: 0,
        connections: [],
      };
      // Until the new PMT comes, its PIDs are those of the old tracks: a tenth of a second of something else for a decoder.
      const maxDecodeErrors = by === 'direct' ? 40 : 0;
      const judged = untold && by === 'direct' ? settled(recording, verdict) : recording.bytes;
      expectWatched(
        { recording, verdict, stats, decodeErrors: await decodeErrors(judged), marks: [] },
        {
          maxGapMs,
          maxDecodeErrors,
          minSeconds: (BEFORE_MS + AFTER_MS) / 1000 - 3,
          maxPartialPes: by === 'direct' ? 1 : 0,
        },
      );
      const now = tracksAtEnd(verdict);
      const hasVideo = to !== 'audio-only';
      if (by === 'direct') expect(now).toEqual(codecs);
      else expect(now).toEqual(hasVideo ? ['adts', 'h264'] : ['adts']);
      const changed = codecs.join() !== (from === 'audio-only' ? 'adts' : 'adts,h264');
      if (by === 'direct') expect(verdict.pmtVersions).toHaveLength(changed ? 2 : 1);
    });
  });
});

/** The tables, and everything from the first keyframe of the new size on. */
function settled({ bytes }: Recording, verdict: Verdict): Buffer {
  const packet = (index = 0) => bytes.subarray(index * PACKET, (index + 1) * PACKET);
  const keyframes = (verdict.video?.pes ?? []).filter(({ keyframe }) => keyframe === true);
  const shapes = keyframes.map(({ packetIndex }) => pictureShape('h264', packet(packetIndex)));
  const first = keyframes[shapes.lastIndexOf(shapes[0]) + 1];
  if (shapes[0] === undefined || first === undefined) throw new Error('no keyframe of another size');
  const { pat, pmt } = verdict.startsWith;
  return Buffer.concat([packet(pat), packet(pmt), bytes.subarray(first.packetIndex * PACKET)]);
}

/** Codecs of what still came in the last second. */
function tracksAtEnd(verdict: Verdict): string[] {
  const media = verdict.pids.filter((pid) => pid.dtsList.length > 0);
  const end = Math.max(...media.map((pid) => pid.dtsList.at(-1) ?? 0));
  return media
    .filter((pid) => end - (pid.dtsList.at(-1) ?? 0) < 90_000)
    .map((pid) => pid.codec)
    .sort();
}
