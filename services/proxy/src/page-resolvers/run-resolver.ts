/**
 * Runs one page resolver: in FFmpeg's sandbox, with no way to the network but the gateway, with limits of time, memory and output, and
 * ended with its worker.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { chmod, mkdir, open as openFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SourceError, StreampoolError } from '../errors.ts';
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
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** A page with hundreds of formats and entries takes a few. */
const MOST_OUTPUT = 16 * 1024 ** 2;
/** The end of what it says of an error. */
const LAST_WORDS = 2_000;
/** Address space: Python with all plug-ins takes a quarter. */
const MEMORY_BYTES = 1024 ** 3;

/** Python's own, beside what the sandbox allows anyway. */
const READABLE = ['/etc/ssl', '/etc/ca-certificates', '/etc/mime.types'];

const SYSTEM_PATH = '/usr/bin:/bin';

/**
 * What it wrote to its standard output.
 *
 * @throws {StreampoolError} 503 where the sandbox does not hold, 504 after the time limit, 502 with what the program said
 */
export async function runResolver(run: ResolverRun): Promise<string> {
  const { sandbox, page, order } = run;
  const name = NAMES[order.resolver];
  if (!sandbox.report.gateway_only || !sandbox.report.files_closed) {
    const missing = sandbox.report.missing.join(' ');
    throw new StreampoolError(503, `${name} runs only in a sandbox, and this machine has none that holds. ${missing}`);
  }
  const folder = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `streampool-${randomBytes(16).toString('hex')}`);
  const { args, stdin, files } = resolverCommand(order, folder, page.proxyUrl);
  try {
    const readable = [
      ...READABLE,
      ...(await ownFiles(run.path)),
      ...Object.keys(files).map((file) => join(folder, file)),
    ];
    // Nobody can list it or guess its name, and the program may run as another user.
    await mkdir(folder, { mode: 0o711 });
    await chmod(folder, 0o711);
    for (const [file, text] of Object.entries(files)) {
      await writeFile(join(folder, file), text, { mode: 0o600 });
      if (sandbox.layers.user) await chmod(join(folder, file), 0o644);
    }
    const line = sandbox.lineOfProgram(run.path, args, page.port, { readable, memoryBytes: MEMORY_BYTES });
    return await answerOf(run, line, stdin);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function answerOf(
  { order, page, timeoutMs, signal }: ResolverRun,
  line: ReturnType<Sandbox['lineOfProgram']>,
  stdin: string,
): Promise<string> {
  const name = NAMES[order.resolver];
  const { program, cwd } = line;
  const child = spawn(program, [...line.args], { cwd, env: resolverEnvironment(), shell: false, stdio: 'pipe' });
  const output: Buffer[] = [];
  let [bytes, words, why]: [number, string, SourceError | undefined] = [0, '', undefined];
  const end = (error: SourceError): void => {
    why ??= error;
    child.kill(line.killSignal);
  };
  const timer = setTimeout(() => {
    end(new SourceError('timeout', `${name} did not answer within ${timeoutMs / 1000} s.`));
  }, timeoutMs);
  const stop = () => end(new SourceError('stopped', `${name} is no longer wanted.`));
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  child.stdin.on('error', () => undefined).end(stdin);
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_OUTPUT) end(failed(order.resolver, 'its answer is too long'));
    else output.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString('utf8')}`.slice(-LAST_WORDS);
  });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (cause) => reject(new StreampoolError(503, `${name} could not be started.`, { cause })));
      child.once('close', resolve);
    });
    if (why !== undefined) throw why;
    const text = Buffer.concat(output).toString('utf8');
    // Streamlink answers an error with JSON, too, and yt-dlp may fail after its answer when it puts its cookies away.
    if (text.trimStart().startsWith('{')) return text;
    throw page.refusal ?? failed(order.resolver, lastWords(words) ?? `it ended with the code ${code}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
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
    .filter((root) => !/^\/(?:usr(?:\/local)?)?$/.test(root));
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
