/** One FFmpeg: started without a shell, ended with its worker; its stderr is read and logged. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { writeFile } from 'node:fs';
import { constants as osConstants, setPriority } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Logger } from '../../../../shared/log.ts';
import { findOnPath } from '../host/find-on-path.ts';
import { type CommandLine, ffmpegEnvironment, type Sandbox } from '../host/sandbox.ts';
import { classifyExit, type FfmpegExit } from './exit.ts';
import { type FfmpegSaid, StderrReader } from './stderr.ts';
import type { FfmpegTally } from './tally.ts';

export interface SpawnRequest {
  sandbox: Sandbox;
  args: readonly string[];
  /** `pipe`: media is written to `stdin`. */
  input: 'pipe' | 'none';
  log: Pick<Logger, 'debug' | 'warn'>;
  /** Its name in the log. */
  name: string;
  /** Counts it. Unset: nobody does. */
  tally?: FfmpegTally | undefined;
  /** For an FFmpeg that opens its own input: the gateway's port, and variables for its environment. */
  gateway?: { readonly port: number; readonly environment: Readonly<Record<string, string>> } | undefined;
}

export interface FfmpegProcess {
  /** Undefined when the program could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** Resolves when it has ended and a flowing reader has got all of `stdout`. Never rejects. */
  readonly exited: Promise<FfmpegExit>;
  /** Length of the input in seconds, once known; undefined when it has none, or FFmpeg ended first. */
  readonly duration: Promise<number | undefined>;
  /** What it has said, as of the moment of asking. */
  readonly said: FfmpegSaid;
  /** Ends it at once. */
  kill(): void;
}

/**
 * Encoding gets a lower priority than the worker, which serves everybody. A late keyframe is noticed less than late
 * writes to all.
 */
const NICENESS = 5;

/** When memory runs out, the kernel ends an FFmpeg, which restarts without loss, and not the worker. */
const OOM_SCORE = '500';

const setpriv = findOnPath('setpriv');

/**
 * Starts FFmpeg. Call it from the main thread, because the parent-death signal is tied to the thread that spawns. When
 * a program cannot be started, `exited` resolves with reason `failed`.
 */
export function spawnFfmpeg(request: SpawnRequest): FfmpegProcess {
  const { log, name, tally } = request;
  const { program, args, cwd, killSignal } = commandLine(request);
  const env = { ...ffmpegEnvironment(), ...request.gateway?.environment };
  const child: ChildProcessByStdio<Writable | null, Readable, Readable> =
    request.input === 'pipe'
      ? spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env, cwd, shell: false })
      : spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, cwd, shell: false });
  tally?.started();
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
  child.stderr.on('error', (error) => log.debug({ ffmpeg: name, err: error }, 'reading stderr of FFmpeg failed'));
  // FFmpeg may end while the worker writes to it. `exited` reports that, not a pipe error.
  child.stdin?.on('error', (error) => log.debug({ ffmpeg: name, err: error }, 'writing to stdin of FFmpeg failed'));

  let wasKilled = false;
  let finishEarly: () => void = () => undefined;
  const exited = new Promise<FfmpegExit>((resolve) => {
    let isFinished = false;
    const finish = (code: number | null, signal: string | null, killed: boolean): void => {
      if (isFinished) return;
      isFinished = true;
      stderr.end();
      reportDuration(undefined);
      const { progress, lines } = stderr;
      const exit = classifyExit({ code, signal, progress, lines, killed });
      tally?.ended(exit.reason);
      log.debug({ ffmpeg: name, pid: child.pid, ...exit }, 'FFmpeg ended');
      resolve(exit);
    };
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      stderr.write(`${error.message}\n`);
      finish(127, null, false);
    });
    child.once('exit', (code, signal) => {
      const killed = wasKilled;
      finishEarly = () => finish(code, signal, killed);
      // A flowing reader gets the rest of the output first. A reader that has paused or ended does not delay this.
      if (!wasKilled && child.stdout.readableFlowing === true) child.once('close', finishEarly);
      else if (child.stderr.closed) setImmediate(finishEarly);
      else child.stderr.once('close', () => setImmediate(finishEarly));
    });
  });

  const kill = (): void => {
    wasKilled = true;
    child.kill(killSignal);
    finishEarly();
  };
  return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, exited, duration, said: stderr, kill };
}

/** Without the helper, FFmpeg still dies with its worker if setpriv is available. */
function commandLine({ sandbox, args, gateway }: SpawnRequest): CommandLine {
  const line = sandbox.commandLine(args, gateway?.port);
  if (sandbox.isUp || setpriv === undefined) return line;
  return { ...line, program: setpriv, args: ['--pdeathsig', 'KILL', '--', line.program, ...line.args] };
}

function deprioritise(pid: number): void {
  try {
    setPriority(pid, Math.min(NICENESS, osConstants.priority.PRIORITY_LOW));
  } catch {
    // It has already ended, or the system does not allow it. Neither matters.
  }
  writeFile(`/proc/${pid}/oom_score_adj`, OOM_SCORE, () => undefined);
}
