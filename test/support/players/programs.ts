/** Players outside a browser, for tests: each plays an address for some seconds, and says what is wrong with what it saw. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { findOnPath } from '../../../services/proxy/src/ffmpeg/host/find-on-path.ts';

const FFMPEG = process.env.FFMPEG_PATH ?? 'ffmpeg';
/** VLC refuses to run as root. */
const NOBODY = 65_534;
/** What a player may take until its first picture, cold, on a busy machine. */
const START_MS = 20_000;

/** Of a film: its last pictures, which begin before they end, and the last of its sound. */
const END_SECONDS = 0.3;

/** What VLC may take until its first picture. */
const VLC_START_S = 5;

/** What each is called on the PATH. */
const PROGRAMS = { ffmpeg: FFMPEG, gstreamer: 'gst-launch-1.0', vlc: 'cvlc', mpv: 'mpv', streamlink: 'streamlink' };

export type Program = keyof typeof PROGRAMS;

export const PLAYER_PROGRAMS = Object.keys(PROGRAMS) as Program[];

/** Whether its tests are skipped: it is not installed, and this is no CI, where `npm test` has installed all of them. */
export function isAbsent(program: Program): boolean {
  return findOnPath(PROGRAMS[program]) === undefined && process.env.CI === undefined;
}

export interface Watch {
  readonly url: string;
  /** Of media. */
  readonly seconds: number;
  readonly container: 'ts' | 'fmp4';
  /** It is a film of so many seconds: the player plays all of it, and ends by itself. */
  readonly isFilm?: boolean;
}

/** Plays an address. Answers what is wrong, one line each; nothing: it has played so many seconds of pictures and sound. */
export function watchWith(program: Program, watch: Watch): Promise<string[]> {
  return WATCHED[program](watch);
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  /** What of it came by stderr. */
  readonly errors: string;
  /** Whether it had to be told to end. */
  readonly wasTold: boolean;
  readonly seconds: number;
}

interface RunOptions {
  readonly asNobody?: boolean;
  /** Told to end as soon as its output says so. */
  readonly isEnough?: (output: string) => boolean;
}

/** Runs a player; `ms`: how long it may run before it is told to end. */
async function run(
  program: Program,
  args: readonly string[],
  ms: number,
  { asNobody = false, isEnough = () => false }: RunOptions = {},
): Promise<Ended> {
  const user = asNobody && process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const env = { ...process.env, HOME: tmpdir(), LC_ALL: 'C.UTF-8' };
  const child = spawn(PROGRAMS[program], args, { stdio: ['ignore', 'pipe', 'pipe'], env, ...user });
  const gone = once(child, 'close');
  let wasTold = false;
  const tell = () => {
    wasTold = true;
    child.kill('SIGINT');
  };
  const asked = setTimeout(tell, ms);
  const killed = setTimeout(() => child.kill('SIGKILL'), ms + 10_000);
  const startMs = performance.now();
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (said: string) => {
    seen += said;
    if (isEnough(seen)) tell();
  });
  const [errors] = await Promise.all([text(child.stderr), gone]);
  clearTimeout(asked);
  clearTimeout(killed);
  return {
    code: child.exitCode,
    output: seen + errors,
    errors,
    wasTold,
    seconds: (performance.now() - startMs) / 1_000,
  };
}

