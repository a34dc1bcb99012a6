/** The handler over a cluster that says what a test wants: routes, errors, the log, ECS at the SDK's boundary, jobs. */
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  GetTaskProtectionCommand,
  ListTasksCommand,
} from '@aws-sdk/client-ecs';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ClusterAdmin, RegistryUnavailable } from '../../../services/admin-lambda/src/cluster/cluster-admin.ts';
import { EcsService } from '../../../services/admin-lambda/src/ecs/tasks.ts';
import { US_EAST_1_EGRESS } from '../../../services/admin-lambda/src/egress-cost.ts';
import { createHandler } from '../../../services/admin-lambda/src/handler.ts';
import { errorAnswer, statsAnswer, workersAnswer } from '../../../services/admin-lambda/src/schemas.ts';
import { metricsIn } from '../../support/emf.ts';
import { apiCall, clusterOf, listeningLog, workerState } from './support.ts';

const ecsMock = mockClient(ECSClient);
afterEach(() => ecsMock.reset());

function stage(
  answers: Partial<ClusterAdmin>,
  { ecs = false, metricsStage }: { ecs?: boolean; metricsStage?: string } = {},
) {
  const { log, lines } = listeningLog();
  const service = ecs ? new EcsService(new ECSClient({ region: 'eu-west-1' }), 'cluster', 'workers') : undefined;
  const handler = createHandler({
    cluster: clusterOf(answers),
    ecs: service,
    prices: US_EAST_1_EGRESS,
    metricsStage,
    log,
  });
  const call = async (...args: Parameters<typeof apiCall>) => {
    const { statusCode, headers, body } = (await handler(apiCall(...args))) as APIGatewayProxyStructuredResultV2;
    return { status: statusCode, headers, body: JSON.parse(body ?? '') };
  };
  return { handler, call, lines };
}

describe('errors', () => {
  it.each([
    ['an outage', new RegistryUnavailable('Redis is away.'), 503, 'Redis is away.'],
    ['a bug', new TypeError('x is not a function'), 500, 'Something went wrong in the admin API. Its log says what.'],
  ])('%s', async (_, error, status, detail) => {
    const { call, lines } = stage({ ping: () => Promise.reject(error) });
    const answer = await call('GET', '/admin/health');
    expect(answer).toMatchObject({ status, body: { detail } });
    errorAnswer.parse(answer.body);
    expect(answer.headers?.['content-type']).toContain('application/json');
    expect(lines.at(-1)).toMatchObject({ msg: 'admin call', status, reason: error.message });
  });

  it.each([
    ['GET', '/administration', '', undefined, 404],
    ['GET', '/', '', undefined, 404],
    ['GET', '//', '', undefined, 404],
    ['GET', '//admin/stats', '', undefined, 404],
    ['POST', '//:0/%zz', 'a=%zz', undefined, 404],
    ['PUT', '/admin/stats', '', undefined, 405],
    ['GET', '/admin/stats', 'verbose=1', undefined, 422],
    ['GET', '/admin/streams', 'limit=0', undefined, 422],
    ['GET', '/admin/streams', 'limit=501', undefined, 422],
    ['GET', '/admin/streams', 'limit=ten', undefined, 422],
    ['GET', '/admin/workers', 'page=2', undefined, 422],
    // Misspelt, it would clean up in earnest.
    ['POST', '/admin/cleanup', 'dryrun=true', undefined, 422],
    ['POST', '/admin/cleanup', 'dry_run=yes', undefined, 422],
    ['POST', '/admin/cleanup', '', '{"dry-run":true}', 422],
    ['POST', '/admin/cleanup', '', '{"dry_run":"maybe"}', 422],
    ['POST', '/admin/cleanup', '', 'dry_run=true', 400],
    ['POST', '/admin/cleanup', '', '[true]', 400],
  ])('%s %s?%s %s: %d, and the cluster is not asked', async (method, path, query, body, status) => {
    const { call } = stage({});
    const answer = await call(method, path, { query, ...(body === undefined ? {} : { body }) });
    expect(answer.status).toBe(status);
    expect(errorAnswer.parse(answer.body).detail).not.toBe('');
  });

  it('is given an event that is neither a call nor a job', async () => {
    for (const event of [{}, { job: 'reboot' }, null, { version: '1.0' }]) {
      await expect(stage({}).handler(event)).rejects.toThrow('neither');
    }
  });
});

