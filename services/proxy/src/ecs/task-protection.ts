/**
 * Keeps ECS from stopping this worker's task while it has viewers. Scale-in and deployments respect this task
 * protection. It expires after some minutes and is renewed, so a dead worker does not protect its task for long.
 */

import { z } from 'zod';
import type { Logger } from '../../../shared/log.ts';

const EXPIRES_MINUTES = 10;
const RENEW_MS = 2 * 60_000;
/** The agent is on the same host, but asks the ECS API. */
const TIMEOUT_MS = 5_000;

/** The agent answers 200 with a failure, or an error status with a reason. */
const answer = z.object({
  protection: z.object({ ProtectionEnabled: z.boolean() }).optional(),
  failure: z.object({ Reason: z.string() }).partial().optional(),
  error: z.object({ Code: z.string(), Message: z.string() }).partial().optional(),
});

export class TaskProtection {
  readonly #url: string;
  readonly #log: Logger;
  #granted = false;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** @param agentUri value of `ECS_AGENT_URI` */
  constructor(agentUri: string, log: Logger) {
    this.#url = `${agentUri}/task-protection/v1/state`;
    this.#log = log;
  }

  /** Asks for protection, renews it, or gives it up. Does nothing when the state is already as wanted. Never throws. */
  async want(wanted: boolean): Promise<void> {
    const isFresh = performance.now() - this.#askedMs < RENEW_MS;
    if (wanted === this.#granted && (isFresh || !wanted)) return;
    try {
      const response = await fetch(this.#url, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(
          wanted ? { ProtectionEnabled: true, ExpiresInMinutes: EXPIRES_MINUTES } : { ProtectionEnabled: false },
        ),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const { protection, failure, error } = answer.parse(await response.json());
      if (protection?.ProtectionEnabled !== wanted) {
        throw new Error(failure?.Reason ?? error?.Message ?? `the ECS agent answered ${response.status}`);
      }
      if (wanted !== this.#granted) this.#log.info({ protected: wanted }, 'task protection has changed');
      this.#granted = wanted;
      this.#askedMs = performance.now();
    } catch (error) {
      // The next round asks again.
      this.#log.warn(
        { err: error, wanted },
        'ECS did not change the protection of this task; the worker asks again in 5 s',
      );
    }
  }
}
