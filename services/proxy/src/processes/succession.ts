/**
 * The next run: started beside the current one, and kept until it has output and the current one has ended. Readers of
 * the feed therefore never notice a source that does not open.
 */

import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { within } from '../async.ts';
import { mayBeConnectionLimit } from '../upstream/provider/provider-connections.ts';
import type { Run } from './run.ts';

export interface SuccessionDeps {
  readonly start: () => Promise<Run>;
  /** How long a run may take to its first output. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Unset: the system's. */
  readonly clock?: Clock;
  readonly log: Logger;
}

export class Succession {
  readonly #deps: SuccessionDeps;
  #run: Run | undefined;
  /** Allows retries again on the source that the run leaves. */
  #letGo: (() => void) | undefined;

  constructor(deps: SuccessionDeps) {
    this.#deps = deps;
  }

  get isReady(): boolean {
    return this.#run !== undefined;
  }

  /**
   * Starts a run beside `current`.
   * @returns `ready` when it has output; `limit` when it may get some once the connection of `current` is closed;
   * `failed` when its source does not deliver
   */
  async prepare(current: Run | undefined): Promise<'ready' | 'limit' | 'failed'> {
    const { signal, log } = this.#deps;
    // The old source may have been cut for the new one. It must not reconnect before `letGo`.
    const goOn = current?.source?.holdRetries();
    try {
      const run = await this.#startUntilOutput();
      if (run !== undefined && !signal.aborted) {
        this.drop();
        this.#run = run;
        this.#letGo = goOn;
        return 'ready';
      }
      run?.kill();
      run?.release();
      goOn?.();
      return 'failed';
    } catch (error) {
      log.warn({ err: error }, 'the next source could not be opened');
      goOn?.();
      return mayBeConnectionLimit(error) ? 'limit' : 'failed';
    }
  }

  /** The run that is ready, if there is one. The source that it leaves makes no retries until `letGo`. */
  take(): Run | undefined {
    const run = this.#run;
    this.#run = undefined;
    return run;
  }

  /** Call when the source that was left is closed. */
  letGo(): void {
    this.#letGo?.();
    this.#letGo = undefined;
  }

  /** Ends the prepared run. */
  drop(): void {
    const run = this.take();
    run?.kill();
    run?.release();
    this.letGo();
  }

  async #startUntilOutput(): Promise<Run | undefined> {
    const { start, timeoutMs, signal, clock = systemClock } = this.#deps;
    const run = await start();
    const outcome = Promise.race([firstOutput(run), run.ended.then(() => false)]);
    if ((await within(clock, outcome, timeoutMs, signal)) === true) return run;
    run.kill();
    run.release();
    return undefined;
  }
}

/** Resolves with true when the run has output. Does not read it. */
function firstOutput(run: Run): Promise<boolean> {
  return new Promise((resolve) => {
    run.output.once('readable', () => resolve(run.output.readableLength > 0));
  });
}
