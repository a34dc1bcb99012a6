/** An ECS service without AWS: it starts, replaces and stops real workers as ECS does, and answers the SDK of the admin API. */

import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  type Deployment as EcsDeployment,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import { mockClient } from 'aws-sdk-client-mock';
import { CLUSTER } from '../support/task-agent.ts';
import { until } from '../support/until.ts';
import type { WorkerEnv } from '../support/worker.ts';
import { ordersOf } from './schedule.ts';
import { type Service, Task, type TaskDefinition } from './task.ts';

const TICK_MS = 250;
/** The circuit breaker's threshold for a service of up to six tasks. */
const FAILURES = 3;
const NAME = 'streampool-test-service';

interface Deployment {
  readonly id: string;
  readonly definition: TaskDefinition;
  readonly createdAtMs: number;
}

export class FakeEcs {
  desiredCount = 0;
  readonly tasks: Task[] = [];
  /** Those that ECS has stopped. */
  readonly stopped: Task[] = [];
  /** Those that ended without being told to: by an error, or with exit code 0. */
  readonly lost: Task[] = [];
  /** Revisions that the circuit breaker has taken back. */
  readonly rolledBack: number[] = [];
  /** What went wrong in the fake itself. */
  readonly errors: unknown[] = [];
  readonly #service: Service;
  readonly #timer: NodeJS.Timeout;
  readonly #underway = new Set<Promise<void>>();
  readonly #deploymentOf = new Map<Task, Deployment>();
  #primary: Deployment;
  /** Where a rollback leads to. */
  #completed: Deployment;
  #starting = 0;
  #failures = 0;
  #number = 0;
  #deployments = 0;

  constructor(service: Service, definition: TaskDefinition) {
    this.#service = service;
    this.#primary = this.#begun(definition);
    this.#completed = this.#primary;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The revision that it wants to run. */
  get revision(): number {
    return this.#primary.definition.revision;
  }

  get isDeploying(): boolean {
    return this.tasks.some((task) => this.#deploymentOf.get(task) !== this.#primary) || this.#starting > 0;
  }

  /** A new revision of the task definition. */
  deploy(revision: number, env: WorkerEnv): void {
    this.#completed = this.#primary;
    this.#primary = this.#begun({ revision, env });
    this.#failures = 0;
  }

  /**
   * Back to the deployment before. The circuit breaker and alarms make that one the primary again, with the tasks that it has left.
   * CloudFormation, whose update is cancelled or fails at a later resource, begins one anew, with new tasks of the old revision.
   */
  rollBack(how: 'promote' | 'anew'): void {
    this.rolledBack.push(this.revision);
    this.#primary = how === 'promote' ? this.#completed : this.#begun(this.#completed.definition);
    this.#completed = this.#primary;
  }

  #begun(definition: TaskDefinition): Deployment {
    return { id: `ecs-svc/${++this.#deployments}`, definition, createdAtMs: Date.now() };
  }

  /** Waits until as many tasks of the wanted deployment run as are wanted, and nothing else. */
  async steady(timeoutMs: number): Promise<void> {
    const isSteady = () =>
      !this.isDeploying && this.tasks.length === this.desiredCount && this.tasks.every(({ wasHealthy }) => wasHealthy);
    await until(
      () => {
        if (this.errors.length > 0) throw this.errors[0];
        return isSteady();
      },
      { timeoutMs, everyMs: TICK_MS, what: () => `a steady service; it has ${this.tasks.map(nameOf).join(', ')}` },
    );
  }

  /** For the admin API: the SDK at its border, answering what is so now. */
  client(): Pick<ECSClient, 'send'> {
    const mock = mockClient(new ECSClient({ region: 'eu-west-1' }));
    mock.on(DescribeServicesCommand).callsFake(() => ({
      services: [{ desiredCount: this.desiredCount, deployments: this.#described() }],
    }));
    mock.on(ListTasksCommand).callsFake(() => ({ taskArns: this.tasks.map(({ arn }) => arn) }));
    mock.on(DescribeTasksCommand).callsFake(({ tasks: arns = [] }: { tasks?: string[] }) => ({
      tasks: this.tasks.filter(({ arn }) => arns.includes(arn)).map(describe),
    }));
    return mock as unknown as Pick<ECSClient, 'send'>;
  }

  /** Starts and stops nothing more; what is underway ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underway);
  }

  #described(): EcsDeployment[] {
    const others = new Set([...this.#deploymentOf.values()].filter((deployment) => deployment !== this.#primary));
    return [this.#primary, ...others].map((deployment) => ({
      id: deployment.id,
      status: deployment === this.#primary ? 'PRIMARY' : 'ACTIVE',
      taskDefinition: definitionArn(deployment.definition.revision),
      createdAt: new Date(deployment.createdAtMs),
    }));
  }

  #tick(): void {
    for (const task of this.tasks) {
      if (task.exit !== undefined && !task.isStopping) this.#do(this.#lose(task));
      else if (!task.wasHealthy) this.#do(this.#check(task));
    }
    // One order at a time: what is being started counts as soon as it is there.
    if (this.#starting > 0) return;
    const tasks = this.tasks.map((task) => ({
      id: task.id,
      deployment: this.#deploymentOf.get(task)?.id ?? '',
      wasHealthy: task.wasHealthy,
      isProtected: task.isProtected,
      isStopping: task.isStopping,
    }));
    const orders = ordersOf(tasks, { desiredCount: this.desiredCount, deployment: this.#primary.id });
    for (const _ of orders.start) this.#do(this.#start());
    for (const task of this.tasks) if (orders.stop.includes(task.id)) this.#do(this.#end(task));
  }

  async #start(): Promise<void> {
    this.#starting++;
    const deployment = this.#primary;
    try {
      const task = await Task.start(++this.#number, deployment.definition, this.#service);
      this.#deploymentOf.set(task, deployment);
      this.tasks.push(task);
    } catch (error) {
      if (deployment === this.#completed) throw error;
      this.#failed(deployment);
    } finally {
      this.#starting--;
    }
  }

  /** The circuit breaker, with rollback. */
  #failed(deployment: Deployment): void {
    this.#failures++;
    if (this.#failures >= FAILURES && deployment === this.#primary) this.rollBack('promote');
  }

  async #check(task: Task): Promise<void> {
    task.wasHealthy ||= await this.#service.balancer.isHealthy(task.id);
  }

  async #end(task: Task): Promise<void> {
    await task.stop();
    this.#forget(task);
    this.stopped.push(task);
  }

  async #lose(task: Task): Promise<void> {
    this.#forget(task);
    this.lost.push(task);
    await task.release();
  }

  #forget(task: Task): void {
    this.tasks.splice(this.tasks.indexOf(task), 1);
    this.#deploymentOf.delete(task);
  }

  #do(action: Promise<void>): void {
    const doing = action
      .catch((error: unknown) => void this.errors.push(error))
      .finally(() => this.#underway.delete(doing));
    this.#underway.add(doing);
  }
}

export const SERVICE_NAME = NAME;

function nameOf({ id, revision, desiredStatus }: Task): string {
  return `${id} of revision ${revision} (${desiredStatus})`;
}

function definitionArn(revision: number): string {
  return `arn:aws:ecs:eu-west-1:111122223333:task-definition/${CLUSTER}:${revision}`;
}

function describe(task: Task) {
  return {
    taskArn: task.arn,
    lastStatus: 'RUNNING',
    desiredStatus: task.desiredStatus,
    taskDefinitionArn: definitionArn(task.revision),
    createdAt: new Date(task.startedAtMs),
    containers: [{ networkInterfaces: [{ privateIpv4Address: task.address }] }],
  };
}
