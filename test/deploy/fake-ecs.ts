/** An ECS service without AWS: it starts, replaces and stops real workers as ECS does, and answers the SDK of the admin API. */

import { DescribeServicesCommand, DescribeTasksCommand, ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
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

export class FakeEcs {
  desiredCount = 0;
  readonly tasks: Task[] = [];
  /** Those that ECS has stopped. */
  readonly stopped: Task[] = [];
  /** Those that ended without being told to. */
  readonly lost: Task[] = [];
  /** Revisions that the circuit breaker has taken back. */
  readonly rolledBack: number[] = [];
  /** What went wrong in the fake itself. */
  readonly errors: unknown[] = [];
  readonly #service: Service;
  readonly #timer: NodeJS.Timeout;
  readonly #underway = new Set<Promise<void>>();
  #definition: TaskDefinition;
  #before: TaskDefinition;
  #starting = 0;
  #failures = 0;
  #number = 0;

  constructor(service: Service, definition: TaskDefinition) {
    this.#service = service;
    this.#definition = definition;
    this.#before = definition;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The newest revision that it wants to run. */
  get revision(): number {
    return this.#definition.revision;
  }

  get isDeploying(): boolean {
    return this.tasks.some(({ revision }) => revision !== this.revision) || this.#starting > 0;
  }

  /** A new revision of the task definition. */
  deploy(revision: number, env: WorkerEnv): void {
    this.#before = this.#definition;
    this.#definition = { revision, env };
    this.#failures = 0;
  }

  /** Waits until as many tasks of the newest revision run as are wanted, and nothing else. */
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
      services: [
        { desiredCount: this.desiredCount, deployments: this.isDeploying ? [{ id: 'new' }, { id: 'old' }] : [{}] },
      ],
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

  #tick(): void {
    for (const task of this.tasks) {
      if (task.exit !== undefined && !task.isStopping) this.#do(this.#lose(task));
      else if (!task.wasHealthy) this.#do(this.#check(task));
    }
    // One order at a time: what is being started counts as soon as it is there.
    if (this.#starting > 0) return;
    const orders = ordersOf(this.tasks, { desiredCount: this.desiredCount, revision: this.revision });
    for (let n = 0; n < orders.start; n++) this.#do(this.#start());
    for (const task of this.tasks) if (orders.stop.includes(task.id)) this.#do(this.#end(task));
  }

  async #start(): Promise<void> {
    this.#starting++;
    const definition = this.#definition;
    try {
      this.tasks.push(await Task.start(++this.#number, definition, this.#service));
    } catch (error) {
      if (definition.revision === this.#before.revision) throw error;
      this.#failed(definition);
    } finally {
      this.#starting--;
    }
  }

  /** The circuit breaker, with rollback. */
  #failed({ revision }: TaskDefinition): void {
    this.#failures++;
    if (this.#failures < FAILURES || revision !== this.revision) return;
    this.rolledBack.push(revision);
    this.#definition = this.#before;
  }

  async #check(task: Task): Promise<void> {
    task.wasHealthy ||= await this.#service.balancer.isHealthy(task.id);
  }

  async #end(task: Task): Promise<void> {
    await task.stop();
    this.tasks.splice(this.tasks.indexOf(task), 1);
    this.stopped.push(task);
  }

  async #lose(task: Task): Promise<void> {
    this.tasks.splice(this.tasks.indexOf(task), 1);
    this.lost.push(task);
    await task.release();
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

function describe(task: Task) {
  return {
    taskArn: task.arn,
    lastStatus: 'RUNNING',
    desiredStatus: task.desiredStatus,
    taskDefinitionArn: `arn:aws:ecs:eu-west-1:111122223333:task-definition/${CLUSTER}:${task.revision}`,
    createdAt: new Date(task.startedAtMs),
    containers: [{ networkInterfaces: [{ privateIpv4Address: task.address }] }],
  };
}
