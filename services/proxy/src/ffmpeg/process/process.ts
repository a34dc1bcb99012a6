/** One FFmpeg: started without a shell, dying with its worker, read for what it says. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFile } from 'node:fs';
import { constants as osConstants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Logger } from '../../../../shared/log.ts';
import { findOnPath } from '../host/find-on-path.ts';
import { type CommandLine, ffmpegEnvironment, type Sandbox } from '../host/sandbox.ts';
import { classifyExit, type FfmpegExit } from './exit.ts';
import { type ProcessMediaInfo, StderrReader } from './stderr.ts';

export interface SpawnRequest {
  sandbox: Sandbox;
  args: readonly string[];
  /** `pipe`: media is written to `stdin`. */
  input: 'pipe' | 'none';
  log: Pick<Logger, 'debug' | 'warn'>;
  /** What the log calls it. */
  name: string;
  /** For an FFmpeg that opens its own input: where the gateway listens, and what it needs in its environment. */
  gateway?: { readonly port: number; readonly environment: Readonly<Record<string, string>> } | undefined;
}

export interface FfmpegProcess {
  /** Undefined when the program could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** Resolves when it has ended and a reader that is flowing has got all of `stdout`; never rejects. */
  readonly exited: Promise<FfmpegExit>;
  /** Length of the input in seconds, once known; undefined when it has none, or FFmpeg ended first. */
  readonly duration: Promise<number | undefined>;
  /** What stderr has shown so far. */
  mediaInfo(): ProcessMediaInfo;
  /** Ends it at once. */
  kill(): void;
  /** Lets it finish what it has; kills it after `graceMs`. */
  stop(graceMs: number): Promise<FfmpegExit>;
}

/** Encoding gives way to the worker, which serves everybody: a late keyframe is noticed less than a late write to all. */
const NICENESS = 5;

/** When memory runs out the kernel takes an FFmpeg, which is restarted without a loss, and not the worker. */
const OOM_SCORE = '500';

const setpriv = findOnPath('setpriv');

/**
 * Starts FFmpeg. To be called from the main thread: the parent-death signal is tied to the thread that spawns.
 * A program that cannot be started shows as an `exited` with reason `failed`.
 */
export function spawnFfmpeg(request: SpawnRequest): FfmpegProcess {
  const { log, name } = request;
  const { program, args, cwd, killSignal } = commandLine(request);
  const env = { ...ffmpegEnvironment(), ...request.gateway?.environment };
  const child: ChildProcessByStdio<Writable | null, Readable, Readable> =
    request.input === 'pipe'
      ? spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, cwd, shell: false })
      : spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd, shell: false });
  if (child.pid !== undefined && !request.sandbox.isUp) deprioritise(child.pid);

  let reportDuration: (seconds: number | undefined) => void = () => undefined;
  const duration = new Promise<number | undefined>((resolve) => {
    reportDuration = resolve;
  });
  const stderr = new StderrReader(reportDuration);
  const decoder = new StringDecoder('utf8');
  child.stderr.on('data', (bytes: Buffer) => {
    for (const line of stderr.write(decoder.write(bytes))) log.debug({ ffmpeg: name, pid: child.pid }, line);
  });
  child.stderr.on('error', (error) => log.debug({ ffmpeg: name, err: error }, 'stderr of FFmpeg broke'));
  // FFmpeg may end while it is written to: that is told by `exited`, not by an error of a pipe.
  child.stdin?.on('error', (error) => log.debug({ ffmpeg: name, err: error }, 'stdin of FFmpeg broke'));

  let asked: 'stop' | 'kill' | undefined;
  let finishEarly: () => void = () => undefined;
  const exited = new Promise<FfmpegExit>((resolve) => {
    let isFinished = false;
    const finish = (code: number | null, signal: string | null, askedBefore: typeof asked): void => {
      if (isFinished) return;
      isFinished = true;
      stderr.end();
      reportDuration(undefined);
      const { progress, lines } = stderr;
      const exit = classifyExit({ code, signal, progress, lines, asked: askedBefore });
      log.debug({ ffmpeg: name, pid: child.pid, ...exit }, 'FFmpeg ended');
      resolve(exit);
    };
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      stderr.write(`${error.message}\n`);
      finish(127, null, undefined);
    });
    child.once('exit', (code, signal) => {
      const askedBefore = asked;
      finishEarly = () => finish(code, signal, askedBefore);
      // Whoever reads along gets the rest of the output first; a reader that has paused, or ended it, does not hold this up.
      if (asked === undefined && child.stdout.readableFlowing === true) child.once('close', finishEarly);
      else if (child.stderr.closed) setImmediate(finishEarly);
      else child.stderr.once('close', () => setImmediate(finishEarly));
    });
  });

  const kill = (): void => {
    asked ??= 'kill';
    child.kill(killSignal);
    finishEarly();
  };
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    exited,
    duration,
    mediaInfo: () => structuredClone(stderr.media),
    kill,
    stop: async (graceMs) => {
      asked ??= 'stop';
      // While it waits for input FFmpeg does not look at signals; the end of its input it sees.
      child.stdin?.end();
      child.kill('SIGTERM');
      finishEarly();
      const timer = setTimeout(() => child.kill(killSignal), graceMs);
      try {
        return await exited;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Without a helper FFmpeg still dies with its worker where there is setpriv. */
function commandLine({ sandbox, args, gateway }: SpawnRequest): CommandLine {
  const line = sandbox.commandLine(args, gateway?.port);
  if (sandbox.isUp || setpriv === undefined) return line;
  return { ...line, program: setpriv, args: ['--pdeathsig', 'KILL', '--', line.program, ...line.args] };
}

function deprioritise(pid: number): void {
  try {
    setPriority(pid, Math.min(NICENESS, osConstants.priority.PRIORITY_LOW));
  } catch {
    // It has ended already, or the system does not let us: neither matters.
  }
  writeFile(`/proc/${pid}/oom_score_adj`, OOM_SCORE, () => undefined);
}
