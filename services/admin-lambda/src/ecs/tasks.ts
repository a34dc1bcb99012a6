/** The workers as ECS sees them: the tasks of one service. The only file that speaks to ECS. */

import { DescribeServicesCommand, DescribeTasksCommand, type ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
import type { ServiceState } from '../scale-in.ts';

export interface Task {
  arn: string;
  /** Such as RUNNING or DEPROVISIONING, and what ECS wants it to become. */
  lastStatus: string;
  desiredStatus: string;
  /** Family and revision. */
  definition: string;
  zone: string | undefined;
  /** Its address in the VPC, by which a worker is recognised. */
  privateIp: string | undefined;
  createdAtMs: number;
  startedAtMs: number | undefined;
}

/** Both calls take at most this many tasks. */
const TASKS_PER_CALL = 100;
const TIMEOUT_MS = 5_000;

export class EcsService {
  readonly #client: Pick<ECSClient, 'send'>;
  readonly cluster: string;
  readonly service: string;

  constructor(client: Pick<ECSClient, 'send'>, cluster: string, service: string) {
    this.#client = client;
    this.cluster = cluster;
    this.service = service;
  }

  async tasks(): Promise<Task[]> {
    const tasks: Task[] = [];
    let nextToken: string | undefined;
    do {
      const input = { cluster: this.cluster, serviceName: this.service, maxResults: TASKS_PER_CALL, nextToken };
      const listed = await this.#client.send(new ListTasksCommand(input), timeout());
      const arns = listed.taskArns ?? [];
      if (arns.length > 0) {
        const described = await this.#client.send(
          new DescribeTasksCommand({ cluster: this.cluster, tasks: arns }),
          timeout(),
        );
        tasks.push(...(described.tasks ?? []).map(taskOf));
      }
      nextToken = listed.nextToken;
    } while (nextToken !== undefined);
    return tasks;
  }

  async state(): Promise<ServiceState> {
    const input = { cluster: this.cluster, services: [this.service] };
    const { services } = await this.#client.send(new DescribeServicesCommand(input), timeout());
    const [service] = services ?? [];
    if (service === undefined) throw new Error(`ECS knows no service ${this.service} in ${this.cluster}.`);
    return { desiredCount: service.desiredCount ?? 0, deploying: (service.deployments ?? []).length > 1 };
  }
}

type EcsTask = NonNullable<import('@aws-sdk/client-ecs').DescribeTasksCommandOutput['tasks']>[number];

function taskOf(task: EcsTask): Task {
  const interfaces = (task.containers ?? []).flatMap(({ networkInterfaces }) => networkInterfaces ?? []);
  return {
    arn: task.taskArn ?? '',
    lastStatus: task.lastStatus ?? '',
    desiredStatus: task.desiredStatus ?? '',
    definition: (task.taskDefinitionArn ?? '').split('/').at(-1) ?? '',
    zone: task.availabilityZone,
    privateIp: interfaces.find(({ privateIpv4Address }) => privateIpv4Address !== undefined)?.privateIpv4Address,
    createdAtMs: task.createdAt?.getTime() ?? 0,
    startedAtMs: task.startedAt?.getTime(),
  };
}

function timeout(): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(TIMEOUT_MS) };
}
