/** A worker as a task of an ECS service: protected while it has viewers, drained when a newer revision is running. */

import type { Members } from '../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { wantsProtection, whoLeaves } from './deployment.ts';
import { ecsTask } from './task-metadata.ts';
import { TaskProtection } from './task-protection.ts';

export interface MembershipDeps {
  /** `ECS_AGENT_URI` and `ECS_CONTAINER_METADATA_URI_V4`, which ECS sets. */
  readonly agentUri: string | undefined;
  readonly metadataUri: string | undefined;
  readonly registry: Members;
  readonly me: WorkerIdentity;
  readonly numbers: () => { clients: number; processes: number; draining: boolean };
  readonly startDraining: () => void;
  readonly deployDrainMs: number;
  readonly log: Logger;
}

/** Viewers come and go within seconds; ECS acts within minutes. */
const ROUND_MS = 5_000;

export class EcsMembership {
  readonly #deps: MembershipDeps;
  readonly #protection: TaskProtection | undefined;
  readonly #abort = new AbortController();
  #leavingSinceMs: number | undefined;
  #running: Promise<void> | undefined;

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.#protection = deps.agentUri === undefined ? undefined : new TaskProtection(deps.agentUri, deps.log);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await this.#protection?.want(false);
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await this.#leaveIfOld();
      await this.#leaveIfStopping();
      const { numbers, deployDrainMs } = this.#deps;
      const leavingSinceMs = this.#leavingSinceMs;
      await this.#protection?.want(
        wantsProtection({ ...numbers(), leavingSinceMs, nowMs: performance.now(), deployDrainMs }),
      );
      await pause(ROUND_MS, signal);
    }
  }

  async #leaveIfOld(): Promise<void> {
    const { registry, me, numbers, startDraining, log } = this.#deps;
    if (me.revision === undefined || numbers().draining) return;
    const workers = await registry.workers().catch(() => []);
    if (whoLeaves(workers, Date.now()) !== me.workerId) return;
    log.info({ revision: me.revision }, 'a newer revision is deployed: this worker drains');
    this.#leavingSinceMs = performance.now();
    startDraining();
  }

  /** ECS takes a task out of the load balancer long before SIGTERM. The worker must own nothing new meanwhile. */
  async #leaveIfStopping(): Promise<void> {
    const { metadataUri, numbers, startDraining, log } = this.#deps;
    if (metadataUri === undefined || numbers().draining) return;
    const task = await ecsTask(metadataUri).catch(() => undefined);
    if (task?.isStopping !== true) return;
    log.info('ECS is about to stop this task');
    startDraining();
  }
}
