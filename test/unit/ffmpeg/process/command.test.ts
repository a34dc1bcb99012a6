/** The command lines around resolved profiles. */
import { afterAll, describe, expect, test } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { buildArguments, type CommandOptions } from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import { resumesExactly } from '../../../../services/proxy/src/ffmpeg/process/resume.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { packetsOf, synthetic, tailOf, transform, Workspace } from '../fixture.ts';

const workspace = new Workspace();
afterAll(() => workspace.dispose());

const resolve = (profile: string, outputFormat = 'mpegts') =>
  resolveProfile(
    { profile, variables: {}, outputFormat, inputUrl: 'http://user:secret@provider.example/1' },
    NO_HARDWARE,
  );
const pipe = (profile: string, outputFormat?: string, options: CommandOptions = {}) =>
  buildArguments(resolve(profile, outputFormat), { kind: 'pipe' }, options);
const option = (args: readonly string[], name: string): string | undefined =>
  args.includes(name) ? args[args.indexOf(name) + 1] : undefined;

describe('a command line', () => {
  test('never holds the source URL', () => {
    const url = { kind: 'url', url: 'http://127.0.0.1:1234/opaque', protocols: ['http', 'tcp'] } as const;
    for (const profile of ['default', '-i {input_url} -c copy -f mpegts {output_args}']) {
      expect(pipe(profile).join(' ')).not.toContain('provider.example');
      expect(buildArguments(resolve(profile), url).join(' ')).not.toContain('provider.example');
    }
  });

  test('the sound of a url in one language, in place of the first one', () => {
    const url = { kind: 'url', url: 'http://127.0.0.1:1234/opaque', protocols: ['http', 'tcp'] } as const;
    const mapsOf = (profile: string) => {
      const args = buildArguments(resolve(profile), url, { soundLanguage: 'deu' });
      return args.filter((_, at) => args[at - 1] === '-map');
    };
    expect(mapsOf('-i {input_url} -c copy {output_args}')).toEqual(['0:v:0?', '0:a:m:language:deu']);
    expect(mapsOf('-i {input_url} -map 0:v:0 -map 0:a:0? -map 0:a:1? -c copy {output_args}')).toEqual([
      ...['0:v:0', '0:a:m:language:deu', '0:a:1?'],
    ]);
  });

  test('takes pictures and sound from two URLs', () => {
    const input = {
      kind: 'url',
      url: 'http://127.0.0.1:1/v',
      audioUrl: 'http://127.0.0.1:1/a',
      protocols: ['http'],
    } as const;
    const args = buildArguments(resolve('-i {input_url} -map 0:v:0? -map 0:a:0? -c copy {output_args}'), input);
    const inputs = [
      '-protocol_whitelist',
      'http',
      '-i',
      input.url,
      '-protocol_whitelist',
      'http',
      '-i',
      input.audioUrl,
    ];
    const at = args.indexOf('-protocol_whitelist');
    expect(args.slice(at, at + 12)).toEqual([...inputs, '-map', '0:v:0?', '-map', '1:a:0?']);
    expect(buildArguments(resolve('-i {input_url} -c copy {output_args}'), input)).toEqual(
      expect.arrayContaining(['-map', '0:v:0?', '-map', '1:a:0?']),
    );
  });

  test('for a URL names the protocols it may use, and lets FFmpeg keep the time', () => {
    const args = buildArguments(
      resolve('-rtsp_transport tcp -i {input_url} -c copy {output_args}'),
      { kind: 'url', url: 'rtsp://127.0.0.1:1/x', protocols: ['tcp', 'rtp'], options: ['-timeout', '5000000'] },
      { resume: { videoSeconds: 5 } },
    );
    expect(args.slice(args.indexOf('-protocol_whitelist'), args.indexOf('-i') + 2)).toEqual([
      ...[
        '-protocol_whitelist',
        'tcp,rtp',
        '-rtsp_transport',
        'tcp',
        '-timeout',
        '5000000',
        '-i',
        'rtsp://127.0.0.1:1/x',
      ],
    ]);
    expect(args).not.toContain('-copyts');
    expect(args).not.toContain('-mpegts_copyts');
  });

  test('for a film begins where it is asked to', () => {
    const url = { kind: 'url', url: 'http://127.0.0.1:1234/opaque', protocols: ['http', 'tcp'] } as const;
    const args = buildArguments(resolve('-i {input_url} -c copy {output_args}'), url, { seekSeconds: 90.5 });
    expect(args.slice(args.indexOf('-ss'), args.indexOf('-i') + 1)).toEqual(['-ss', '90.500000', '-i']);
    expect(buildArguments(resolve('-i {input_url} -c copy {output_args}'), url)).not.toContain('-ss');
  });

  test('for a pipe leaves out what concerns protocols and demuxers', () => {
    const args = pipe(
      '-fflags +genpts+igndts+nobuffer+discardcorrupt -hwaccel auto -rtsp_transport tcp -i {input_url} -c copy {output_args}',
    );
    expect(args).not.toContain('-rtsp_transport');
    expect(option(args, '-fflags')).toBe('+discardcorrupt');
    expect(option(args, '-hwaccel')).toBe('auto');
  });

  test('maps the first video and audio, unless the profile says which', () => {
    expect(pipe('-i {input_url} -c copy {output_args}').join(' ')).toContain('-map 0:v:0? -map 0:a:0?');
    expect(pipe('-i {input_url} -map 0:a:1 -c copy {output_args}').filter((each) => each === '-map')).toHaveLength(1);
  });

  test('puts -r into the filters, before the trim', () => {
    const args = pipe('-i {input_url} -vf yadif -r 25 -c:v libx264 {output_args}', undefined, {
      resume: { videoSeconds: 10 },
    });
    expect(option(args, '-filter:v')).toBe('yadif,fps=25,trim=start=9.999000');
    expect(args).not.toContain('-r');
  });

  test('closes the GOPs of x265 and keeps what else it was told', () => {
    const args = pipe('-i {input_url} -c:v libx265 -x265-params keyint=50 {output_args}');
    expect(args.filter((each) => each === '-x265-params')).toHaveLength(1);
    expect(option(args, '-x265-params')).toBe('open-gop=0:keyint=50');
  });

  test('makes fragments of mp4 that begin with a keyframe, beside the flags of the profile', () => {
    const args = pipe('-i {input_url} -c copy -movflags +faststart+negative_cts_offsets -f mp4 {output_args}');
    expect(args.filter((each) => each === '-movflags')).toHaveLength(1);
    expect(option(args, '-movflags')).toBe('+negative_cts_offsets+frag_keyframe+empty_moov+default_base_moof');
    expect(args).not.toContain('-copyts');
  });

  test('does not force keyframes or trim where nothing is encoded', () => {
    const args = pipe('-i {input_url} -c copy -f mpegts {output_args}', undefined, {
      resume: { videoSeconds: 1, audioSeconds: 1 },
    });
    expect(args.join(' ')).not.toMatch(/trim|force_key_frames|enc_time_base/);
  });
});

