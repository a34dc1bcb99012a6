/** Helpers in processes of their own, so that their CPU and memory are not those of what is measured; they end with this one. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { within } from './within.ts';

export interface Remote {
  readonly pid: number;
  /** Runs a method over there; the caller knows what it answers. @throws {Error} also when no answer comes in time */
  call<T>(method: string, argument?: unknown): Promise<T>;
  end(): Promise<void>;
}

interface Call {
  id: number;
  method: string;
  argument: unknown;
}

interface Answer {
  id: number;
  value?: unknown;
  error?: string;
}

/** No call takes as long. */
const CALL_MS = 300_000;

/** @param script a file of this folder that calls `answerCalls` */
export function startRemote(script: string): Remote {
  const child = fork(join(import.meta.dirname, script), [], {
    cwd: join(import.meta.dirname, '..', '..'),
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
  });
  const waiting = new Map<number, (answer: Answer) => void>();
  child.on('message', (answer: Answer) => waiting.get(answer.id)?.(answer));
  child.once('exit', () => {
    for (const [id, reply] of waiting) reply({ id, error: `${script} has exited` });
  });
  let nextId = 1;
  return {
    pid: child.pid ?? 0,
    async call<T>(method: string, argument?: unknown): Promise<T> {
      const id = nextId++;
      const answering = new Promise<Answer>((resolve) => {
        waiting.set(id, resolve);
        child.send({ id, method, argument } satisfies Call);
      });
      const answer = await within(answering, CALL_MS, `${method} of ${script}`).finally(() => waiting.delete(id));
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.value as T;
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The other side: answers calls until the parent has gone. */
export function answerCalls(methods: Record<string, (argument: never) => unknown>): void {
  process.once('disconnect', () => process.exit(0));
  process.on('message', async ({ id, method, argument }: Call) => {
    try {
      const value = await methods[method]?.(argument as never);
      process.send?.({ id, value } satisfies Answer);
    } catch (error) {
      process.send?.({ id, error: String(error) } satisfies Answer);
    }
  });
}
