/** Recorders in a separate process, for load: bytes stay there, in files or with the judge; only verdicts come back. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Verdict } from './judge/verdict.ts';
import type { Recording, RecordOptions } from './recorder.ts';

export interface RecordJob {
  /** One client per URL; a URL may occur many times. */
  urls: string[];
  options?: Omit<RecordOptions, 'signal'>;
  /** Judge each recording there; default true. */
  judge?: boolean;
  /** Write each recording's bytes to a file in `directory`; default false. */
  files?: boolean;
  /** Milliseconds between the starts of two clients; default 0. */
  staggerMs?: number;
}

/** A recording whose bytes stayed in the other process or in the file `path`. */
export interface RemoteRecording extends Omit<Recording, 'bytes' | 'arrivals'> {
  path: string | undefined;
  verdict: Verdict | undefined;
}

export interface RecordingProcess {
  readonly pid: number;
  /** CPU time of the other process in seconds, when done. */
  readonly done: Promise<{ recordings: RemoteRecording[]; cpuSeconds: number }>;
  /** Ends all recordings now; `done` then resolves with them. */
  stop(): void;
  /** Deletes the files. */
  cleanUp(): Promise<void>;
}

/** What the child sends when it is done. */
export interface RecordResult {
  recordings: RemoteRecording[];
  cpuSeconds: number;
}

/**
 * Records in a child process.
 *
 * @example
 * const clients = await startRecordingProcess({ urls: Array(30).fill(url), options: { seconds: 60 } });
 * for (const { verdict } of (await clients.done).recordings) expectClean(verdict);
 */
export async function startRecordingProcess(job: RecordJob): Promise<RecordingProcess> {
  const directory = await mkdtemp(join(tmpdir(), 'streampool-recordings-'));
  const child = fork(join(import.meta.dirname, 'recorder-child.ts'), [directory, JSON.stringify(job)], {
    cwd: join(import.meta.dirname, '..', '..'),
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
  const done = new Promise<RecordResult>((resolve, reject) => {
    child.once('message', (result: RecordResult) => {
      resolve(result);
      child.disconnect();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the recording process exited with ${code}`)));
  });
  return {
    pid: child.pid ?? 0,
    done,
    stop: () => child.connected && child.send('stop'),
    cleanUp: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The bytes of a recording that was written to a file. */
export async function bytesOf(recording: RemoteRecording): Promise<Buffer> {
  if (recording.path === undefined) throw new Error('recorded without `files: true`');
  return readFile(recording.path);
}