describe('resumesExactly', () => {
  test.each<[string, string, boolean, boolean]>([
    ['default', 'mpegts', true, true],
    ['default', 'mp4', false, false],
    ['audio', 'mpegts', false, true],
    ['-i {input_url} -c copy {output_args}', 'mpegts', false, false],
    ['-i {input_url} -c:v copy -c:a aac {output_args}', 'mpegts', false, true],
    ['-i {input_url} -c:v libx264 -c:a mp2 {output_args}', 'mpegts', true, false],
    ['-i {input_url} -c:v libx264 -c:a mp2 -ar 48000 {output_args}', 'mpegts', true, true],
    ['-i {input_url} -c:v libx264 -c:a libmp3lame -ar 48000 {output_args}', 'mpegts', true, false],
    ['-i {input_url} -vf setpts=PTS-STARTPTS -c:v libx264 -c:a aac {output_args}', 'mpegts', false, true],
    ['-i {input_url} -filter_complex [0:v]null[v] -map [v] -c:v libx264 {output_args}', 'mpegts', false, false],
  ])('%s as %s', (profile, format, video, audio) => {
    expect(resumesExactly(resolve(profile, format))).toEqual({ video, audio });
  });
});

describe('real output', () => {
  const source = (): Buffer => {
    const path = workspace.make('source.ts', [
      ...synthetic({ seconds: 3, size: '160x90' }),
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-c:a', 'aac'],
    ]);
    const [first] = packetsOf(path, 'v');
    if (first === undefined) throw new Error('no video');
    return tailOf(path, first);
  };

  test.each([
    ['default', 'mpegts'],
    ['default', 'mp4'],
    ['lowlatency', 'matroska'],
    ['default', 'webm'],
    ['hevc', 'mp4'],
    ['audio', 'mp4'],
    ['default', 'mp3'],
    ['audio', 'adts'],
  ])('%s as %s holds every frame once', async (profile, format) => {
    const { output, stderr } = await transform(pipe(profile, format), source());
    expect(stderr).not.toMatch(/\[(?:error|fatal)\]/);
    const path = workspace.write(`out.${format}`, output);
    const frames = packetsOf(path, 'v').length;
    if (profile === 'audio' || format === 'mp3') expect(frames).toBe(0);
    else expect(frames).toBe(75);
    expect(packetsOf(path, 'a').length).toBeGreaterThan(100);
    // A container that stays open cannot know its length; fragments come as they are made.
    if (format === 'mp4') expect(output.includes('moof')).toBe(true);
  });

  test('a built-in scale keeps the shape of the picture, squares its pixels and never enlarges it', async () => {
    const sized = async (size: string, sar: string): Promise<string | undefined> => {
      const path = workspace.make('sized.ts', [
        ...['-f', 'lavfi', '-i', `color=gray:size=${size}:rate=25`, '-vf', `setsar=${sar}`, '-frames:v', '8'],
        ...['-c:v', 'libx264', '-preset', 'ultrafast'],
      ]);
      const [first] = packetsOf(path, 'v');
      if (first === undefined) throw new Error('no video');
      const { stderr } = await transform(pipe('720p'), tailOf(path, first));
      return /Output #0[\s\S]*?Video:.*?\b(\d+x\d+ \[SAR 1:1)/.exec(stderr)?.[1];
    };
    expect(await sized('1920x800', '1')).toBe('1280x534 [SAR 1:1');
    expect(await sized('720x576', '64/45')).toBe('1024x576 [SAR 1:1');
    expect(await sized('642x362', '1')).toBe('642x362 [SAR 1:1');
  });
});
