/** The front's calls of the function that reaches Redis, at the SDK's boundary. */
import { InvokeCommand, type InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it } from 'vitest';
import { RegistryUnavailable } from '../../../services/admin-lambda/src/cluster/cluster-admin.ts';
import { RemoteCluster } from '../../../services/admin-lambda/src/cluster/remote-cluster.ts';
import type { SecretRead } from '../../../services/admin-lambda/src/secrets.ts';
import {
  ANSWER_MS,
  AUTHORIZE_MS,
  CALL_MS,
  REDIS_MS,
  timeOfRoute,
  timeToAsk,
} from '../../../services/admin-lambda/src/time-limits.ts';

const lambda = mockClient(LambdaClient);
afterEach(() => lambda.reset());

function payload(answer: unknown): NonNullable<InvokeCommandOutput['Payload']> {
  const text = JSON.stringify(answer);
  return Object.assign(Buffer.from(text), { transformToString: () => text });
}

/** @param passwords what Secrets Manager has at each read */
function cluster(...passwords: string[]): RemoteCluster {
  let kept: string | undefined;
  const read = async ({ fresh = false }: SecretRead): Promise<string> => {
    if (fresh || kept === undefined) kept = passwords.shift();
    if (kept === undefined) throw new Error('Secrets Manager was not expected to be asked again');
    return kept;
  };
  return new RemoteCluster({
    lambda: new LambdaClient({ region: 'eu-west-1' }),
    functionName: 'registry',
    password: passwords.length === 0 ? undefined : { read },
    withinMs: CALL_MS,
  });
}

function passwordsGiven(): unknown[] {
  return lambda.commandCalls(InvokeCommand).map(({ args }) => JSON.parse(String(args[0].input.Payload)).password);
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
  lambda
    .on(InvokeCommand)
    .resolves({ Payload: payload({ ok: false, unavailable: 'Redis is away.', passwordRefused: false }) });
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

describe('when Redis refuses the password', () => {
  const refused = payload({ ok: false, unavailable: 'Redis refuses the password: WRONGPASS', passwordRefused: true });

  it('reads it again, and asks again with the new one', async () => {
    lambda
      .on(InvokeCommand)
      .resolvesOnce({ Payload: refused })
      .resolves({ Payload: payload({ ok: true, result: 1 }) });
    const remote = cluster('old', 'new');
    expect(await remote.ping()).toBe(1);
    expect(await remote.ping()).toBe(1);
    expect(passwordsGiven()).toEqual(['old', 'new', 'new']);
  });

  it('passes the outage on when it is still the same, or when the new one is refused too', async () => {
    lambda.on(InvokeCommand).resolves({ Payload: refused });
    await expect(cluster('old', 'old').ping()).rejects.toThrow('WRONGPASS');
    expect(passwordsGiven()).toEqual(['old']);
    lambda.resetHistory();
    await expect(cluster('old', 'new').ping()).rejects.toThrow('WRONGPASS');
    expect(passwordsGiven()).toEqual(['old', 'new']);
  });
});

it('says so when the password cannot be read', async () => {
  const password = { read: () => Promise.reject(new Error('AccessDenied')) };
  const remote = new RemoteCluster({
    lambda: new LambdaClient(),
    functionName: 'registry',
    password,
    withinMs: CALL_MS,
  });
  const error = await remote.ping().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RegistryUnavailable);
  expect(String(error)).toContain('AccessDenied');
});

describe('the time of a route', () => {
  it('leaves each part time to pass on the reason of the part that it waits for', () => {
    expect(AUTHORIZE_MS + CALL_MS).toBeLessThan(ANSWER_MS);
    expect(REDIS_MS).toBeLessThan(timeToAsk(CALL_MS));
  });

  it.each([
    ['whole, when the call has just come', 100, CALL_MS],
    ['shorter, when a function had to start before', 1_500, 1_250],
    ['long enough for a warm answer, whatever clock is wrong', 60_000, 800],
    ['no longer than ever, when a clock is behind', -60_000, CALL_MS],
  ])('%s', (_, waitedMs, routeMs) => {
    expect(timeOfRoute(1_000_000, 1_000_000 + waitedMs)).toBe(routeMs);
  });
});
