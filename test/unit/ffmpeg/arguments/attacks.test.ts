/** Attacks through a profile's arguments, with a real file: each works on FFmpeg when it is given raw, and none gets past the check. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import { FfmpegReading, readOwnOptions } from '../../../../services/proxy/src/ffmpeg/arguments/own-reading.ts';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { ffmpegVersion } from '../../../../services/proxy/src/ffmpeg/host/locate.ts';
import { buildArguments } from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { FFMPEGS } from '../../../support/newer-ffmpeg.ts';

const folder = mkdtempSync(join(tmpdir(), 'streampool-attacks-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SECRET = join(folder, 'secret.txt');
const MISSING = join(folder, 'missing.txt');
writeFileSync(SECRET, '1:1:1:1');

const SOURCE = ['-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=25:d=0.2'];

/** Exit code, and the files that were left in the working directory. */
function runRaw(ffmpeg: string, args: readonly string[]): { code: number | null; files: string[] } {
  const cwd = mkdtempSync(join(folder, 'run-'));
  const { status } = spawnSync(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...SOURCE, ...args, '-f', 'null', '-'], {
    cwd,
    timeout: 30_000,
  });
  return { code: status, files: readdirSync(cwd) };
}

/** Graphs that read a file: FFmpeg ends well where the file is there, and with an error where it is not. */
const READERS: [string, (path: string) => string][] = [
  ['the text of a file', (path) => `drawtext=textfile=${path}`],
  ['the same behind quotes', (path) => `drawtext=fontcolor='whi'te:text\\file=${path}`],
  ['the same with its name and value quoted', (path) => `drawtext=x=1:'textfile'='${path}'`],
  ['the same behind a second name', (path) => `null@a,drawtext@b=textfile=${path}`],
  ['the same behind labels', (path) => `[in]null[x];[x]drawtext=textfile=${path}[out]`],
  ['the same behind a label with a quote', (path) => `null[a\\'b];[a\\'b]drawtext=textfile=${path}`],
];

/** Options that write a file, into the working directory, by FFmpeg's version. */
const WRITERS: [string, string[], readonly (readonly string[])[]][] = [
  ['a first pass', ['-c:v', 'libx264', '-flags', '+pass1'], [['installed', 'newer']]],
  ['a first pass as bits', ['-c:v', 'libx264', '-flags', '512'], [['installed', 'newer']]],
  ['statistics of x264', ['-c:v', 'libx264', '-x264-params', 'pass=1:stats=out.log'], [['installed', 'newer']]],
  ['metadata', ['-vf', 'metadata=print:file=out.log'], [['installed', 'newer']]],
  ['the value of a flag', ['-autoscale', 'out.ts'], [['newer']]],
];

