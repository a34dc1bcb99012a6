/** Where keyframes fall: at the source's, or on a grid that two FFmpegs agree on whenever they started. */
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import {
  buildArguments,
  type CommandOptions,
  type FfmpegInput,
} from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import { isOnGrid } from '../../../../services/proxy/src/ffmpeg/process/keyframe-grid.ts';
import { type ResolvedProfile, resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { type PacketTime, packetsOf, synthetic, tailOf, transform, Workspace } from '../fixture.ts';

const CLOCK_TURN = 2 ** 33;
const fast = '-i {input_url} -c:v libx264 -preset ultrafast -sc_threshold 0 -c:a aac';
const grid = { keyframeIntervalSeconds: 1.5 };
const workspace = new Workspace();
afterAll(() => workspace.dispose());

/** Keyframes every 3 s; in `wrapping` the 33-bit clock starts again from zero after 4 s. */
let source: string;
let wrapping: string;
beforeAll(() => {
  const encode = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-bf',
    '2',
    '-g',
    '75',
    '-sc_threshold',
    '0',
    '-c:a',
    'aac',
  ];
  source = workspace.make('long.ts', [...synthetic({ seconds: 9, size: '160x90' }), ...encode]);
  wrapping = workspace.make('wrap.ts', [
    ...synthetic({ seconds: 9, size: '160x90' }),
    ...encode,
    ...['-output_ts_offset', String(CLOCK_TURN / 90_000 - 4)],
  ]);
});

function resolved(profile: string): ResolvedProfile {
  return resolveProfile({ profile, variables: {}, inputUrl: 'http://source.invalid/1' }, NO_HARDWARE);
}

async function keyframes(input: Buffer, options: CommandOptions, profile = fast): Promise<number[]> {
  const { output, stderr } = await transform(buildArguments(resolved(profile), { kind: 'pipe' }, options), input);
  const packets = packetsOf(workspace.write('out.ts', output), 'v');
  if (packets.length === 0) throw new Error(stderr);
  return packets.filter(({ key }) => key).map(({ pts }) => ((pts % CLOCK_TURN) + CLOCK_TURN) % CLOCK_TURN);
}

const keysIn = (path: string): PacketTime[] => packetsOf(path, 'v').filter(({ key }) => key);
/** The file from its n-th keyframe on, and the time of that. */
function from(path: string, index: number): { input: Buffer; firstVideoSeconds: number } {
  const packet = keysIn(path)[index];
  if (packet === undefined) throw new Error('no keyframe');
  return { input: tailOf(path, packet), firstVideoSeconds: packet.pts / 90_000 };
}

describe('the grid of the segment time', () => {
  const onGrid = 'expr:if(isnan';
  const sourceOf = (template: string, input: FfmpegInput = { kind: 'pipe' }): string => {
    const options = { firstVideoSeconds: 100_000, keyframeIntervalSeconds: 2 };
    const args = buildArguments(resolved(template), input, options);
    return args[args.indexOf('-force_key_frames') + 1] ?? '';
  };

  it.each([
    ['a plain profile', fast],
    ['one with filters', `${fast} -vf yadif,fps=25`],
    ['one that spells another interval', `${fast} -force_key_frames "expr:gte(t,n_forced*5)"`],
    ['one that detects changes of scene', '-i {input_url} -c:v libx264 -c:a aac'],
  ])('is that of %s', (_, template) => {
    expect(sourceOf(template)).toContain(onGrid);
    expect(sourceOf(template)).toContain('+100000.000005)/2)');
    expect(isOnGrid(resolved(template))).toBe(true);
  });

  it.each([
    ['has a graph of its own', `${fast} -filter_complex "[0:v]yadif[v]" -map [v]`],
    ['makes times that depend on when it began', `${fast} -vf setpts=PTS-STARTPTS`],
  ])('begins with the first frame of a profile that %s, and has another phase after each restart', (_, template) => {
    expect(sourceOf(template)).toContain(onGrid);
    expect(sourceOf(template)).toContain('+0.000005)/2)');
    expect(isOnGrid(resolved(template))).toBe(false);
  });

  it.each([
    ['asks for other keyframes', `${fast} -force_key_frames source`],
    ['makes another container', `${fast} -f mp4`],
  ])('is not that of a profile that %s', (_, template) => {
    expect(sourceOf(template)).toBe('source');
    expect(isOnGrid(resolved(template))).toBe(false);
  });

  it('begins with the first frame of an FFmpeg that opens its input itself', () => {
    const url = { kind: 'url', url: 'http://source.invalid/1', protocols: ['http'] } as const;
    expect(sourceOf(fast, url)).toContain('+0.000005)/2)');
  });
});

describe('keyframes', () => {
  test('stand where the source has them', async () => {
    const { input, firstVideoSeconds } = from(source, 0);
    expect(await keyframes(input, { firstVideoSeconds })).toEqual(keysIn(source).map(({ pts }) => pts));
  });

  test.each([
    ['', 'the source rate'],
    ['-vf fps=30', 'another rate'],
    ['-r 24000/1001', 'the -r option'],
  ])('stand on the grid of the clock when an interval is set, the same in two processes (%s %s)', async (rate) => {
    const template = `${fast} ${rate}`;
    const [early, late] = [from(source, 0), from(source, 1)];
    const before = await keyframes(early.input, { firstVideoSeconds: early.firstVideoSeconds, ...grid }, template);
    const after = await keyframes(late.input, { firstVideoSeconds: late.firstVideoSeconds, ...grid }, template);
    const [, ...onGrid] = before;
    for (const pts of onGrid) expect(pts % (1.5 * 90_000)).toBeLessThan(3800);
    expect(onGrid.length).toBeGreaterThanOrEqual(5);
    const [start = 0, ...rest] = after;
    expect(rest).toEqual(before.filter((pts) => pts > start));
  });

  test.each([1.5, 2, 3])(
    'every %d s are the same whether the process began before or after the clock started again from zero',
    async (interval) => {
      const every = { keyframeIntervalSeconds: interval };
      const turn = CLOCK_TURN / 90_000;
      const [early, late] = [from(wrapping, 0), from(wrapping, 2)];
      const before = await keyframes(early.input, {
        ...every,
        // ffprobe shows times shortly before the wrap as negative ones.
        firstVideoSeconds: early.firstVideoSeconds + (early.firstVideoSeconds < 0 ? turn : 0),
        timestampOffsetSeconds: turn,
      });
      const after = await keyframes(late.input, {
        ...every,
        firstVideoSeconds: turn + (late.firstVideoSeconds % turn),
        timestampOffsetSeconds: turn,
      });
      const [start = 0, ...rest] = after;
      expect(start).toBeLessThan(10 * 90_000);
      expect(rest.length).toBeGreaterThan(0);
      expect(rest).toEqual(before.filter((pts) => pts > start && pts < CLOCK_TURN / 2));
      for (const pts of rest) expect((pts + CLOCK_TURN) % (interval * 90_000)).toBeLessThan(3_600);
    },
  );

  test('of a profile that spells an interval itself stand on the same grid', async () => {
    const { input, firstVideoSeconds } = from(source, 0);
    const template = `${fast} -force_key_frames "expr:gte(t,n_forced*2)"`;
    const [, ...onGrid] = await keyframes(input, { firstVideoSeconds }, template);
    expect(onGrid.length).toBeGreaterThanOrEqual(3);
    for (const pts of onGrid) expect(pts % 180_000).toBeLessThan(3600);
  });
});
