/**
 * A model of ECS and of workers on it, second by second, from a seed: deployments, rollbacks of both kinds, crashes, scale-outs and
 * scale-ins. The workers decide with the rules of deployment.ts, ECS with those of the fake of the deployment test.
 */

import {
  type DeployedWorker,
  staysAfterAll,
  unwantedOf,
  wantsProtection,
  whoLeaves,
} from '../../../services/proxy/src/ecs/deployment.ts';
import type { SeenDeployment } from '../../../services/registry/types.ts';
import { ordersOf } from '../../deploy/schedule.ts';

const S = 1_000;
/** Workers look every 5 s; the schedule asks ECS every minute; a task takes a while to start, and to stop. */
const ROUND_S = 5;
const SCHEDULE_S = 60;
export const START_S = 20;
const STOP_S = 125;
const DEPLOY_DRAIN_MS = 600 * S;

export interface ModelTask {
  readonly id: string;
  readonly deployment: ModelDeployment;
  readonly bornS: number;
  readonly hasViewers: boolean;
  /** When it began to drain for another deployment. */
  leavingSinceS: number | undefined;
  stoppingSinceS: number | undefined;
  isProtected: boolean;
  /** How long it has been draining, or without the protection that it needs, while its deployment was wanted. */
  wrongS: number;
}

export interface ModelDeployment {
  readonly id: string;
  readonly revision: number;
  readonly createdAtS: number;
  /** Its workers die at this age; undefined: they do not. */
  readonly diesAtS?: number | undefined;
}

export class EcsModel {
  nowS = 0;
  desiredCount: number;
  primary: ModelDeployment;
  tasks: ModelTask[] = [];
  /** Whether anybody asks ECS: the admin API may be missing or broken. */
  isAsked = true;
  readonly #random: () => number;
  readonly #owed: ModelDeployment[] = [];
  #seen: SeenDeployment | undefined;
  #count = 0;

  constructor(random: () => number, desiredCount: number) {
    this.#random = random;
    this.desiredCount = desiredCount;
    this.primary = this.#begun(1);
  }

  /** Lets time pass. */
  run(seconds: number): void {
    for (let n = 0; n < seconds; n++) this.#second();
  }

  deploy(revision: number, diesAtS?: number): void {
    this.primary = this.#begun(revision, diesAtS);
  }

  /** The deployment itself, with the tasks that it has left; or a new one of its revision. */
  rollBack(to: ModelDeployment, how: 'promote' | 'anew'): void {
    this.primary = how === 'promote' ? to : this.#begun(to.revision);
  }

  /** During a deployment ECS scales out all revisions. */
  scale(to: number): void {
    const more = Math.max(0, to - this.desiredCount);
    this.desiredCount = to;
    const earlier = new Set(this.tasks.map(({ deployment }) => deployment));
    earlier.delete(this.primary);
    for (const deployment of earlier) for (let n = 0; n < more; n++) this.#owed.push(deployment);
  }

  crash(task: ModelTask): void {
    this.tasks = this.tasks.filter((each) => each !== task);
    // A task of an earlier deployment is replaced by one of the same revision.
    if (task.deployment !== this.primary && task.stoppingSinceS === undefined) this.#owed.push(task.deployment);
  }

  /**
   * The tasks of other deployments. Nothing tells those apart that have the wanted revision and have started later: those of a
   * deployment that repeats a revision and is then rolled back to the one that it repeats. They are as good as the wanted ones.
   */
  unwanted(): ModelTask[] {
    const { id, revision, createdAtS } = this.primary;
    return this.tasks.filter(
      (task) =>
        task.deployment.id !== id && (task.deployment.revision !== revision || this.#startedS(task) < createdAtS),
    );
  }

  #begun(revision: number, diesAtS?: number): ModelDeployment {
    return { id: `d${++this.#count}`, revision, createdAtS: this.nowS, diesAtS };
  }

