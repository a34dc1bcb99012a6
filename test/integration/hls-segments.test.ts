/** Every frame of the segments, as FFmpeg decodes it: those of MPEG-TS and of fragmented mp4 are those of the feed. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { decodeErrors, mp4Structure } from '../support/judge/index.ts';
import { type MarkedFeed, markedFeed, markedLoop, SECOND, segmentsOf } from '../support/segmented.ts';

const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg';
const SECONDS = 9;

interface Frame {
  readonly seconds: number;
  readonly hash: string;
}

/** The decoded frames of one kind. */
function framesOf(bytes: Buffer, kind: 'v' | 'a'): Frame[] {
  const args = [
    '-v',
    'error',
    '-copyts',
    '-i',
    'pipe:0',
    '-map',
    `0:${kind}?`,
    '-fps_mode',
    'passthrough',
    '-enc_time_base:v',
    '1:90000',
    '-f',
    'framemd5',
    'pipe:1',
  ];
  const { stdout } = spawnSync(ffmpeg, args, { input: bytes, maxBuffer: 2 ** 28 });
  const lines = stdout.toString().split('\n');
  const [, base = '1/1'] = /^#tb 0: (.+)$/m.exec(stdout.toString()) ?? [];
  const [numerator = 1, denominator = 1] = base.split('/').map(Number);
  return lines.flatMap((line) => {
    const [, , pts, , , hash] = line.split(',').map((field) => field.trim());
    return line.startsWith('#') || hash === undefined
      ? []
      : [{ seconds: (Number(pts) * numerator) / denominator, hash }];
  });
}

const hashes = (frames: readonly Frame[]): string[] => frames.map(({ hash }) => hash);

function encoded(codec: readonly string[], seconds = SECONDS): MarkedFeed {
  const inputs = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
  const args = [
    '-v',
    'error',
    ...inputs,
    '-t',
    String(seconds),
    '-pix_fmt',
    'yuv420p',
    ...codec,
    '-f',
    'mpegts',
    'pipe:1',
  ];
  const { stdout, stderr } = spawnSync(ffmpeg, args, { maxBuffer: 2 ** 28 });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return markedFeed([{ bytes: stdout, ms: 0 }], {});
}

const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-sc_threshold', '0', '-bf', '2'];
const X265 = [
  '-c:v',
  'libx265',
  '-preset',
  'ultrafast',
  '-x265-params',
  'log-level=none:open-gop=0:keyint=50:scenecut=0',
];

describe('the frames of segments', () => {
  it.each<[string, () => MarkedFeed | Promise<MarkedFeed>, string[]]>([
    ['H.264 with B-frames and AAC', () => markedLoop('bframes', { seconds: SECONDS }), ['avc1', 'mp4a.40.2']],
    ['H.264 and AC-3', () => markedLoop('ac3', { seconds: SECONDS }), ['avc1', 'ac-3']],
    ['H.264 of 29.97 frames', () => markedLoop('fps-29.97', { seconds: SECONDS }), ['avc1', 'mp4a.40.2']],
    ['H.264 and E-AC-3', () => encoded([...X264, '-c:a', 'eac3', '-ac', '2']), ['avc1', 'ec-3']],
    [
      'H.264 High 4:2:2, six channels at 44.1 kHz',
      () => encoded([...X264, '-pix_fmt', 'yuv422p', '-c:a', 'aac', '-ac', '6', '-ar', '44100']),
      ['avc1', 'mp4a.40.2'],
    ],
    ['HEVC with B-frames and AAC', () => encoded([...X265, '-c:a', 'aac']), ['hvc1', 'mp4a.40.2']],
    ['HEVC of 10 bits', () => encoded([...X265, '-pix_fmt', 'yuv420p10le', '-c:a', 'aac']), ['hvc1', 'mp4a.40.2']],
    ['sound alone', () => markedLoop('audio-only', { seconds: SECONDS }), ['mp4a.40.2']],
  ])('%s: those of fragmented mp4 are those of MPEG-TS, and those of the feed', async (_, make, codecs) => {
    const feed = await make();
    const { cuts, dones } = segmentsOf(feed, { containers: { ts: true, fmp4: true } });
    expect(dones.length).toBeGreaterThanOrEqual(3);
    const ts = Buffer.concat(dones.map((done) => done.ts?.bytes ?? Buffer.alloc(0)));
    const [first] = dones;
    const init = first?.fmp4?.init;
    expect(new Set(dones.map((done) => done.fmp4?.init.key))).toEqual(new Set([init?.key]));
    expect(init?.codecs.map((codec) => (codec.startsWith('mp4a') ? codec : codec.split('.')[0]))).toEqual(codecs);
    const mp4 = Buffer.concat([
      init?.bytes ?? Buffer.alloc(0),
      ...dones.map((done) => done.fmp4?.bytes ?? Buffer.alloc(0)),
    ]);
    expect(await decodeErrors(mp4)).toEqual([]);
    expect(mp4Structure(mp4)).toBeDefined();

    const hasVideo = codecs.length === 2;
    for (const kind of hasVideo ? (['v', 'a'] as const) : (['a'] as const)) {
      const [source, ours, theirs] = [framesOf(feed.bytes, kind), framesOf(ts, kind), framesOf(mp4, kind)];
      expect(ours.length).toBeGreaterThan(100);
      expect(hashes(theirs)).toEqual(hashes(ours));
      const apart = ours.map(({ seconds }, at) => Math.abs(seconds - (theirs[at]?.seconds ?? 0)));
      expect(Math.max(...apart)).toBeLessThan(0.001);
      // Decoders of sound make noise up that depends on where they begin. Its bytes are compared in the unit tests.
      if (kind === 'v') expect(hashes(source).slice(-ours.length)).toEqual(hashes(ours));
    }
    // One segment is readable on its own, too, and begins where it says.
    const second = Buffer.concat([
      dones[1]?.fmp4?.init.bytes ?? Buffer.alloc(0),
      dones[1]?.fmp4?.bytes ?? Buffer.alloc(0),
    ]);
    const [begins] = framesOf(second, hasVideo ? 'v' : 'a');
    expect((begins?.seconds ?? 0) * SECOND).toBeCloseTo(cuts[1]?.pts ?? 0, -2);
  });
});
