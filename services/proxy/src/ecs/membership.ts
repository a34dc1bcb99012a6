/** A worker as a task of an ECS service: protected while it has viewers, drained when ECS wants another deployment. */

import type { Deployments, KnownStreams, Members } from '../../../registry/registry.ts';
import type { DrainReason, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pause } from '../async.ts';
import { staysAfterAll, unwantedOf, wantsProtection, whoLeaves } from './deployment.ts';
import { ecsTask } from './task-metadata.ts';
import { TaskProtection } from './task-protection.ts';

export interface MembershipDeps {
  /** `ECS_AGENT_URI` and `ECS_CONTAINER_METADATA_URI_V4`, which ECS sets. */
  readonly agentUri: string | undefined;
  readonly metadataUri: string | undefined;
  readonly registry: Members & Deployments & Pick<KnownStreams, 'knowsAll'>;
  readonly me: WorkerIdentity;
  readonly numbers: () => { clients: number; processes: number; draining: boolean };
  readonly drain: DrainControl;
  readonly deployDrainMs: number;
  readonly log: Logger;
}

export interface DrainControl {
  readonly reason: DrainReason | undefined;
  begin(reason: DrainReason): void;
  takeBack(reason: 'deployment'): void;
}

/** Viewers come and go within seconds; ECS acts within minutes. */
const ROUND_MS = 5_000;

export class EcsMembership {
  readonly #deps: MembershipDeps;
  readonly #protection: TaskProtection | undefined;
  readonly #abort = new AbortController();
  readonly #startedMs = performance.now();
  #leavingSinceMs: number | undefined;
  /** Names of workers whose deployment ECS does not want. */
  #unwanted: ReadonlySet<string> = new Set();
  #running: Promise<void> | undefined;

  constructor(deps: MembershipDeps) {
    this.#deps = deps;
    this.#protection = deps.agentUri === undefined ? undefined : new TaskProtection(deps.agentUri, deps.log);
  }

  /** Whether that worker is known to leave soon. */
  isUnwanted(workerId: string): boolean {
    return this.#unwanted.has(workerId);
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
      await this.#followDeployment();
      await this.#leaveIfStopping();
      const { numbers, deployDrainMs } = this.#deps;
      const leavingSinceMs = this.#leavingSinceMs;
      await this.#protection?.want(
        wantsProtection({ ...numbers(), leavingSinceMs, nowMs: performance.now(), deployDrainMs }),
      );
      await pause(ROUND_MS, signal);
    }
  }

  async #followDeployment(): Promise<void> {
    const { registry, me, drain, log } = this.#deps;
    const { reason } = drain;
    // During an outage this worker sees only itself.
    if (me.revision === undefined || !registry.knowsAll || !(reason === undefined || reason === 'deployment')) return;
    const [workers, seen] = await Promise.all([registry.workers(), registry.deployment()]).catch(() => []);
    const mine = workers?.find(({ incarnation }) => incarnation === me.incarnation);
    if (workers === undefined || mine === undefined || !registry.knowsAll) return;
    // By the registry's clock, as the starts are.
    const nowMs = mine.startedAtMs + performance.now() - this.#startedMs;
    this.#unwanted = new Set(unwantedOf(workers, seen, nowMs).map(({ workerId }) => workerId));
    if (reason === 'deployment') {
      if (!staysAfterAll(workers, me.workerId, seen, nowMs)) return;
      log.info({ revision: me.revision, wanted: seen?.revision }, 'this worker does not leave after all');
      drain.takeBack('deployment');
      this.#leavingSinceMs = undefined;
    } else if (whoLeaves(workers, seen, nowMs) === me.workerId && (await registry.mayLeave().catch(() => false))) {
      log.info({ revision: me.revision, wanted: seen?.revision }, 'another deployment is wanted: this worker drains');
      this.#leavingSinceMs = performance.now();
      drain.begin('deployment');
    }
  }

  /** ECS takes a task out of the load balancer long before SIGTERM. The worker must own nothing new meanwhile. */
  async #leaveIfStopping(): Promise<void> {
    const { metadataUri, drain, log } = this.#deps;
    if (metadataUri === undefined || drain.reason === 'stopping') return;
    const task = await ecsTask(metadataUri).catch(() => undefined);
    if (task?.isStopping !== true) return;
    log.info('ECS is about to stop this task');
    drain.begin('stopping');
  }
}