  #second(): void {
    this.nowS++;
    for (const task of [...this.tasks]) {
      const { diesAtS } = task.deployment;
      if (diesAtS !== undefined && this.nowS - this.#startedS(task) >= diesAtS) this.crash(task);
      if (task.stoppingSinceS !== undefined && this.nowS - task.stoppingSinceS >= STOP_S) {
        this.tasks = this.tasks.filter((each) => each !== task);
      }
    }
    if (this.isAsked && this.nowS % SCHEDULE_S === 0) {
      const { revision, createdAtS } = this.primary;
      const desiredCount = this.desiredCount;
      this.#seen = { revision, createdAtMs: createdAtS * S, desiredCount, seenAtMs: this.nowS * S };
    }
    if (this.#seen !== undefined && this.nowS * S - this.#seen.seenAtMs > 180 * S) this.#seen = undefined;
    for (const [at, task] of this.tasks.entries()) if ((this.nowS + at) % ROUND_S === 0) this.#round(task);
    this.#orders();
    for (const task of this.tasks) {
      const isWanted = task.deployment === this.primary && task.stoppingSinceS === undefined;
      const isBare = task.hasViewers && !task.isProtected && this.#isRunning(task);
      task.wrongS = isWanted && (task.leavingSinceS !== undefined || isBare) ? task.wrongS + 1 : 0;
    }
  }

  #startedS({ bornS }: ModelTask): number {
    return bornS + START_S;
  }

  #isRunning(task: ModelTask): boolean {
    return this.nowS >= this.#startedS(task);
  }

  #workers(): DeployedWorker[] {
    return this.tasks
      .filter((task) => this.#isRunning(task))
      .map((task) => ({
        workerId: task.id,
        startedAtMs: this.#startedS(task) * S,
        draining: task.leavingSinceS !== undefined || task.stoppingSinceS !== undefined,
        revision: task.deployment.revision,
      }));
  }

  /** What a worker does every 5 s. */
  #round(task: ModelTask): void {
    if (!this.#isRunning(task)) return;
    const workers = this.#workers();
    const nowMs = this.nowS * S;
    if (task.stoppingSinceS === undefined) {
      if (task.leavingSinceS !== undefined) {
        if (staysAfterAll(workers, task.id, this.#seen, nowMs)) task.leavingSinceS = undefined;
      } else if (whoLeaves(workers, this.#seen, nowMs) === task.id) {
        const others = workers.some(({ workerId, draining }) => workerId !== task.id && !draining);
        if (others) task.leavingSinceS = this.nowS;
      }
    }
    task.isProtected = wantsProtection({
      clients: task.hasViewers ? 1 : 0,
      processes: 0,
      draining: task.leavingSinceS !== undefined || task.stoppingSinceS !== undefined,
      leavingSinceMs: task.leavingSinceS === undefined ? undefined : task.leavingSinceS * S,
      nowMs,
      deployDrainMs: DEPLOY_DRAIN_MS,
    });
  }

  #orders(): void {
    const scheduled = this.tasks.map((task) => ({
      id: task.id,
      deployment: task.deployment.id,
      wasHealthy: this.#isRunning(task),
      isProtected: task.isProtected,
      isStopping: task.stoppingSinceS !== undefined,
    }));
    const owed = this.#owed.splice(0).filter((deployment) => deployment !== this.primary);
    const orders = ordersOf(scheduled, {
      desiredCount: this.desiredCount,
      deployment: this.primary.id,
      owed: owed.map(({ id }) => id),
    });
    for (const id of orders.start) {
      const deployment = owed.find((each) => each.id === id) ?? this.primary;
      this.tasks.push({
        id: `t${++this.#count}`,
        deployment,
        bornS: this.nowS,
        hasViewers: this.#random() < 0.9,
        leavingSinceS: undefined,
        stoppingSinceS: undefined,
        isProtected: false,
        wrongS: 0,
      });
    }
    for (const task of this.tasks) if (orders.stop.includes(task.id)) task.stoppingSinceS = this.nowS;
  }

  /** For a message. */
  toString(): string {
    const seen = unwantedOf(this.#workers(), this.#seen, this.nowS * S).map(({ workerId }) => workerId);
    const tasks = this.tasks.map(
      ({ id, deployment, bornS, leavingSinceS, stoppingSinceS, isProtected }) =>
        `${id} of ${deployment.id} (revision ${deployment.revision}) born ${bornS}${isProtected ? ' protected' : ''}${
          leavingSinceS === undefined ? '' : ` leaving since ${leavingSinceS}`
        }${stoppingSinceS === undefined ? '' : ` stopping since ${stoppingSinceS}`}`,
    );
    return `${this.nowS} s, ${this.desiredCount} of ${this.primary.id} wanted, unwanted are [${seen}]:\n  ${tasks.join('\n  ')}`;
  }
}
