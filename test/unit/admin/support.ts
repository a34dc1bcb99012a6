/** Records and a cluster of the admin API's tests, with what matters in a test said there. */
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { pino } from 'pino';
import type { ClusterAdmin, WorkerState } from '../../../services/admin-lambda/src/cluster/cluster-admin.ts';
import type { Task } from '../../../services/admin-lambda/src/ecs/tasks.ts';
import type { Logger } from '../../../services/shared/log.ts';

export function workerState(workerId: string, more: Partial<WorkerState> = {}): WorkerState {
  return {
    workerId,
    incarnation: `incarnation of ${workerId}`,
    address: '10.0.0.1:9085',
    zone: null,
    startedAtMs: 1_000_000,
    lastSeenMs: 1_000_000,
    alive: true,
    draining: false,
    drainReason: null,
    clients: 0,
    processes: 0,
    cpuCores: 0,
    ...more,
  };
}

export function task(arn: string, more: Partial<Task> = {}): Task {
  return {
    arn,
    lastStatus: 'RUNNING',
    desiredStatus: 'RUNNING',
    definition: 'worker:1',
    revision: 1,
    protected: true,
    protectedUntilMs: 1_600_000,
    zone: null,
    privateIp: '10.0.0.1',
    createdAtMs: 1_000_000,
    startedAtMs: 1_000_000,
    ...more,
  };
}

/** A cluster that answers only what a test says; any other question is the test's mistake. */
export function clusterOf(answers: Partial<ClusterAdmin>): ClusterAdmin {
  return new Proxy(answers as ClusterAdmin, {
    get: (target, name: keyof ClusterAdmin) =>
      target[name] ??
      (() => {
        throw new Error(`nobody expected ${name}`);
      }),
  });
}

/** A log whose lines can be looked at. */
export function listeningLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { log, lines };
}

/** A call as API Gateway passes it on after its authorizer. */
export function apiCall(
  method: string,
  path: string,
  { query = '', body, authorizer }: { query?: string; body?: string; authorizer?: object } = {},
): APIGatewayProxyEventV2 {
  const requestContext = {
    accountId: '1',
    apiId: 'api',
    domainName: 'api.example',
    domainPrefix: 'api',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'test' },
    requestId: 'request-1',
    routeKey: '$default',
    stage: '$default',
    time: '2026-11-22T12:00:00Z',
    timeEpoch: Date.now(),
    authorizer: authorizer ?? { lambda: { principal: 'token:ops' } },
  };
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: { host: 'api.example' },
    queryStringParameters: Object.fromEntries(new URLSearchParams(query)),
    requestContext,
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body }),
  };
}
