/** The floor and the viewers in C, where there is a compiler: they cost less than those in Node, so they say more of the server. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { within } from '../../within.ts';

const FOLDER = join(import.meta.dirname, '..', '..', '..', '..', '.cache', 'bench');
/** No order takes as long. */
const ORDER_MS = 60_000;

/** A running program that answers each line with one line. */
export interface Native {
  readonly pid: number;
  /** The first line that comes after `order`; without an order, the next line. @throws {Error} when the program has ended */
  ask(order?: string): Promise<string>;
  /** Writes a line that has no answer. */
  tell(order: string): void;
  end(): Promise<void>;
}

/** What the compiler calls itself; undefined: there is none. */
export function compiler(): string | undefined {
  const { stdout, status } = spawnSync('cc', ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0]?.trim() : undefined;
}

/** Compiles a program of this folder, unless that has been done, and starts it. */
export function startNative(name: 'floor' | 'viewers', args: readonly string[] = []): Native {
  const child = spawn(compiled(name), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const next = async (): Promise<string> => {
    const [line] = (await once(lines, 'line')) as [string];
    return line;
  };
  const gone = once(child, 'exit').then(() => {
    throw new Error(`${name} has ended`);
  });
  gone.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ask(order) {
      const answer = next();
      if (order !== undefined) child.stdin.write(`${order}\n`);
      return within(Promise.race([answer, gone]), ORDER_MS, `${name}: ${order ?? 'its first line'}`);
    },
    tell: (order) => void child.stdin.write(`${order}\n`),
    end: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function compiled(name: string): string {
  const source = join(import.meta.dirname, `${name}.c`);
  const text = readFileSync(source);
  const program = join(FOLDER, `${name}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(FOLDER, { recursive: true });
  const made = `${program}.${process.pid}`;
  const { status, stderr } = spawnSync('cc', ['-O2', '-o', made, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}.c cannot be compiled: ${stderr}`);
  renameSync(made, program);
  return program;
}
