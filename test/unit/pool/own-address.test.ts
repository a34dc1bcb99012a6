/** Where other workers find this one: from a real metadata server, and from the machine's routes. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { addressTowards, ecsTask, hostPort } from '../../../services/proxy/src/pool/own-address.ts';

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The task metadata endpoint, version 4. */
async function endpoint(answer: unknown, status = 200): Promise<string> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/v4/abc/task' ? status : 404;
    response.end(JSON.stringify(answer));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v4/abc`;
}

/** As AWS documents it for Fargate, shortened. */
const TASK = {
  Cluster: 'default',
  TaskARN: 'arn:aws:ecs:us-west-2:111122223333:task/default/e9028f8d5d8e4f258373e7b93ce9a3c3',
  Family: 'streampool',
  DesiredStatus: 'RUNNING',
  KnownStatus: 'RUNNING',
  LaunchType: 'FARGATE',
  AvailabilityZone: 'us-west-2a',
  Containers: [
    {
      Name: 'proxy',
      Networks: [
        {
          NetworkMode: 'awsvpc',
          IPv4Addresses: ['10.0.0.108'],
          AttachmentIndex: 0,
          SubnetGatewayIpv4Address: '10.0.0.1/24',
        },
      ],
    },
  ],
};

describe('a task on ECS', () => {
  it('is told its address and zone', async () => {
    expect(await ecsTask(await endpoint(TASK))).toEqual({ address: '10.0.0.108', zone: 'us-west-2a' });
  });

  it('may have no IPv4 address and no zone', async () => {
    const bare = { Containers: [{ Networks: [{ NetworkMode: 'awsvpc', IPv6Addresses: ['2600::1'] }] }] };
    expect(await ecsTask(await endpoint(bare))).toEqual({ address: undefined, zone: undefined });
  });

  it('says when the endpoint does not answer as documented', async () => {
    await expect(ecsTask(await endpoint({ error: 'x' }))).rejects.toThrow();
    await expect(ecsTask(await endpoint(TASK, 500))).rejects.toThrow('answers 500');
    await expect(ecsTask('http://127.0.0.1:1/v4')).rejects.toThrow();
  });
});

describe('elsewhere', () => {
  it('it is the address that packets leave from', async () => {
    expect(await addressTowards('127.0.0.1')).toBe('127.0.0.1');
    const own = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
    expect([...own, '127.0.0.1']).toContain(await addressTowards('no-such-host.invalid'));
  });

  it.each([
    ['10.0.0.1', '10.0.0.1:9085'],
    ['::ffff:10.0.0.1', '10.0.0.1:9085'],
    ['fd00::1', '[fd00::1]:9085'],
    ['worker-1.local', 'worker-1.local:9085'],
  ])('%s is written %s', (host, written) => {
    expect(hostPort(host, 9085)).toBe(written);
  });
});
