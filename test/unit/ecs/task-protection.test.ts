/** Protection is asked for once, given up once, and asked for again when the agent refuses. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TaskProtection } from '../../../services/proxy/src/ecs/task-protection.ts';
import { createLogger } from '../../../services/shared/log.ts';

let server: Server;
let asked: { method: string | undefined; url: string | undefined; body: Record<string, unknown> }[];
/** What the agent says next; undefined: it does what it is asked. */
let refusal: { status: number; body: unknown } | undefined;

beforeEach(async () => {
  asked = [];
  refusal = undefined;
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      asked.push({ method: request.method, url: request.url, body });
      response.statusCode = refusal?.status ?? 200;
      response.end(JSON.stringify(refusal?.body ?? { protection: { ...body, TaskArn: 'arn:aws:ecs:x' } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => server.close());

function protection(): TaskProtection {
  const { port } = server.address() as AddressInfo;
  return new TaskProtection(`http://127.0.0.1:${port}/api/abc`, createLogger('fatal'));
}

it('asks for a few minutes at a time, and once', async () => {
  const task = protection();
  await task.want(false);
  await task.want(true);
  await task.want(true);
  await task.want(false);
  await task.want(false);
  const url = '/api/abc/task-protection/v1/state';
  expect(asked).toEqual([
    { method: 'PUT', url, body: { ProtectionEnabled: true, ExpiresInMinutes: 10 } },
    { method: 'PUT', url, body: { ProtectionEnabled: false } },
  ]);
});

it.each([
  ['a failure with 200', 200, { failure: { Arn: 'arn', Reason: 'TASK_NOT_VALID' } }],
  ['an error', 400, { error: { Code: 'AccessDeniedException', Message: 'not authorized' } }],
])('asks again after %s', async (_name, status, body) => {
  const task = protection();
  refusal = { status, body };
  await task.want(true);
  refusal = undefined;
  await task.want(true);
  await task.want(true);
  expect(asked).toHaveLength(2);
});

it('survives an agent that is not there', async () => {
  await expect(new TaskProtection('http://127.0.0.1:1', createLogger('fatal')).want(true)).resolves.toBeUndefined();
});