describe('cleanup', () => {
  const nothing = { expiredStreams: [], deadWorkers: [] };
  it.each([
    ['', undefined, false],
    ['dry_run=true', undefined, true],
    ['dry_run=1', undefined, true],
    ['dry_run=false', undefined, false],
    ['', '{"dry_run":true}', true],
    ['', '{}', false],
  ])('?%s %s', async (query, body, dryRun) => {
    const cleanup = vi.fn(async () => nothing);
    const { call } = stage({ cleanup });
    const answer = await call('POST', '/admin/cleanup', { query, ...(body === undefined ? {} : { body }) });
    expect(answer).toMatchObject({ status: 200, body: { dry_run: dryRun } });
    expect(cleanup.mock.calls).toEqual([[dryRun]]);
  });
});

it('logs who did what', async () => {
  const { call, lines } = stage({ deleteStream: async () => 3 });
  const iam = { iam: { userArn: 'arn:aws:iam::1:user/ann' } };
  await call('DELETE', '/admin/streams/abc', { authorizer: iam });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    who: 'arn:aws:iam::1:user/ann',
    ip: '203.0.113.7',
    method: 'DELETE',
    path: '/admin/streams/abc',
    route: '/admin/streams/:id',
    what: { stream_id: 'abc', clients: 3 },
    status: 200,
    requestId: 'request-1',
  });
});

it('states the price beside the cost', async () => {
  const { call } = stage({
    numbers: async () => ({
      workers: 2,
      deadWorkers: 1,
      drainingWorkers: 0,
      streams: 9,
      activeStreams: 3,
      clients: 11,
      transcodedClients: 10,
      processes: 4,
      bytesServed: 1e12,
      // Ten viewers of 4 Mbit/s: 13 140 GB, of which 10 140 at 9 and 2 900 at 8.5 cents.
      bytesPerSecond: 5e6,
      broadcasts: {
        recordings: { total: 5, running: 2, failed: 1, bytes: 9e9 },
        channels: { total: 1, running: 1, failed: 0, bytes: 1e6 },
      },
    }),
  });
  const stats = statsAnswer.parse((await call('GET', '/admin/stats')).body);
  expect(stats.pooling).toEqual({ processes: 4, clients_per_process: 2.5, processes_saved: 6 });
  expect(stats.clients).toEqual({ total: 11, transcoded: 10, direct: 1 });
  expect([stats.recordings.running, stats.channels.total]).toEqual([2, 1]);
  expect(stats.egress).toMatchObject({ gb_per_month: 13_140, usd_per_month: 1159.1 });
  expect(stats.egress.prices[1]).toEqual({ up_to_gb: 10_240, usd_per_gb: 0.09 });
  expect(stats.egress.formula).toContain('730');
});

