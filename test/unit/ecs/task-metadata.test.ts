/** What a task is told of itself, by a real server that answers as AWS documents it. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ecsTask } from '../../../services/proxy/src/ecs/task-metadata.ts';

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
  Revision: '7',
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
  it('is told its address, zone and revision', async () => {
    expect(await ecsTask(await endpoint(TASK))).toEqual({
      address: '10.0.0.108',
      zone: 'us-west-2a',
      revision: 7,
      isStopping: false,
    });
  });

  it('may have no IPv4 address and no zone', async () => {
    const bare = { Containers: [{ Networks: [{ NetworkMode: 'awsvpc', IPv6Addresses: ['2600::1'] }] }] };
    expect(await ecsTask(await endpoint(bare))).toMatchObject({ address: undefined, zone: undefined });
  });

  it('is told that it is about to be stopped', async () => {
    expect(await ecsTask(await endpoint({ ...TASK, DesiredStatus: 'STOPPED' }))).toMatchObject({ isStopping: true });
  });

  it('says when the endpoint does not answer as documented', async () => {
    await expect(ecsTask(await endpoint({ error: 'x' }))).rejects.toThrow();
    await expect(ecsTask(await endpoint(TASK, 500))).rejects.toThrow('answered 500');
    await expect(ecsTask('http://127.0.0.1:1/v4')).rejects.toThrow();
  });
});