describe.each(FFMPEGS)('%s', (name, ffmpeg) => {
  const own = ffmpegVersion(ffmpeg).then((version) => readOwnOptions(ffmpeg, version));
  const check = async (options: readonly string[]) => {
    const reading = await own;
    const names = options.map((_, index) => `{v${index}}`);
    const values = Object.fromEntries(options.map((value, index) => [`v${index}`, value]));
    const profile = ['-i {input_url}', ...names, '-f mpegts {output_args}'].join(' ');
    return resolveProfile({ profile, variables: values, inputUrl: 'http://a.example/1.ts' }, NO_HARDWARE, reading);
  };
  const refusal = async (options: readonly string[]): Promise<string> => {
    try {
      await check(options);
    } catch (error) {
      if (error instanceof StreampoolError && error.status === 422) return error.message;
      throw error;
    }
    return 'accepted';
  };

  test.each(READERS)('does read %s, and a profile may not', async (_, graph) => {
    expect(runRaw(ffmpeg, ['-vf', graph(SECRET)]).code).toBe(0);
    expect(runRaw(ffmpeg, ['-vf', graph(MISSING)]).code).not.toBe(0);
    expect(await refusal(['-vf', graph(SECRET)])).not.toBe('accepted');
    expect(await refusal(['-filter:v', graph(SECRET)])).not.toBe('accepted');
    expect(await refusal(['-filter_complex', graph(SECRET)])).not.toBe('accepted');
    // A rate stands in a filter graph of ours.
    expect(await refusal(['-r', `25,${graph(SECRET)}`])).toMatch(/-r may not be '25,.*it takes a frame rate/);
  });

  test.each(WRITERS)('does write %s, and a profile may not', async (_, options, [where = []]) => {
    if (where.some((version) => name.includes(version))) {
      expect(runRaw(ffmpeg, options).files).not.toEqual([]);
    }
    expect(await refusal(options)).not.toBe('accepted');
  });

  test.each([
    [['-vf', 'movie=/proc/self/environ']],
    [['-filter_complex', '[0:v]null[a];movie=/proc/self/environ[b];[a][b]overlay']],
    [['-filter_complex', 'movie=http\\\\://169.254.169.254/']],
    [['-vf', 'selectivecolor=absolute:0:0:0:0:0:0:0:0:0:/proc/self/environ']],
    [['-vf', 'selectivecolor=psfile=/proc/self/environ']],
    [['-vf', 'drawtext=text=a:font=sans\\\\:file=/proc/self/environ']],
    [['-vf', "drawtext=text='%{e\\:while(1,0)}'"]],
    [['-vf', "scale=w='while(1,0)'"]],
    [['-autoscale', '0']],
    [['-flags', '+pass2']],
    [['-flags:v', 'global_header+pass1']],
    [['-pass', '1']],
    [['-/filter:v', SECRET]],
    [['-c:v', 'libx264', '-x264-params', 'zones=0,9,stats=out']],
    [['-c:v', 'libx265', '-x265-params', 'keyint=50:csv=out']],
    [['-sws_flags', 'bicubic:w=1,movie=x']],
    [['-aspect', '16:9,movie=x']],
    [['-s', '1x1,movie=x']],
    [['-ar', '48000,amovie=x']],
    [['-pix_fmt', 'yuv420p,movie=x']],
    [['-force_key_frames', 'expr:while(1,0)']],
    [['-map', '[a];movie=x[b]']],
    [['-metadata', 'title=a\nb']],
  ])('gets nothing of %j', async (options) => {
    expect(await refusal(options)).not.toBe('accepted');
  });

  test('knows every option of the built-in profiles and of those that clients send', async () => {
    const reading = await own;
    const resolve = (profile: string) =>
      resolveProfile({ profile, variables: {}, inputUrl: 'http://a.example/1.ts' }, NO_HARDWARE, reading);
    for (const profile of [
      ...['default', 'hq', 'lowlatency', '720p', '1080p', 'hevc', 'audio'],
      '-i {input_url} -c:v libx264 -preset veryfast -b:v {rate|1500k} -c:a aac -f mpegts {output_args}',
      '-fflags +genpts+discardcorrupt+igndts -i {input_url} -c:v libx264 -preset faster -crf 23 -maxrate 2500k -bufsize 5000k -c:a aac -b:a 192k -f mpegts {output_args|pipe:1}',
      '-i {input_url} -c:v libx264 -c:a aac -hls_time 2 -hls_list_size 30 -hls_flags program_date_time -f hls {output_args|index.m3u8}',
      '-i {input_url} -c:v libx264 -hls_segment_type fmp4 -hls_time 2 -hls_list_size 30 -f hls {output_args|index.m3u8}',
      '-i {input_url} -vf "yadif=1,scale=-2:\'min(720,ih)\',fps=30000/1001,format=yuv420p" -r 25 -c:v libx264 {output_args}',
    ]) {
      const resolved = resolve(profile);
      expect(buildArguments(resolved, { kind: 'pipe' }, { reading }).at(-1)).toBe('pipe:1');
    }
  });
});

test('a record that another worker wrote is checked again before it runs', () => {
  const record = resolveProfile({ profile: 'default', variables: {}, inputUrl: 'http://a.example/1.ts' }, NO_HARDWARE);
  const forged = { ...record, outputOptions: [...record.outputOptions, '-r', `25,drawtext=textfile=${SECRET}`] };
  expect(() => buildArguments(forged, { kind: 'pipe' })).toThrow(/-r may not be/);
  const second = { ...record, outputOptions: [...record.outputOptions, 'out.ts'] };
  expect(() => buildArguments(second, { kind: 'pipe' })).toThrow(/is no option/);
});

test('an option that the FFmpeg here reads otherwise than the table, or does not know, is refused', () => {
  const resolve = (options: string) =>
    resolveProfile(
      { profile: `-i {input_url} ${options} {output_args}`, variables: {}, inputUrl: 'http://a.example/1.ts' },
      NO_HARDWARE,
      new FfmpegReading(
        new Map([
          ['c', true],
          ['crf', false],
          ['vn', true],
        ]),
        '9.0',
      ),
    );
  expect(resolve('-c copy').outputOptions).toEqual(['-c', 'copy']);
  expect(() => resolve('-c copy -crf 1')).toThrow(
    /'-crf' is refused: FFmpeg 9.0 on this worker takes no value after it/,
  );
  expect(() => resolve('-vn')).toThrow(/'-vn' is refused: .* takes a value after it/);
  expect(() => resolve('-qp 1')).toThrow(/'-qp' is refused: .* does not know it/);
});

test('an FFmpeg that does not say how it reads is not used', async () => {
  await expect(readOwnOptions('/bin/true', 'x')).rejects.toThrow(/does not say how it reads its options/);
});