describe('workers beside ECS', () => {
  const workers = async () => [
    workerState('a', { address: '10.0.0.1:9085' }),
    workerState('b', { address: '10.0.0.2:9085' }),
  ];
  const taskAt = (name: string, privateIpv4Address: string) => ({
    taskArn: `arn:aws:ecs:eu-west-1:1:task/cluster/${name}`,
    taskDefinitionArn: 'arn:aws:ecs:eu-west-1:1:task-definition/worker:7',
    lastStatus: 'RUNNING',
    desiredStatus: 'RUNNING',
    availabilityZone: 'eu-west-1a',
    createdAt: new Date(1_000_000),
    startedAt: new Date(1_000_500),
    containers: [{ networkInterfaces: [] }, { networkInterfaces: [{ privateIpv4Address }] }],
  });

  it('joins them, over several pages of tasks', async () => {
    ecsMock
      .on(ListTasksCommand, { cluster: 'cluster', serviceName: 'workers', nextToken: undefined })
      .resolves({ taskArns: ['1'], nextToken: 'more' });
    ecsMock.on(ListTasksCommand, { nextToken: 'more' }).resolves({ taskArns: ['2'] });
    ecsMock.on(DescribeTasksCommand, { tasks: ['1'] }).resolves({ tasks: [taskAt('one', '10.0.0.1')] });
    ecsMock.on(DescribeTasksCommand, { tasks: ['2'] }).resolves({ tasks: [taskAt('lonely', '10.0.0.8')] });
    const isProtected = (name: string) => [{ taskArn: taskAt(name, '').taskArn, protectionEnabled: name === 'one' }];
    ecsMock.on(GetTaskProtectionCommand, { tasks: ['1'] }).resolves({ protectedTasks: isProtected('one') });
    ecsMock.on(GetTaskProtectionCommand, { tasks: ['2'] }).resolves({ protectedTasks: isProtected('lonely') });
    const { call } = stage({ workers }, { ecs: true });
    const answer = workersAnswer.parse((await call('GET', '/admin/workers')).body);
    expect(answer.ecs_missing).toBeNull();
    expect(answer.ecs).toMatchObject({ cluster: 'cluster', service: 'workers', tasks: 2, workers_without_task: ['b'] });
    expect(answer.ecs?.tasks_without_worker).toEqual([
      {
        arn: 'arn:aws:ecs:eu-west-1:1:task/cluster/lonely',
        last_status: 'RUNNING',
        desired_status: 'RUNNING',
        definition: 'worker:7',
        revision: 7,
        protected: false,
        protected_until: null,
        zone: 'eu-west-1a',
        private_ip: '10.0.0.8',
        created_at: '1970-01-01T00:16:40.000Z',
        started_at: '1970-01-01T00:16:40.500Z',
      },
    ]);
    expect(answer.workers[0]?.task?.protected).toBe(true);
    expect(answer.workers.map(({ worker_id, task }) => [worker_id, task?.definition ?? null])).toEqual([
      ['a', 'worker:7'],
      ['b', null],
    ]);
  });

  describe('say who is protected', () => {
    const ARN = 'arn:aws:ecs:eu-west-1:1:task/cluster/one';
    const shownTask = async () => {
      ecsMock.on(ListTasksCommand).resolves({ taskArns: [ARN] });
      ecsMock.on(DescribeTasksCommand).resolves({ tasks: [taskAt('one', '10.0.0.1')] });
      const { call } = stage({ workers }, { ecs: true });
      const answer = workersAnswer.parse((await call('GET', '/admin/workers')).body);
      const task = answer.workers[0]?.task;
      return {
        task: [task?.revision, task?.protected, task?.protected_until],
        missing: answer.ecs?.protection_missing,
      };
    };
    const expirationDate = new Date('2026-11-22T12:10:00Z');

    it.each([
      [{ protectionEnabled: true, expirationDate }, [7, true, '2026-11-22T12:10:00.000Z']],
      [{ protectionEnabled: false }, [7, false, null]],
    ])('%j', async (protection, task) => {
      ecsMock
        .on(GetTaskProtectionCommand, { cluster: 'cluster', tasks: [ARN] })
        .resolves({ protectedTasks: [{ taskArn: ARN, ...protection }] });
      expect(await shownTask()).toEqual({ task, missing: null });
    });

    it('or why that is not known, of one task', async () => {
      ecsMock.on(GetTaskProtectionCommand).resolves({ failures: [{ arn: ARN, reason: 'TASK_NOT_VALID' }] });
      expect(await shownTask()).toEqual({ task: [7, null, null], missing: `${ARN}: TASK_NOT_VALID` });
    });

    it('or why that is not known, of any task', async () => {
      ecsMock.on(GetTaskProtectionCommand).rejects(new Error('AccessDenied: ecs:GetTaskProtection'));
      expect(await shownTask()).toEqual({ task: [7, null, null], missing: 'AccessDenied: ecs:GetTaskProtection' });
    });
  });

  it('are shown without ECS when it is not configured, or does not answer, with the reason', async () => {
    const without = workersAnswer.parse((await stage({ workers }).call('GET', '/admin/workers')).body);
    expect(without).toMatchObject({ ecs: null, ecs_missing: expect.stringContaining('ADMIN_ECS_CLUSTER') });
    ecsMock.on(ListTasksCommand).rejects(new Error('AccessDenied: ecs:ListTasks'));
    const refused = workersAnswer.parse((await stage({ workers }, { ecs: true }).call('GET', '/admin/workers')).body);
    expect(refused).toMatchObject({ total: 2, ecs: null, ecs_missing: expect.stringContaining('AccessDenied') });
  });
});