/** Gives a player a file to write, and answers what is wrong with what it has written. */
async function intoFile(watch: Watch, play: (file: string) => Promise<string[]>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'streampool-player-'));
  try {
    chmodSync(folder, 0o777);
    const file = join(folder, 'out.media');
    const faults = await play(file);
    const tooShort = (['v:0', 'a:0'] as const).flatMap((track) => {
      const held = heldSeconds(file, track);
      // Whole segments of 2 s.
      return held < watch.seconds - (watch.isFilm === true ? END_SECONDS : 1.5)
        ? [`${held.toFixed(1)} s of ${track}, not ${watch.seconds} s`]
        : [];
    });
    return [...faults, ...tooShort];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How many seconds of a track a file has. */
function heldSeconds(path: string, track: string): number {
  const args = ['-v', 'error', '-select_streams', track, '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', path];
  const times = spawnSync('ffprobe', args, { maxBuffer: 2 ** 26 })
    .stdout.toString()
    .split('\n')
    .map(Number.parseFloat);
  const known = times.filter((time) => Number.isFinite(time));
  return known.length === 0 ? 0 : Math.max(...known) - Math.min(...known);
}

const linesOf = (output: string): string[] => output.split('\n').filter((line) => line.trim() !== '');

/** A film has ended when the player has. */
const notEnded = ({ isFilm }: Watch, { wasTold }: Ended): string[] =>
  isFilm === true && wasTold ? ['it did not end with the film'] : [];

const WATCHED: Readonly<Record<Program, (watch: Watch) => Promise<string[]>>> = {
  async ffmpeg(watch) {
    const { url, seconds, isFilm = false } = watch;
    const limit = isFilm ? ['-progress', 'pipe:1'] : ['-t', String(seconds)];
    const args = ['-nostdin', '-v', 'warning', '-re', '-i', url, ...limit, '-f', 'null', '-'];
    const ended = await run('ffmpeg', args, START_MS + seconds * 1_000);
    const played = Number(ended.output.match(/(?<=^out_time_us=)\d+$/gm)?.at(-1) ?? 0) / 1e6;
    const tooShort = isFilm && played < seconds - END_SECONDS ? [`it played ${played} s`] : [];
    // It reads the initialisation again now and then, and says so.
    const said = linesOf(ended.errors).filter((line) => !/Found duplicated MOOV Atom|Last message repeated/.test(line));
    return [
      ...(ended.code === 0 ? [] : [`it ended with ${ended.code}`]),
      ...tooShort,
      ...notEnded(watch, ended),
      ...said,
    ];
  },

  async gstreamer(watch) {
    const { url, seconds, isFilm = false } = watch;
    const chain = ['uridecodebin3', `uri=${url}`, '!', 'progressreport', 'update-freq=1', '!', 'fakesink', 'sync=true'];
    const reports = (said: string) => said.match(/progressreport0 \(\d\d:\d\d:\d\d\)/g)?.length ?? 0;
    const isEnough = (said: string) => reports(said) >= seconds;
    const ended = await run('gstreamer', chain, START_MS + seconds * 1_000, isFilm ? {} : { isEnough });
    const { output } = ended;
    const errors = linesOf(output).filter((line) => /ERROR|WARN/.test(line));
    // When all of a film has come, it does not report any more where it is. It plays no faster than the film.
    const played = Number(/Execution ended after \d:00:([\d.]+)/.exec(output)?.[1] ?? 0);
    const isWhole = isFilm ? output.includes('Got EOS') && played >= seconds - END_SECONDS : isEnough(output);
    return isWhole
      ? errors
      : [...errors, `it played ${played} s, reported ${reports(output)} s of ${seconds}: ${output}`];
  },

  vlc(watch) {
    return intoFile(watch, async (file) => {
      const sout = `#std{access=file,mux=ts,dst=${file}}`;
      // Its own limit of time counts from the begin of the first playlist, of which it plays the end.
      const args = ['-vv', watch.url, '--sout', sout, 'vlc://quit'];
      const ms = (watch.isFilm === true ? START_MS : VLC_START_S * 1_000) + watch.seconds * 1_000;
      const ended = await run('vlc', args, ms, { asNobody: true });
      const jumps = linesOf(ended.output).filter((line) => /discontinuity/i.test(line));
      // That of the first fragment.
      return [...notEnded(watch, ended), ...jumps.slice(watch.container === 'ts' ? 0 : 1)];
    });
  },

  async mpv(watch) {
    const { url, seconds, isFilm = false } = watch;
    const quiet = ['--no-config', '--vo=null', '--ao=null', '--msg-level=all=warn'];
    const limit = isFilm ? [] : [`--length=${seconds}`];
    const ended = await run('mpv', [...quiet, ...limit, url], START_MS + seconds * 1_000);
    // It plays no faster than that.
    const tooShort = isFilm && ended.seconds < seconds - END_SECONDS ? [`it ended after ${ended.seconds} s`] : [];
    // Its pretended sound card underruns where the machine is busy.
    const said = linesOf(ended.output).filter((line) => !/Found duplicated MOOV Atom|Audio device underrun/.test(line));
    return [
      ...(ended.code === 0 ? [] : [`it ended with ${ended.code}`]),
      ...tooShort,
      ...notEnded(watch, ended),
      ...said,
    ];
  },

  streamlink(watch) {
    return intoFile(watch, async (file) => {
      const ms = (watch.isFilm === true ? START_MS : 8_000) + watch.seconds * 1_000;
      const ended = await run('streamlink', ['--output', file, watch.url, 'best'], ms);
      // It warns of EXT-X-DISCONTINUITY, which the first segment of a list has.
      const said = linesOf(ended.output).filter((line) => !/Encountered a stream discontinuity/.test(line));
      return [...notEnded(watch, ended), ...said.filter((line) => /error|fail|warning/i.test(line))];
    });
  },
};
