/**
 * What FFmpeg itself says of sources and of its output, and what is read of the same bytes where there is no FFmpeg. The two agree, so a
 * stream is shown alike whether an FFmpeg makes it or not.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { StderrReader } from '../../services/proxy/src/ffmpeg/process/stderr.ts';
import { DirectMedia } from '../../services/proxy/src/viewers/direct-media.ts';
import { systemClock } from '../../services/shared/clock.ts';
import type { MediaFacts } from '../../services/shared/media-facts.ts';
import { cached, fixture, hlsDirectory, type LoopName } from '../support/fixtures.ts';

/** As a worker starts it. */
const SAYS = ['-hide_banner', '-nostdin', '-loglevel', 'level+info'];
const PACKETS = 188 * 100;

/** What FFmpeg says when it opens a source and makes half a second of output. */
async function saidOf(input: readonly string[], output: readonly string[]) {
  const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg';
  const args = [...SAYS, ...input, ...output, '-t', '0.5', '-f', 'mpegts', 'pipe:1'];
  const { stderr } = await promisify(execFile)(ffmpeg, args, { encoding: 'buffer', maxBuffer: 2 ** 26 });
  const reader = new StderrReader(() => undefined);
  reader.write(stderr.toString());
  reader.end();
  return { input: reader.input, output: reader.output };
}

/** What is read of a transport stream as it passes. */
async function readOf(path: string): Promise<MediaFacts | undefined> {
  let nowMs = 0;
  const media = new DirectMedia({ ...systemClock, monotonicMs: () => nowMs });
  const tap = media.begin('stream');
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at += PACKETS) {
    tap.packets(bytes.subarray(at, at + PACKETS), at === 0);
    nowMs += 10;
  }
  return media.made().stream?.output;
}

const SMALL = { resolution: '320x180', fps: 25 };

it.each<[LoopName, MediaFacts]>([
  ['plain', { ...SMALL, videoCodec: 'h264', audioCodec: 'aac', audioChannels: 'mono' }],
  ['fps-29.97', { ...SMALL, fps: 29.97, videoCodec: 'h264', audioCodec: 'aac', audioChannels: 'mono' }],
  ['hevc', { ...SMALL, videoCodec: 'hevc', audioCodec: 'aac', audioChannels: 'mono' }],
  ['mpeg2', { ...SMALL, videoCodec: 'mpeg2video', audioCodec: 'mp2', audioChannels: 'mono' }],
  ['interlaced-h264', { resolution: '320x192', fps: 25, videoCodec: 'h264', audioCodec: 'aac', audioChannels: 'mono' }],
  [
    'interlaced-mpeg2',
    { resolution: '320x192', fps: 25, videoCodec: 'mpeg2video', audioCodec: 'mp2', audioChannels: 'mono' },
  ],
  ['ac3', { ...SMALL, videoCodec: 'h264', audioCodec: 'ac3', audioChannels: 'mono' }],
  ['audio-only', { audioCodec: 'aac', audioChannels: 'mono' }],
])('%s, copied', async (name, facts) => {
  const { path } = await fixture(name);
  const said = await saidOf(['-f', 'mpegts', '-i', path], ['-c', 'copy']);
  expect(said.input).toEqual(facts);
  expect(said.output).toEqual(facts);
  expect(await readOf(path)).toEqual({
    ...{ resolution: undefined, videoCodec: undefined, fps: undefined },
    ...facts,
  });
});

/** Pictures with three sounds. */
async function manySounds(): Promise<string> {
  const [plain, ac3] = [await fixture('plain'), await fixture('ac3')];
  return cached('three-sounds.ts', (to) => [
    ...['-i', plain.path, '-i', ac3.path, '-map', '0:v', '-map', '0:a', '-map', '1:a', '-map', '0:a', '-c', 'copy'],
    ...['-c:a:2', 'mp2', '-ac:a:2', '2', '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=deu'],
    ...['-f', 'mpegts', to],
  ]);
}

it.each([
  ['the second', ['-map', '0:v', '-map', '0:a:1'], { audioCodec: 'ac3', audioChannels: 'mono' }],
  ['the third', ['-map', '0:v', '-map', '0:a:2'], { audioCodec: 'mp2', audioChannels: 'stereo' }],
])('of several sounds that which FFmpeg takes: %s', async (_, map, sound) => {
  const said = await saidOf(['-i', await manySounds()], [...map, '-c', 'copy']);
  expect(said.input).toEqual({ ...SMALL, videoCodec: 'h264', ...sound });
  expect(said.output).toEqual({ ...SMALL, videoCodec: 'h264', ...sound });
});

it('of several sounds the first, where nothing takes one', async () => {
  expect(await readOf(await manySounds())).toEqual({
    ...{ ...SMALL, videoCodec: 'h264', audioCodec: 'aac', audioChannels: 'mono' },
  });
});

it('an encoder, a filter graph, and six channels', async () => {
  const { path } = await fixture('interlaced-mpeg2');
  const graph = '[0:v]yadif,scale=160:96,fps=30000/1001[v];[0:a]pan=5.1(side)|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0[a]';
  const made = ['-filter_complex', graph, '-map', '[v]', '-map', '[a]', '-c:v', 'libx264', '-c:a', 'ac3'];
  const said = await saidOf(['-i', path], made);
  expect(said.input).toMatchObject({ videoCodec: 'mpeg2video', resolution: '320x192', fps: 25, audioCodec: 'mp2' });
  expect(said.output).toEqual({
    ...{ videoCodec: 'h264', resolution: '160x96', fps: 29.97, audioCodec: 'ac3', audioChannels: '5.1(side)' },
  });
});

it('HLS', async () => {
  const said = await saidOf(['-i', join(await hlsDirectory(), 'vod.m3u8')], ['-c:v', 'libx264', '-c:a', 'aac']);
  const facts = { ...SMALL, videoCodec: 'h264', audioCodec: 'aac', audioChannels: 'mono' };
  expect(said.input).toEqual(facts);
  expect(said.output).toEqual(facts);
});
