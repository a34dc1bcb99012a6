/** What can go wrong with a call of `streampool`, and the exit code that says so. */

/** Exit codes, as docs/command.md has them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** A failure that is said in a sentence. */
export class Failure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, cause?: unknown) {
    super(message, { cause });
    this.name = 'Failure';
    this.exitCode = exitCode;
  }
}

/** Nobody answers at the address. */
export function unreachable(url: string, why: string, cause: unknown): Failure {
  const text = `Nothing answers at ${url}: ${why}. Give the address of a worker with --url or STREAMPOOL_URL.`;
  return new Failure(text, EXIT.unreachable, cause);
}
