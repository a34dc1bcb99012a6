/** The workers as ECS sees them: the tasks of one service. Only this file talks to ECS. */

import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  type DescribeTasksCommandOutput,
  type ECSClient,
  type Deployment as EcsDeployment,
  GetTaskProtectionCommand,
  ListTasksCommand,
  type ProtectedTask,
} from '@aws-sdk/client-ecs';
import type { Deployment } from '../../../registry/types.ts';
import type { ServiceState } from '../scale-in.ts';
import { JOB_MS } from '../time-limits.ts';

export interface Task {
  arn: string;
  /** Such as RUNNING or DEPROVISIONING; and the status that ECS wants. */
  lastStatus: string;
  desiredStatus: string;
  /** Family and revision. */
  definition: string;
  revision: number | null;
  /** Whether scale-in and deployments spare it; null: ECS does not say. */
  protected: boolean | null;
  /** Null: it is not protected, or without an end. */
  protectedUntilMs: number | null;
  zone: string | null;
  /** Its address in the VPC, which identifies its worker. */
  privateIp: string | null;
  createdAtMs: number;
  startedAtMs: number | null;
}

export interface ServiceTasks {
  tasks: Task[];
  /** Why the protection of some or all tasks is unknown. */
  protectionMissing: string | null;
}

/** What ECS says about the protection of a page of tasks. */
interface Protections {
  readonly of: ReadonlyMap<string, ProtectedTask>;
  readonly missing: readonly string[];
}

interface Deadline {
  readonly abortSignal: AbortSignal;
}

/** Each of these calls accepts at most this many tasks. */
const TASKS_PER_CALL = 100;

export class EcsService {
  readonly #client: Pick<ECSClient, 'send'>;
  readonly #withinMs: number;
  readonly cluster: string;
  readonly service: string;

  /** @param withinMs the limit of one question, over all its calls */
  constructor(client: Pick<ECSClient, 'send'>, cluster: string, service: string, withinMs = JOB_MS) {
    this.#client = client;
    this.#withinMs = withinMs;
    this.cluster = cluster;
    this.service = service;
  }

  async tasks(): Promise<ServiceTasks> {
    const tasks: Task[] = [];
    const missing: string[] = [];
    let nextToken: string | undefined;
    const deadline = { abortSignal: AbortSignal.timeout(this.#withinMs) };
    do {
      const input = { cluster: this.cluster, serviceName: this.service, maxResults: TASKS_PER_CALL, nextToken };
      const listed = await this.#client.send(new ListTasksCommand(input), deadline);
      const arns = listed.taskArns ?? [];
      if (arns.length > 0) {
        const [described, protections] = await Promise.all([
          this.#client.send(new DescribeTasksCommand({ cluster: this.cluster, tasks: arns }), deadline),
          this.#protections(arns, deadline),
        ]);
        tasks.push(...(described.tasks ?? []).map((task) => taskOf(task, protections.of.get(task.taskArn ?? ''))));
        missing.push(...protections.missing);
      }
      nextToken = listed.nextToken;
    } while (nextToken !== undefined);
    return { tasks, protectionMissing: missing.length === 0 ? null : [...new Set(missing)].join('; ') };
  }

  /** The tasks are useful even without their protection. */
  async #protections(arns: string[], deadline: Deadline): Promise<Protections> {
    try {
      const command = new GetTaskProtectionCommand({ cluster: this.cluster, tasks: arns });
      const { protectedTasks = [], failures = [] } = await this.#client.send(command, deadline);
      return {
        of: new Map(protectedTasks.map((task) => [task.taskArn ?? '', task])),
        missing: failures.map(({ arn, reason, detail }) => [`${arn}: ${reason}`, detail].filter(Boolean).join(', ')),
      };
    } catch (error) {
      return { of: new Map(), missing: [error instanceof Error ? error.message : String(error)] };
    }
  }

  async state(): Promise<ServiceState> {
    const input = { cluster: this.cluster, services: [this.service] };
    const deadline = { abortSignal: AbortSignal.timeout(this.#withinMs) };
    const { services } = await this.#client.send(new DescribeServicesCommand(input), deadline);
    const [service] = services ?? [];
    if (service === undefined) throw new Error(`ECS knows no service ${this.service} in ${this.cluster}.`);
    const { desiredCount = 0, runningCount = 0, pendingCount = 0, deployments = [] } = service;
    return {
      desiredCount,
      runningCount,
      pendingCount,
      deploying: deployments.length > 1,
      deployment: primaryOf(deployments, desiredCount),
    };
  }
}

type EcsTask = NonNullable<DescribeTasksCommandOutput['tasks']>[number];

function taskOf(task: EcsTask, protection: ProtectedTask | undefined): Task {
  const interfaces = (task.containers ?? []).flatMap(({ networkInterfaces }) => networkInterfaces ?? []);
  const definition = (task.taskDefinitionArn ?? '').split('/').at(-1) ?? '';
  return {
    arn: task.taskArn ?? '',
    lastStatus: task.lastStatus ?? '',
    desiredStatus: task.desiredStatus ?? '',
    definition,
    revision: revisionOf(definition),
    protected: protection?.protectionEnabled ?? null,
    protectedUntilMs: protection?.expirationDate?.getTime() ?? null,
    zone: task.availabilityZone ?? null,
    privateIp:
      interfaces.find(({ privateIpv4Address }) => privateIpv4Address !== undefined)?.privateIpv4Address ?? null,
    createdAtMs: task.createdAt?.getTime() ?? 0,
    startedAtMs: task.startedAt?.getTime() ?? null,
  };
}

function primaryOf(deployments: readonly EcsDeployment[], desiredCount: number): Deployment | null {
  const primary = deployments.find(({ status }) => status === 'PRIMARY');
  const revision = revisionOf(primary?.taskDefinition ?? '');
  const createdAtMs = primary?.createdAt?.getTime();
  return revision === null || createdAtMs === undefined ? null : { revision, createdAtMs, desiredCount };
}

/** `worker:7` → 7. */
function revisionOf(definition: string): number | null {
  const [, revision] = /:(\d+)$/.exec(definition) ?? [];
  return revision === undefined ? null : Number(revision);
}
