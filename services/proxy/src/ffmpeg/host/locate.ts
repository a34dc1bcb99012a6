/** Finds the FFmpeg to use, and refuses one that is too old. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { StreampoolError } from '../../errors.ts';
import { findOnPath } from './find-on-path.ts';

const run = promisify(execFile);

/** The first version with -fps_mode; in Debian since 12, in Ubuntu since 23.04. */
const OLDEST = { major: 5, minor: 1 };

export interface LocatedFfmpeg {
  path: string;
  /** As FFmpeg prints it, for example `5.1.9-0+deb12u1`. */
  version: string;
}

/**
 * Finds the FFmpeg to run.
 *
 * @param configured FFMPEG_PATH; without it the first `ffmpeg` on PATH.
 * @throws StreampoolError 503 when there is none, it does not run, or it is older than 5.1.
 */
export async function locateFfmpeg(configured?: string, searchPath?: string): Promise<LocatedFfmpeg> {
  // Looks for a bare name on PATH, like a shell.
  const path = configured?.includes('/') ? resolve(configured) : findOnPath(configured || 'ffmpeg', searchPath);
  if (path === undefined) {
    throw new StreampoolError(
      503,
      'FFmpeg was not found: install version 5.1 or newer (Debian, Ubuntu: apt-get install ffmpeg), or set FFMPEG_PATH to it.',
    );
  }
  const version = await ffmpegVersion(path);
  if (isTooOld(version)) {
    throw new StreampoolError(
      503,
      `FFmpeg ${version} at ${path} is too old: version 5.1 or newer is needed (set FFMPEG_PATH).`,
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

/** Development builds (`N-118000-g1234567`, `git-2025-...`) count as newer than any release. */
export function isTooOld(version: string): boolean {
  const match = /^n?(\d+)(?:\.(\d+))?/.exec(version);
  if (match === null) return false;
  const [major, minor] = [Number(match[1]), Number(match[2] ?? 0)];
  return major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor);
}
