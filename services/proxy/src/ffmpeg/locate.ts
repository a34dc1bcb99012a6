/** Finds the FFmpeg to use, and refuses one that is too old. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { StreampoolError } from '../errors.ts';
import { findOnPath } from './process.ts';

const run = promisify(execFile);

/** Older ones lack what shared processes rely on; distributions have had 5.1 since Debian 12. */
const OLDEST_MAJOR = 5;

export interface LocatedFfmpeg {
  path: string;
  /** As FFmpeg prints it, such as `5.1.9-0+deb12u1`. */
  version: string;
}

/**
 * The FFmpeg to run.
 *
 * @param configured FFMPEG_PATH; without it the first `ffmpeg` on PATH is taken.
 * @throws StreampoolError 503 when there is none, it does not run, or it is older than version 5.
 */
export async function locateFfmpeg(configured?: string, searchPath?: string): Promise<LocatedFfmpeg> {
  const path = configured || findOnPath('ffmpeg', searchPath);
  if (path === undefined) {
    throw new StreampoolError(503, 'FFmpeg was not found: install version 5 or newer (Debian, Ubuntu: apt-get install ffmpeg), or set FFMPEG_PATH to it.');
  }
  const version = await ffmpegVersion(path);
  const major = majorVersion(version);
  if (major !== undefined && major < OLDEST_MAJOR) {
    throw new StreampoolError(
      503,
      `FFmpeg ${version} at ${path} is too old: version 5 or newer is needed (set FFMPEG_PATH).`,
    );
  }
  return { path, version };
}

/**
 * The version that the FFmpeg at `path` reports.
 *
 * @throws StreampoolError 503 when it does not run or is not FFmpeg.
 */
export async function ffmpegVersion(path: string): Promise<string> {
  let output: string;
  try {
    output = (await run(path, ['-hide_banner', '-version'], { timeout: 10_000 })).stdout;
  } catch (error) {
    throw new StreampoolError(503, `FFmpeg at ${path} does not run: set FFMPEG_PATH to one that does.`, {
      cause: error,
    });
  }
  const version = /^ffmpeg version (\S+)/m.exec(output)?.[1];
  if (version === undefined) throw new StreampoolError(503, `${path} is not FFmpeg: set FFMPEG_PATH to it.`);
  return version;
}

/** Undefined for development builds, which are newer than any release: `N-118000-g1234567`, `git-2025-...`. */
export function majorVersion(version: string): number | undefined {
  const major = /^n?(\d+)\./.exec(version)?.[1];
  return major === undefined ? undefined : Number(major);
}
