/** A restarted FFmpeg goes on exactly where the earlier one stopped: judged from the packets of real ones. */
import { afterAll, describe, expect, test } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { buildArguments, type CommandOptions } from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import { resumesExactly } from '../../../../services/proxy/src/ffmpeg/process/resume.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { type PacketTime, packetsOf, synthetic, tailOf, transform, Workspace } from '../fixture.ts';

const workspace = new Workspace();
afterAll(() => workspace.dispose());

const bFrames = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-g', '50', '-sc_threshold', '0'];

const sources: Record<string, () => string> = {
  'H.264 with B-frames, AAC': () =>
    workspace.make('plain.ts', [...synthetic({ seconds: 6 }), ...bFrames, '-c:a', 'aac']),
  '29.97, MP2 at 44.1 kHz': () =>
    workspace.make('ntsc.ts', [
      ...synthetic({ seconds: 6, rate: '30000/1001', sampleRate: 44100 }),
      ...bFrames,
      '-c:a',
      'mp2',
    ]),
  'interlaced MPEG-2, AC-3': () =>
    workspace.make('interlaced.ts', [
      ...synthetic({ seconds: 6, rate: '50' }),
      ...[
        '-vf',
        'interlace=scan=tff',
        '-c:v',
        'mpeg2video',
        '-flags',
        '+ilme+ildct',
        '-g',
        '12',
        '-bf',
        '2',
        '-c:a',
        'ac3',
      ],
    ]),
  'sound alone': () => workspace.make('audio.ts', [...synthetic({ seconds: 6 }), '-vn', '-c:a', 'aac']),
};
const made = new Map<string, string>();
const sourceFile = (name: string): string => {
  const path = made.get(name) ?? sources[name]?.();
  if (path === undefined) throw new Error(name);
  made.set(name, path);
  return path;
};

const fast = '-i {input_url} -c:v libx264 -preset ultrafast -bf 2 -sc_threshold 0';
const cases: [string, string, string][] = [
  ['H.264 with B-frames, AAC', 'default', 'default'],
  ['H.264 with B-frames, AAC', 'hevc', 'hevc'],
  ['H.264 with B-frames, AAC', 'a higher rate', `${fast} -vf fps=30 -c:a aac`],
  ['H.264 with B-frames, AAC', '-r', `${fast} -r 30000/1001 -c:a aac -ar 44100`],
  ['H.264 with B-frames, AAC', 'MP2', `${fast} -c:a mp2 -ar 48000`],
  ['H.264 with B-frames, AAC', 'AC-3', `${fast} -c:a ac3 -ar 48000`],
  ['29.97, MP2 at 44.1 kHz', '720p', '720p'],
  ['29.97, MP2 at 44.1 kHz', 'a lower rate', `${fast} -vf fps=25,scale=160:-2 -c:a aac`],
  ['interlaced MPEG-2, AC-3', 'lowlatency', 'lowlatency'],
  ['interlaced MPEG-2, AC-3', 'fields to frames', `${fast} -vf bwdif=mode=send_field -c:a aac -ar 48000`],
  ['sound alone', 'audio in MPEG-TS', '-i {input_url} -vn -c:a aac -ar 48000'],
];

async function run(source: Buffer, profile: string, options: CommandOptions, name: string) {
  const resolved = resolveProfile({ profile, variables: {}, inputUrl: 'http://source.invalid/1' }, NO_HARDWARE);
  const { output, stderr } = await transform(buildArguments(resolved, { kind: 'pipe' }, options), source);
  const path = workspace.write(name, output);
  const [video, audio] = [packetsOf(path, 'v'), packetsOf(path, 'a')];
  if (video.length + audio.length === 0) throw new Error(stderr);
  return { resolved, video, audio };
}

const times = (packets: readonly PacketTime[]): number[] => packets.map(({ pts }) => pts).sort((a, b) => a - b);

describe.each(cases)('%s to %s', (source, _, profile) => {
  test('goes on at any frame with neither a lost nor a doubled one', async () => {
    const path = sourceFile(source);
    const sourceVideo = packetsOf(path, 'v');
    const keyframe = (sourceVideo.length > 0 ? sourceVideo : packetsOf(path, 'a')).filter(({ key }) => key);
    const from = keyframe.find(({ pts }) => pts > 2.5 * 90_000) ?? keyframe[0];
    if (from === undefined) throw new Error('no keyframe');
    const whole = await run(tailOf(path, { ...from, position: 564 }), profile, {}, 'a.ts');
    expect(resumesExactly(whole.resolved)).toEqual({ video: whole.video.length > 0, audio: true });

    for (const skipped of [17]) {
      const next = times(whole.video).filter((pts) => pts >= from.pts + 9000)[skipped];
      const nextAudio = times(whole.audio).filter((pts) => pts >= from.pts + 9000 + skipped * 3600)[0];
      const resume = {
        ...(next === undefined ? {} : { videoSeconds: next / 90_000 }),
        ...(nextAudio === undefined ? {} : { audioSeconds: nextAudio / 90_000 }),
      };
      const rest = await run(tailOf(path, from), profile, { resume }, 'b.ts');

      if (next !== undefined) {
        expect(times(rest.video)).toEqual(times(whole.video).filter((pts) => pts >= next));
        expect(rest.video[0]?.key).toBe(true);
        expect(rest.video[0]?.pts).toBe(next);
        // The decoding clock goes on too: with as much reordering as before, one frame after the last.
        const before = whole.video.filter(({ pts }) => pts < next).map(({ dts }) => dts);
        const gap = (rest.video[0]?.dts ?? 0) - Math.max(...before);
        expect(gap).toBeGreaterThanOrEqual(-3600);
        expect(gap).toBeLessThanOrEqual(3754);
      }
      if (nextAudio !== undefined) {
        // Before it stands the encoder's run-up, which the splicer drops.
        const wanted = times(whole.audio).filter((pts) => pts >= nextAudio);
        const got = times(rest.audio).filter((pts) => pts >= nextAudio - 90);
        const differences = got.map((pts, at) => Math.abs(pts - (wanted[at] ?? 0)));
        expect(got).toHaveLength(wanted.length);
        // Sample times do not always fall on ticks.
        expect(Math.max(...differences)).toBeLessThanOrEqual(2);
        expect(times(rest.audio).filter((pts) => pts < nextAudio - 90).length).toBeLessThanOrEqual(2);
      }
    }
  });
});
