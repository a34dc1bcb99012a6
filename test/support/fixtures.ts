/** Test media, made once with FFmpeg and kept in .cache/fixtures: seamless MPEG-TS loops, finite files and HLS directories. */
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LOOPS, type LoopName, type LoopSpec } from './fixture-specs.ts';

export { LOOPS, type LoopName } from './fixture-specs.ts';

/** A loop that repeats without a seam when each round adds `loopTicks` to its timestamps. */
export interface Fixture extends LoopSpec {
  name: LoopName;
  path: string;
}

const CACHE = join(import.meta.dirname, '..', '..', '.cache', 'fixtures');
/** Raise this when the same arguments produce other media. */
const VERSION = 1;
/** One fixture takes a few seconds; an FFmpeg that takes this long has hung. */
const MAX_ENCODING_MS = 60_000;

/** The loop of that name, made on first use (1 to 5 s). */
export async function fixture(name: LoopName): Promise<Fixture> {
  const spec: LoopSpec = LOOPS[name];
  const audio = await cached('audio.ts', (to) => [...spec.audioArgs, '-f', 'mpegts', to]);
  if (spec.videoArgs === undefined) return { ...spec, name, path: audio };
  const { videoArgs } = spec;
  const video = await cached('video.ts', (to) => [...videoArgs, '-f', 'mpegts', to]);
  const path = await cached(`${name}.ts`, (to) => ['-i', video, '-i', audio, '-c', 'copy', '-f', 'mpegts', to]);
  return { ...spec, name, path };
}

const FINITE = {
  /** 20 s, H.264/AAC, `moov` first. */
  'movie.mp4': ['-c', 'copy', '-movflags', '+faststart', '-f', 'mp4'],
  'movie.mkv': ['-c', 'copy', '-f', 'matroska'],
  'movie.ts': ['-c', 'copy', '-f', 'mpegts'],
  /** 60 s of the same. */
  'long.mkv': ['-c', 'copy', '-f', 'matroska'],
  /** 20 s of pictures, with sound for the first 8 s or from there on. */
  'sound-ends.mkv': ['-map', '0:v', '-map', '1:a', '-c', 'copy', '-f', 'matroska'],
  'sound-begins.mkv': ['-map', '0:v', '-map', '1:a', '-c', 'copy', '-f', 'matroska'],
  /** 20 s whose pictures say their numbers. */
  'numbered.mkv': ['-c', 'copy', '-f', 'matroska'],
} satisfies Record<string, string[]>;

export type FiniteName = keyof typeof FINITE;
export const FINITE_SECONDS = 20;
export const LONG_SECONDS = 60;
/** Where the sound of `sound-ends.mkv` ends, and that of `sound-begins.mkv` begins. */
export const SOUND_SECONDS = 8;

/** A file that ends. */
export async function finiteFile(name: FiniteName): Promise<string> {
  const { path } = await fixture(name === 'numbered.mkv' ? 'numbered' : 'plain');
  const seconds = name === 'long.mkv' ? LONG_SECONDS : FINITE_SECONDS;
  const loop = (length: number) => ['-stream_loop', '-1', '-t', String(length), '-i', path];
  const sound = {
    'sound-ends.mkv': loop(SOUND_SECONDS),
    'sound-begins.mkv': ['-itsoffset', String(SOUND_SECONDS), ...loop(FINITE_SECONDS - SOUND_SECONDS)],
  };
  if (name === 'sound-ends.mkv' || name === 'sound-begins.mkv')
    return cached(name, (to) => [...loop(seconds), ...sound[name], ...FINITE[name], to]);
  const input = ['-stream_loop', '-1', '-i', path, '-t', String(seconds)];
  return cached(name, (to) => [...input, ...FINITE[name], to]);
}

/** A directory with `vod.m3u8` (ended) and its segments `seg0.ts`, …: as many whole ones as the film has, of 2 s or of 6 s. */
export async function hlsDirectory(segmentSeconds: 2 | 6 = 2): Promise<string> {
  const movie = await finiteFile('movie.ts');
  const time = String(segmentSeconds);
  const args = ['-c', 'copy', '-f', 'hls', '-hls_time', time, '-hls_playlist_type', 'vod', '-hls_list_size', '0'];
  const whole = FINITE_SECONDS - (FINITE_SECONDS % segmentSeconds);
  const limit = whole === FINITE_SECONDS ? [] : ['-t', String(whole)];
  return cached(
    'hls',
    (to) => ['-i', movie, ...limit, ...args, '-hls_segment_filename', join(to, 'seg%d.ts'), join(to, 'vod.m3u8')],
    true,
  );
}

/** Makes every fixture that is missing, one after the other. */
export async function makeAllFixtures(): Promise<void> {
  for (const name of Object.keys(LOOPS) as LoopName[]) await fixture(name);
  for (const name of Object.keys(FINITE) as FiniteName[]) await finiteFile(name);
  await hlsDirectory();
}

const underway = new Map<string, Promise<string>>();

/** The file or directory that these arguments make; normally made once. Racing processes make it twice, and the last one wins. */
export async function cached(name: string, argsFor: (to: string) => string[], directory = false): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify([VERSION, argsFor(name)]))
    .digest('hex')
    .slice(0, 16);
  const path = join(CACHE, key, name);
  const running = underway.get(path) ?? make(path, argsFor, directory);
  underway.set(path, running);
  return running;
}

async function make(path: string, argsFor: (to: string) => string[], directory: boolean): Promise<string> {
  if (await exists(path)) return path;
  const scratch = join(CACHE, `tmp-${randomUUID()}`);
  const target = join(scratch, directory ? 'dir' : 'file');
  await mkdir(directory ? target : scratch, { recursive: true });
  try {
    await runFfmpeg(argsFor(target));
    await mkdir(join(path, '..'), { recursive: true });
    await rename(target, path).catch(async (error: unknown) => {
      if (!(await exists(path))) throw error;
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return path;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function runFfmpeg(args: string[]): Promise<void> {
  const ffmpeg = process.env.FFMPEG_PATH ?? 'ffmpeg';
  const child = spawn(ffmpeg, ['-nostdin', '-v', 'error', '-fflags', '+bitexact', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: MAX_ENCODING_MS,
    killSignal: 'SIGKILL',
  });
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`ffmpeg could not make a fixture (${code}): ${words}\nffmpeg ${args.join(' ')}`);
}
