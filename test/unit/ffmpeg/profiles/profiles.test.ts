/** Which arguments a request resolves to. */
import { describe, expect, test } from 'vitest';
import { StreampoolError } from '../../../../services/proxy/src/errors.ts';
import {
  type Container,
  containerOf,
  contentTypeOf,
} from '../../../../services/proxy/src/ffmpeg/arguments/container.ts';
import { type HardwareAcceleration, NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import {
  listProfiles,
  type ResolvedProfile,
  resolveProfile,
} from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const INPUT = 'http://provider.example/1.ts';

function resolve(
  profile: string,
  outputFormat?: string,
  variables: Record<string, string> = {},
  hardware = NO_HARDWARE,
): ResolvedProfile {
  return resolveProfile({ profile, variables, inputUrl: INPUT, ...(outputFormat ? { outputFormat } : {}) }, hardware);
}

const option = (args: readonly string[], name: string): string | undefined => args[args.indexOf(name) + 1];

describe('containers', () => {
  test.each<[string, Container | undefined, string?]>([
    ['mpegts', 'mpegts', 'video/mp2t'],
    ['ts', 'mpegts'],
    [' MP4 ', 'mp4', 'video/mp4'],
    ['matroska', 'matroska', 'video/x-matroska'],
    ['mkv', 'matroska'],
    ['webm', 'webm', 'video/webm'],
    ['adts', 'adts', 'audio/aac'],
    ['aac', 'adts'],
    ['mp3', 'mp3', 'audio/mpeg'],
    ['mov', 'mov', 'video/mp4'],
    ['flv', 'flv', 'video/x-flv'],
    ['mpg', 'mpeg', 'video/mpeg'],
    ['ogg', 'ogg', 'video/ogg'],
    ['avi', undefined],
    ['hls', undefined],
    ['toString', undefined],
  ])('%s', (name, container, type) => {
    expect(containerOf(name)).toBe(container);
    if (container !== undefined && type !== undefined) expect(contentTypeOf(container)).toBe(type);
  });
});

describe('built-in profiles', () => {
  test('are the seven that clients know, each with a description', () => {
    expect(listProfiles().map(({ name }) => name)).toEqual([
      'default',
      'hq',
      'lowlatency',
      '720p',
      '1080p',
      'hevc',
      'audio',
    ]);
    for (const { description } of listProfiles()) expect(description).not.toBe('');
  });

  test('an unknown one is a 400 that lists them', () => {
    expect(() => resolve('x')).toThrow(
      new StreampoolError(
        400,
        `Profile 'x' not found. Available profiles: default, hq, lowlatency, 720p, 1080p, hevc, audio`,
      ),
    );
  });

  test.each<[string, string | undefined, Container, boolean, 'encode' | 'none']>([
    ['default', undefined, 'mpegts', false, 'encode'],
    ['default', 'hls', 'mpegts', true, 'encode'],
    ['720p', 'mp4', 'mp4', false, 'encode'],
    ['hq', 'mkv', 'matroska', false, 'encode'],
    ['1080p', 'webm', 'webm', false, 'encode'],
    ['default', 'mp3', 'mp3', false, 'none'],
    ['default', 'adts', 'adts', false, 'none'],
    ['audio', undefined, 'adts', false, 'none'],
    ['audio', 'mpegts', 'mpegts', false, 'none'],
  ])('%s as %s', (name, format, container, hls, video) => {
    expect(resolve(name, format)).toMatchObject({ name, container, hls, video, audio: 'encode' });
  });

  test('report the variables in effect, and the arguments with them', () => {
    const { variables, args } = resolve('default', undefined, { video_bitrate: '3500k' });
    expect(variables).toEqual({
      input_url: INPUT,
      output_args: 'pipe:1',
      format: 'mpegts',
      video_bitrate: '3500k',
      bufsize: '7000k',
      audio_bitrate: '128k',
    });
    expect(option(args, '-i')).toBe(INPUT);
    expect(option(args, '-maxrate')).toBe('3500k');
    expect(args.slice(-3)).toEqual(['-f', 'mpegts', 'pipe:1']);
  });

  test('encode with what the container can hold', () => {
    expect(option(resolve('default', 'webm').args, '-c:v')).toBe('libvpx-vp9');
    expect(option(resolve('default', 'webm').args, '-c:a')).toBe('libopus');
    expect(option(resolve('default', 'mp3').args, '-c:a')).toBe('libmp3lame');
    expect(option(resolve('default', 'mpeg').args, '-c:v')).toBe('mpeg2video');
    expect(option(resolve('hq', 'mpeg').args, '-q:v')).toBe('4');
    expect(option(resolve('default', 'mpeg').args, '-c:a')).toBe('mp2');
    expect(option(resolve('720p', 'ogg').args, '-c:v')).toBe('libtheora');
    expect(option(resolve('default', 'ogg').args, '-c:a')).toBe('libopus');
    expect(option(resolve('default', 'flv').args, '-c:v')).toBe('libx264');
    expect(option(resolve('hevc', 'mov').args, '-tag:v')).toBe('hvc1');
    expect(() => resolve('hevc', 'webm')).toThrow(/WebM cannot hold HEVC/);
    expect(() => resolve('hevc', 'mpeg')).toThrow(/A program stream cannot hold HEVC/);
  });

  test('a format that is not supported is a 422 that names those that are', () => {
    expect(() => resolve('default', 'avi')).toThrow(
      /'avi' is not supported; use one of mpegts, mp4, mov, matroska, webm, flv, mpeg, ogg, adts, mp3, hls/,
    );
  });

  test.each<[HardwareAcceleration['type'], string, string]>([
    ['nvenc', 'h264_nvenc', 'scale_cuda'],
    ['vaapi', 'h264_vaapi', 'scale_vaapi'],
    ['qsv', 'h264_qsv', 'scale_qsv'],
  ])('use %s where it was probed, from decoder to encoder', (type, encoder, scaler) => {
    const hardware = { type, device: '/dev/dri/renderD129', hevc: false };
    for (const name of ['default', 'hq', 'lowlatency', '720p', '1080p']) {
      const { args, inputOptions } = resolve(name, undefined, {}, hardware);
      expect(option(args, '-c:v')).toBe(encoder);
      expect(option(args, '-vf')).toContain(scaler);
      expect(option(args, '-vf')).not.toMatch(/(?:^|,)scale=/);
      expect(args).not.toContain('-crf');
      expect(inputOptions).toContain('-hwaccel_output_format');
    }
    expect(option(resolve('hevc', undefined, {}, hardware).args, '-c:v')).toBe('libx265');
    expect(resolve('audio', undefined, {}, hardware).inputOptions).toEqual([]);
  });
});

describe('templates', () => {
  test.each<[string, string | undefined, Container, boolean]>([
    ['-i {input_url} -c copy -f matroska {output_args}', undefined, 'matroska', false],
    ['-i {input_url} -c copy -f {format} {output_args}', 'mp4', 'mp4', false],
    ['-i {input_url} -c copy {output_args}', 'mkv', 'matroska', false],
    ['-i {input_url} -c copy {output_args}', undefined, 'mpegts', false],
    ['-i {input_url} -c copy -f hls {output_args}', undefined, 'mpegts', true],
    ['-i {input_url} -c copy -hls_time 4 {output_args|index.m3u8}', undefined, 'mpegts', true],
    ['-i {input_url} -c copy index.m3u8', undefined, 'mpegts', true],
  ])('%s as %s', (profile, format, container, hls) => {
    expect(resolve(profile, format)).toMatchObject({ name: 'custom', container, hls, video: 'copy', audio: 'copy' });
  });

  test('are not HLS because their input is', () => {
    const profile = '-i {input_url} -c copy -f mpegts {output_args}';
    const inputUrl = 'http://provider.example/index.m3u8';
    expect(resolveProfile({ profile, variables: {}, inputUrl }, NO_HARDWARE).hls).toBe(false);
  });

  test.each<[string, ResolvedProfile['video'], ResolvedProfile['audio']]>([
    ['-c copy', 'copy', 'copy'],
    ['-c:v copy -c:a aac', 'copy', 'encode'],
    ['-vcodec libx264 -acodec copy', 'encode', 'copy'],
    ['-c copy -c:v libx264', 'encode', 'copy'],
    ['-vn -c:a copy', 'none', 'copy'],
    ['-an', 'encode', 'none'],
    ['-map 0:a -c copy', 'none', 'copy'],
    ['-map 0 -map -0:a -c copy', 'copy', 'copy'],
    ['-map 0:1 -c copy', 'copy', 'copy'],
    ['-map 0:v:0 -c:v libx264', 'encode', 'none'],
  ])('with %s', (options, video, audio) => {
    expect(resolve(`-i {input_url} ${options} -f mpegts {output_args}`)).toMatchObject({ video, audio });
  });

  test('keep the length of their HLS segments, and leave the rest of -hls_ out', () => {
    const profile = '-i {input_url} -c copy -hls_time 4 -hls_segment_filename /tmp/x%d.ts -f hls {output_args}';
    expect(resolve(profile)).toMatchObject({ hlsSegmentSeconds: 4, outputOptions: ['-c', 'copy'] });
  });
});
