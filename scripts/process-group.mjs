// Several programs that end together.
import { startProgram } from './processes.mjs';

/** How long a program may take to end before it is killed. */
const STOP_MS = 5_000;

export class ProcessGroup {
  /** In the order of their start. */
  #programs = [];
  #stopping = false;
  #onEnd;

  /** @param onEnd called with name, pid and a few words when a program ends unexpectedly */
  constructor(onEnd) {
    this.#onEnd = onEnd;
  }

  /** Starts a program; returns its pid and a promise of how it ends. */
  start(name, command, args, options) {
    return this.adopt(name, startProgram(command, args, options));
  }

  /** The same for a program that is already running. */
  adopt(name, child, stopSignal = 'SIGTERM') {
    const ended = howItEnds(child);
    this.#programs.push({ child, ended, stopSignal });
    // Started while the others were already stopping.
    if (this.#stopping) child.kill('SIGKILL');
    void ended.then((how) => {
      if (!this.#stopping) this.#onEnd(name, child.pid, how);
    });
    return { pid: child.pid, ended };
  }

  /** Ends the programs, the last started first; resolves when none is left. */
  async stop() {
    this.#stopping = true;
    for (let program = this.#programs.pop(); program !== undefined; program = this.#programs.pop()) {
      const { child, ended, stopSignal } = program;
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
  }

  /** Kills the programs that are left. */
  kill() {
    for (const { child } of this.#programs) child.kill('SIGKILL');
  }
}

function howItEnds(child) {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}
