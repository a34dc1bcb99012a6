/**
 * What a worker sees of Amazon ECS, for the local stack and for tests: the task metadata endpoint (version 4) and task scale-in
 * protection. Each client address is a task of its own, unless the agent serves one fixed task.
 */

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';

export interface ProtectionChange {
  readonly taskArn: string;
  /** Address of the task that asks. */
  readonly address: string;
  readonly enabled: boolean;
  /** Undefined when the task gives its protection up. */
  readonly expiresInMinutes: number | undefined;
}

export interface EcsAgentOptions {
  readonly cluster: string;
  readonly family: string;
  readonly revision: number;
  readonly zone: string;
  /** Address of the one task that uses this agent. Without it, each client is a task of its own. */
  readonly address?: string;
  /** The status that ECS wants for the task; RUNNING by default. */
  readonly desiredStatus?: () => 'RUNNING' | 'STOPPED';
  /** Called for each request that changes or renews a protection. */
  readonly onProtection: (change: ProtectionChange) => void;
}

/** Limits of ECS: 1 minute to 48 hours; two hours by default. */
const MAX_MINUTES = 2880;
const DEFAULT_MINUTES = 120;

const wish = z.object({
  ProtectionEnabled: z.boolean(),
  ExpiresInMinutes: z.number().int().min(1).max(MAX_MINUTES).optional(),
});

interface Protection {
  readonly ProtectionEnabled: boolean;
  readonly ExpirationDate?: string;
  readonly TaskArn: string;
}

/**
 * The agent as an HTTP server that does not listen yet. `ECS_CONTAINER_METADATA_URI_V4` is its URL + `/v4`, `ECS_AGENT_URI` its URL.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
 */
export function createEcsAgent(options: EcsAgentOptions): Server {
  const protections = new Map<string, Protection>();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const address = options.address ?? (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const taskArn = arnOf(options.cluster, address);
    switch (`${request.method} ${request.url}`) {
      case 'GET /v4/task':
        return send(response, 200, metadataOf(options, taskArn, address));
      case 'GET /task-protection/v1/state':
        return send(response, 200, { protection: current(protections.get(taskArn), taskArn) });
      case 'PUT /task-protection/v1/state': {
        const asked = wish.safeParse(parsed(await textOf(request)));
        if (!asked.success) return send(response, 400, invalid(taskArn, z.prettifyError(asked.error)));
        const { ProtectionEnabled: enabled, ExpiresInMinutes = DEFAULT_MINUTES } = asked.data;
        const expiresInMinutes = enabled ? ExpiresInMinutes : undefined;
        const protection = protectionOf(taskArn, expiresInMinutes);
        protections.set(taskArn, protection);
        options.onProtection({ taskArn, address, enabled, expiresInMinutes });
        return send(response, 200, { protection });
      }
      default:
        return send(response, 404, { error: { Code: 'NotFound', Message: 'There is nothing here.' } });
    }
  };

  return createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
}

/** The ARN of the task with this address. */
export function arnOf(cluster: string, address: string): string {
  const id = createHash('sha256').update(address).digest('hex').slice(0, 32);
  return `arn:aws:ecs:local:000000000000:task/${cluster}/${id}`;
}

function metadataOf(options: EcsAgentOptions, taskArn: string, address: string): object {
  const { cluster, family, revision, zone, desiredStatus } = options;
  return {
    Cluster: cluster,
    TaskARN: taskArn,
    Family: family,
    Revision: String(revision),
    DesiredStatus: desiredStatus?.() ?? 'RUNNING',
    KnownStatus: 'RUNNING',
    AvailabilityZone: zone,
    LaunchType: 'FARGATE',
    Containers: [{ Name: 'worker', Networks: [{ NetworkMode: 'awsvpc', IPv4Addresses: [address] }] }],
  };
}

function protectionOf(taskArn: string, expiresInMinutes: number | undefined): Protection {
  if (expiresInMinutes === undefined) return { ProtectionEnabled: false, TaskArn: taskArn };
  const ExpirationDate = new Date(Date.now() + expiresInMinutes * 60_000).toISOString();
  return { ProtectionEnabled: true, ExpirationDate, TaskArn: taskArn };
}

/** What is left of a protection. */
function current(protection: Protection | undefined, taskArn: string): Protection {
  const isOver = protection?.ExpirationDate === undefined || Date.parse(protection.ExpirationDate) <= Date.now();
  return protection === undefined || isOver ? protectionOf(taskArn, undefined) : protection;
}

function invalid(taskArn: string, message: string): object {
  return { error: { Arn: taskArn, Code: 'InvalidParameterException', Message: message } };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