describe('the schedule', () => {
  it('cleans up, and the log says what', async () => {
    const removed = { expiredStreams: ['abc'], deadWorkers: [{ workerId: 'w', incarnation: 'i' }] };
    const { handler, lines } = stage({ cleanup: async () => removed });
    expect(await handler({ job: 'cleanup' })).toMatchObject({ expired_streams: ['abc'] });
    expect(lines).toMatchObject([{ who: 'schedule', job: 'cleanup', removed: { dead_workers: [{ worker_id: 'w' }] } }]);
  });

  it.each([
    [1, 'idle'],
    [2, undefined],
  ])('with %d wanted drains %s', async (desiredCount, drained) => {
    ecsMock.on(DescribeServicesCommand, { cluster: 'cluster', services: ['workers'] }).resolves({
      services: [{ desiredCount, deployments: [{}] }],
    });
    const drain = vi.fn(async () => 'begun' as const);
    const workers = async () => [workerState('busy', { clients: 9 }), workerState('idle', { clients: 1 })];
    const { handler, lines } = stage({ workers, drain }, { ecs: true });
    expect(await handler({ job: 'scale-in' })).toMatchObject({ drain: drained });
    expect(drain.mock.calls).toEqual(drained === undefined ? [] : [[{ workerId: drained, force: false }]]);
    expect(lines.at(-1)).toMatchObject({ who: 'schedule', job: 'scale-in', desired: desiredCount });
  });

  it('tells the workers which deployment ECS wants, and when ECS was asked', async () => {
    const begun = new Date(1_700_000_000_000);
    const named = (revision: number) => `arn:aws:ecs:eu-west-1:111122223333:task-definition/worker:${revision}`;
    ecsMock.on(DescribeServicesCommand).resolves({
      services: [
        {
          desiredCount: 3,
          deployments: [
            { status: 'ACTIVE', taskDefinition: named(8), createdAt: new Date() },
            { status: 'PRIMARY', taskDefinition: named(7), createdAt: begun },
          ],
        },
      ],
    });
    const noteDeployment = vi.fn(async () => null);
    const fromMs = Date.now();
    await stage({ workers: async () => [], noteDeployment }, { ecs: true }).handler({ job: 'scale-in' });
    expect(noteDeployment.mock.calls).toEqual([
      [{ revision: 7, createdAtMs: begun.getTime(), desiredCount: 3 }, expect.any(Number)],
    ]);
    const [[, askedAtMs]] = noteDeployment.mock.calls as unknown as [[unknown, number]];
    expect(askedAtMs).toBeGreaterThanOrEqual(fromMs);
    expect(askedAtMs).toBeLessThanOrEqual(Date.now());
  });

  it('publishes once a minute how many workers ECS wants, runs and starts, also while Redis is away', async () => {
    ecsMock.on(DescribeServicesCommand).resolves({
      services: [{ desiredCount: 5, runningCount: 3, pendingCount: 2, deployments: [{}] }],
    });
    const away = () => Promise.reject(new RegistryUnavailable('Redis is away.'));
    const { handler, lines } = stage({ workers: away }, { ecs: true, metricsStage: 'prod' });
    await expect(handler({ job: 'scale-in' })).rejects.toThrow('Redis is away.');
    const written = lines.filter((line) => '_aws' in line).map((line) => metricsIn(JSON.stringify(line)));
    const common = { namespace: 'Streampool', dimensions: { Stage: 'prod' }, unit: 'Count' };
    expect(written).toEqual([
      [
        { ...common, name: 'streampool_workers_desired', value: 5 },
        { ...common, name: 'streampool_workers_running', value: 3 },
        { ...common, name: 'streampool_workers_pending', value: 2 },
      ],
    ]);
  });

  it('fails loudly, so that it is tried again and counted', async () => {
    const away = stage({ cleanup: () => Promise.reject(new RegistryUnavailable('Redis is away.')) });
    await expect(away.handler({ job: 'cleanup' })).rejects.toThrow('Redis is away.');
    expect(away.lines).toMatchObject([{ msg: 'a scheduled job failed', job: 'cleanup' }]);
    await expect(stage({}).handler({ job: 'scale-in' })).rejects.toThrow('ADMIN_ECS_CLUSTER');
    ecsMock.on(DescribeServicesCommand).resolves({ services: [] });
    await expect(stage({ workers: async () => [] }, { ecs: true }).handler({ job: 'scale-in' })).rejects.toThrow(
      'no service workers',
    );
  });
});
