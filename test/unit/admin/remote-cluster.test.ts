/** The front's calls of the function that reaches Redis, at the SDK's boundary. */
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, expect, it } from 'vitest';
import { RegistryUnavailable } from '../../../services/admin-lambda/src/cluster/cluster-admin.ts';
import { RemoteCluster } from '../../../services/admin-lambda/src/cluster/remote-cluster.ts';

const lambda = mockClient(LambdaClient);
afterEach(() => lambda.reset());

function payload(answer: unknown): NonNullable<InvokeCommandOutput['Payload']> {
  const text = JSON.stringify(answer);
  return Object.assign(Buffer.from(text), { transformToString: () => text });
}

function cluster(password?: string): RemoteCluster {
  const client = new LambdaClient({ region: 'eu-west-1' });
  return new RemoteCluster({ lambda: client, functionName: 'registry', password: async () => password });
}

it('asks with the arguments and the password of this moment', async () => {
  lambda.on(InvokeCommand).resolves({ Payload: payload({ ok: true, result: { streams: [], total: 0 } }) });
  expect(await cluster('s3cret').streams({ limit: 5, cursor: 'abc' })).toEqual({ streams: [], total: 0 });
  const [call] = lambda.commandCalls(InvokeCommand);
  expect(call?.args[0].input.FunctionName).toBe('registry');
  expect(JSON.parse(String(call?.args[0].input.Payload))).toEqual({
    call: { operation: 'streams', args: [{ limit: 5, cursor: 'abc' }] },
    password: 's3cret',
  });
});

it('passes an outage on as one, with its reason', async () => {
  lambda.on(InvokeCommand).resolves({ Payload: payload({ ok: false, unavailable: 'Redis is away.' }) });
  const error = await cluster()
    .ping()
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RegistryUnavailable);
  expect(error).toMatchObject({ message: 'Redis is away.' });
});

it('says so when the function cannot be invoked', async () => {
  lambda.on(InvokeCommand).rejects(new Error('TooManyRequestsException'));
  await expect(cluster().ping()).rejects.toThrow(RegistryUnavailable);
  await expect(cluster().ping()).rejects.toThrow(/registry cannot be invoked.*TooManyRequestsException/);
});

it('takes a crash of the function for a bug, not for an outage', async () => {
  lambda.on(InvokeCommand).resolves({ FunctionError: 'Unhandled', Payload: payload({ errorMessage: 'boom' }) });
  const error = await cluster()
    .ping()
    .catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(RegistryUnavailable);
  expect(String(error)).toContain('boom');
});
