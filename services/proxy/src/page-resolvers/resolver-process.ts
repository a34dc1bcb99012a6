/**
 * One page resolver as a process: in FFmpeg's sandbox, with no way to the network but the gateway, with limited memory, and ended with
 * its worker, with all that it has started.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { type FileHandle, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type SourceError, StreampoolError } from '../errors.ts';
import { findOnPath } from '../ffmpeg/host/find-on-path.ts';
import type { Sandbox } from '../ffmpeg/host/sandbox.ts';
import type { PageSession } from '../upstream/gateway/page-session.ts';
import { NAMES } from './page-resolver.ts';
import { failed } from './resolver-answer.ts';
import { type ResolverOrder, resolverCommand } from './resolver-command.ts';

export interface ResolverRun {
  /** The program, by its whole path. */
  readonly path: string;
  readonly sandbox: Sandbox;
  readonly page: PageSession;
  readonly order: ResolverOrder;
  /** Until its whole answer, or the first of its media. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ResolverProcess {
  readonly stdout: ChildProcessWithoutNullStreams['stdout'];
  /** Its exit code, when it is gone and all that it has said is read. Rejects when it could not be started. */
  readonly closed: Promise<number | null>;
  /** What it says of its failure. @param code its exit code */
  failure(code: number | null): SourceError;
  kill(): void;
}

/** The end of what it says of an error. */
const LAST_WORDS = 2_000;
/** Address space: Python with all plug-ins takes a quarter. */
const MEMORY_BYTES = 1024 ** 3;

/** Python's own, beside what the sandbox allows anyway. */
const READABLE = ['/etc/ssl', '/etc/ca-certificates', '/etc/mime.types'];

/** The file that it inherits. */
const FILE = '/proc/self/fd/3';

const SYSTEM_PATH = '/usr/bin:/bin';

/** @throws {StreampoolError} 503 where the sandbox does not hold */
export async function startResolver(run: ResolverRun): Promise<ResolverProcess> {
  const { sandbox, page, order } = run;
  const name = NAMES[order.resolver];
  if (!sandbox.report.gateway_only || !sandbox.report.files_closed) {
    const missing = sandbox.report.missing.join(' ');
    throw new StreampoolError(503, `${name} runs only in a sandbox, and this machine has none that holds. ${missing}`);
  }
  const command = resolverCommand(order, { file: FILE, proxyUrl: page.proxyUrl, ffmpegPath: sandbox.ffmpegPath });
  const own = await ownFiles(run.path);
  const readable = [...READABLE, ...own, ...(command.file === undefined ? [] : [FILE])];
  const limits = command.isMuxing
    ? { readable: [...readable, sandbox.ffmpegPath], memoryBytes: MEMORY_BYTES, scratch: temporary() }
    : { readable, memoryBytes: MEMORY_BYTES };
  const line = sandbox.lineOfProgram(run.path, command.args, page.port, limits);
  const file = command.file === undefined ? undefined : await unnamedFile(command.file, sandbox.layers.user);
  try {
    return processOf(run, line, command.stdin, file?.fd);
  } finally {
    await file?.close();
  }
}

function temporary(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

/** A file without a name is gone with the last who has it open, whatever becomes of this worker. */
async function unnamedFile(text: string, isForOther: boolean): Promise<FileHandle> {
  const path = join(temporary(), `streampool-${randomBytes(16).toString('hex')}`);
  const file = await openFile(path, 'wx+', 0o600);
  try {
    // The program opens it anew, and may run as another user.
    await rm(path);
    if (isForOther) await file.chmod(0o644);
    await file.writeFile(text);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function processOf(
  { order, page }: ResolverRun,
  { program, args, cwd, killSignal }: ReturnType<Sandbox['lineOfProgram']>,
  stdin: string,
  file: number | undefined,
): ResolverProcess {
  const name = NAMES[order.resolver];
  const env = resolverEnvironment();
  const child = spawn(program, [...args], {
    ...{ cwd, env, shell: false },
    stdio: file === undefined ? ['pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe', file],
  }) as ChildProcessWithoutNullStreams;
  let words = '';
  child.stdin.on('error', () => undefined).end(stdin);
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString('utf8')}`.slice(-LAST_WORDS);
  });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(new StreampoolError(503, `${name} could not be started.`, { cause })));
    child.once('close', resolve);
  });
  return {
    stdout: child.stdout,
    closed,
    failure: (code) => page.refusal ?? failed(order.resolver, lastWords(words) ?? `it ended with the code ${code}`),
    kill: () => void child.kill(killSignal),
  };
}

/** The line that says what is wrong; what comes after it is advice. */
function lastWords(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return (lines.findLast((line) => /^(?:\[\w+\])?\[?error\]?[: ]/i.test(line)) ?? lines.at(-1))?.trim();
}

/** Nothing of the worker's, and nobody's home, which may hold settings, plug-ins and passwords. */
function resolverEnvironment(): Record<string, string> {
  return {
    PATH: SYSTEM_PATH,
    LC_ALL: 'C.UTF-8',
    HOME: '/nonexistent',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONNOUSERSITE: '1',
    YTDLP_NO_PLUGINS: '1',
    no_proxy: '',
  };
}

/** The program, what runs it, and the folder of both where they are not the system's. */
async function ownFiles(path: string): Promise<string[]> {
  const real = realpathSync(path);
  const interpreter = await interpreterOf(real);
  // What `#!/usr/bin/env python3` finds with the PATH below.
  const python = findOnPath('python3', SYSTEM_PATH);
  const runners = [interpreter, python].flatMap((each) => (each === undefined ? [] : [each, realpathSync(each)]));
  const programs = [path, real, ...runners];
  // A virtual environment: bin, lib and pyvenv.cfg are in one folder.
  const roots = programs
    .map((program) => dirname(dirname(program)))
    .filter((root) => existsSync(join(root, 'pyvenv.cfg')));
  return [...new Set([...programs, ...roots])];
}

async function interpreterOf(program: string): Promise<string | undefined> {
  const file = await openFile(program);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
    const [, path] = /^#! *(\/[^\s]+)/.exec(buffer.toString('latin1', 0, bytesRead)) ?? [];
    return path !== undefined && existsSync(path) ? path : undefined;
  } finally {
    await file.close();
  }
}
