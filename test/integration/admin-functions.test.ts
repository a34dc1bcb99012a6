/**
 * The admin API as it is deployed: three bundles that are frozen between calls, with a real Redis. Whatever does not answer, the
 * caller has an answer within 3 s; and a secret that was rotated is known at once.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROUTES } from '../../services/admin-lambda/src/routes/routes.ts';
import {
  cleanupAnswer,
  errorAnswer,
  healthAnswer,
  statsAnswer,
  workersAnswer,
} from '../../services/admin-lambda/src/schemas.ts';
import { ANSWER_MS } from '../../services/admin-lambda/src/time-limits.ts';
import { AdminFunctions } from '../support/lambda/admin-functions.ts';
import { type RedisServer, startRedis } from '../support/redis.ts';
import { until } from '../support/until.ts';

const PASSWORD = 'first-password';

let redis: RedisServer;
let admin: AdminFunctions;

beforeEach(async () => {
  redis = await startRedis({ password: PASSWORD });
  admin = await AdminFunctions.start(redis, PASSWORD);
});
afterEach(async () => {
  await admin.stop();
  await redis.stop();
});

/** What a route needs to be told. */
const QUERIES: Readonly<Record<string, string>> = { '/admin/viewers': '?user=nobody' };

/** Every route, one after the other: its status, and whether the answer came in time. */
async function everyRoute(): Promise<Map<string, { status: number; detail: string }>> {
  const answers = new Map<string, { status: number; detail: string }>();
  for (const { method, path } of ROUTES) {
    const target = `${path.replace(/\{\w+\}/g, 'nobody')}${QUERIES[path] ?? ''}`;
    const { status, body, ms } = await admin.call(method, target);
    expect(ms, `${method} ${path}`).toBeLessThan(ANSWER_MS);
    answers.set(`${method} ${path}`, { status, detail: errorAnswer.safeParse(body).data?.detail ?? '' });
  }
  return answers;
}

/** The routes that ask nobody. */
const ALONE = ['GET /admin', 'GET /admin/openapi.json'];

async function expectOutage(reason: RegExp): Promise<void> {
  for (const [route, { status, detail }] of await everyRoute()) {
    expect([route, status]).toEqual([route, ALONE.includes(route) ? 200 : 503]);
    if (status === 503) expect(detail).toMatch(reason);
  }
}

describe('every route', () => {
  it('answers, also on the first call after a freeze', async () => {
    for (const _ of [1, 2]) {
      healthAnswer.parse((await admin.call('GET', '/admin/health')).body);
      statsAnswer.parse((await admin.call('GET', '/admin/stats')).body);
      workersAnswer.parse((await admin.call('GET', '/admin/workers')).body);
      cleanupAnswer.parse((await admin.call('POST', '/admin/cleanup')).body);
    }
    for (const [route, { status }] of await everyRoute()) expect([200, 404], route).toContain(status);
  });

  it('gives the reason in time when Redis stands still, and when it is gone', async () => {
    expect((await admin.call('GET', '/admin/health')).status).toBe(200);
    await redis.pause();
    for (const path of ['/admin/health', '/admin/stats', '/admin/streams']) {
      const { status, body, ms } = await admin.call('GET', path);
      expect([status, errorAnswer.parse(body).detail]).toEqual([503, expect.stringMatching(/Redis does not/)]);
      expect(ms).toBeLessThan(ANSWER_MS);
    }
    redis.resume();
    expect((await admin.call('GET', '/admin/health')).status).toBe(200);
    await redis.kill();
    await expectOutage(/ECONNREFUSED/);
  });

  it('gives the reason in time when the function that reaches Redis never answers', async () => {
    admin.registry.isStuck = true;
    await expectOutage(/registry has not answered within \d+ ms/);
    admin.registry.isStuck = false;
    expect((await admin.call('GET', '/admin/health')).status).toBe(200);
  });

  it('gives the reason in time when Secrets Manager hangs, and works on while it does not need it', async () => {
    expect((await admin.call('GET', '/admin/health')).status).toBe(200);
    admin.aws.silent.add('secretsmanager');
    expect((await admin.call('GET', '/admin/health')).status).toBe(200);
    await admin.front.chill();
    await admin.front.warm();
    const { status, body, ms } = await admin.call('GET', '/admin/health');
    expect([status, errorAnswer.parse(body).detail]).toEqual([503, expect.stringMatching(/password cannot be read/)]);
    expect(ms).toBeLessThan(ANSWER_MS);
    // Without the token nobody can be let in, nor refused.
    await admin.authorizer.chill();
    await admin.authorizer.warm();
    const stopped = await admin.call('GET', '/admin/health');
    expect(stopped.status).toBe(500);
    expect(stopped.ms).toBeLessThan(ANSWER_MS);
  });

  it('shows the workers in time without their tasks when ECS hangs', async () => {
    admin.aws.silent.add('ecs');
    const { status, body, ms } = await admin.call('GET', '/admin/workers');
    expect(status).toBe(200);
    expect(workersAnswer.parse(body)).toMatchObject({ ecs: null, ecs_missing: expect.stringMatching(/ECS does not/) });
    expect(ms).toBeLessThan(ANSWER_MS);
  });
});

it('a function that takes 4 s to start costs one call a 503 with the reason, and the next one finds it started', async () => {
  await admin.registry.chill();
  admin.registry.coldMs = 4_000;
  const first = await admin.call('GET', '/admin/stats');
  expect(first.status).toBe(503);
  expect(first.headers['retry-after']).toBeDefined();
  expect(first.ms).toBeLessThan(ANSWER_MS);
  const isWarm = async () => (await admin.call('GET', '/admin/stats')).status === 200;
  await until(isWarm, { timeoutMs: 15_000, what: 'the function to have started' });
});

describe('a rotated', () => {
  it('token works at once, also one that was refused a moment ago, and the old one is refused', async () => {
    expect((await admin.call('GET', '/admin', 'test-token')).status).toBe(200);
    expect((await admin.call('GET', '/admin', 'new-token')).status).toBe(403);
    admin.token = 'new-token';
    expect((await admin.call('GET', '/admin', 'new-token')).status).toBe(200);
    expect((await admin.call('GET', '/admin', 'test-token')).status).toBe(403);
  });

  it('password of Redis works at once, although the old one was read a moment ago', async () => {
    expect((await admin.call('GET', '/admin/stats')).status).toBe(200);
    await redis.cli('config', 'set', 'requirepass', 'second-password');
    admin.password = 'second-password';
    // It has no connection any more: the one that it had stays good until it breaks.
    await admin.registry.chill();
    await admin.registry.warm();
    const reads = admin.aws.secretReads;
    expect((await admin.call('GET', '/admin/stats')).status).toBe(200);
    expect(admin.aws.secretReads).toBe(reads + 1);
    expect((await admin.call('GET', '/admin/stats')).status).toBe(200);
    expect(admin.aws.secretReads).toBe(reads + 1);
  });

  it('password that nobody told Secrets Manager of gives the reason', async () => {
    await redis.cli('config', 'set', 'requirepass', 'second-password');
    const { status, body } = await admin.call('GET', '/admin/stats');
    expect([status, errorAnswer.parse(body).detail]).toEqual([503, expect.stringMatching(/refuses the password/)]);
    expect(admin.front.output + admin.registry.output).not.toContain(PASSWORD);
  });
});
