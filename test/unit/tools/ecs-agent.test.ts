/** The ECS agent of the local stack, as the worker's own client sees it. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ecsTask } from '../../../services/proxy/src/ecs/task-metadata.ts';
import { TaskProtection } from '../../../services/proxy/src/ecs/task-protection.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { createEcsAgent, type ProtectionChange } from '../../../tools/ecs-agent/agent.ts';

const changes: ProtectionChange[] = [];
let agent: ReturnType<typeof createEcsAgent>;
let url = '';

beforeEach(async () => {
  changes.length = 0;
  agent = createEcsAgent({
    cluster: 'test',
    family: 'worker',
    revision: 7,
    zone: 'zone-b',
    onProtection: (change) => changes.push(change),
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  url = `http://127.0.0.1:${(agent.address() as AddressInfo).port}`;
});

afterEach(() => void agent.close());

const state = async (init?: RequestInit) => {
  const response = await fetch(`${url}/task-protection/v1/state`, init);
  return { status: response.status, body: (await response.json()) as Record<string, Record<string, unknown>> };
};

const put = (body: string) => state({ method: 'PUT', body });

it('tells a worker its address, zone and revision', async () => {
  expect(await ecsTask(`${url}/v4`)).toEqual({
    address: '127.0.0.1',
    zone: 'zone-b',
    revision: 7,
    isStopping: false,
  });
});

it('gives a worker protection, and takes it back', async () => {
  const protection = new TaskProtection(url, createLogger('fatal'));
  await protection.want(true);
  expect((await state()).body.protection).toMatchObject({ ProtectionEnabled: true });
  await protection.want(false);
  expect((await state()).body.protection).toMatchObject({ ProtectionEnabled: false });
  expect(changes).toMatchObject([
    { address: '127.0.0.1', enabled: true, expiresInMinutes: 10 },
    { address: '127.0.0.1', enabled: false, expiresInMinutes: undefined },
  ]);
});

it('protects for two hours when nothing is said', async () => {
  const { body } = await put('{"ProtectionEnabled":true}');
  const minutes = (Date.parse(String(body.protection?.ExpirationDate)) - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(119);
  expect(minutes).toBeLessThanOrEqual(120);
});

it.each(['', '{', '{}', '{"ProtectionEnabled":"yes"}', '{"ProtectionEnabled":true,"ExpiresInMinutes":2881}'])(
  'refuses %j as ECS does',
  async (body) => {
    const answer = await put(body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatchObject({ Code: 'InvalidParameterException' });
    expect(changes).toEqual([]);
  },
);
