/** The error of a worker whose name another process has taken. */

/** A newer incarnation runs under this worker's name. */
export class ReplacedError extends Error {
  constructor(workerId: string) {
    super(`Another process runs as ${workerId}. Give every worker its own WORKER_ID.`);
    this.name = 'ReplacedError';
  }
}
