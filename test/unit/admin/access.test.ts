/** Who may use the admin API, and who the log says it was. */

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it } from 'vitest';
import { authorize, createAuthorizer, tokensOf } from '../../../services/admin-lambda/src/authorizer.ts';
import { callerOf } from '../../../services/admin-lambda/src/caller.ts';
import { CachedSecret } from '../../../services/admin-lambda/src/secrets.ts';
import { apiCall, listeningLog } from './support.ts';

const secrets = mockClient(SecretsManagerClient);
afterEach(() => secrets.reset());

describe('tokens', () => {
  it('are one secret text, or named in JSON', () => {
    expect([...tokensOf(' s3cret\n')]).toEqual([['admin', 's3cret']]);
    expect([...tokensOf('{"ops": "a", "ci": "b"}')]).toEqual([
      ['ops', 'a'],
      ['ci', 'b'],
    ]);
    for (const broken of ['{"ops": ""}', '{"ops": 1}', '{"ops"']) expect(() => tokensOf(broken)).toThrow();
  });

  const tokens = new Map([
    ['ops', 'one'],
    ['ci', 'two'],
  ]);
  it.each([
    ['Bearer one', 'ops'],
    ['bearer two', 'ci'],
    ['Bearer  one ', 'ops'],
    ['Bearer on', undefined],
    ['Bearer onee', undefined],
    ['Bearer one two', undefined],
    ['Basic one', undefined],
    ['one', undefined],
    ['Bearer ', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s', (header, name) => {
    expect(authorize(header, tokens)).toBe(name);
  });
});

describe('the authorizer', () => {
  const asking = (authorization?: string): APIGatewayRequestAuthorizerEventV2 =>
    ({
      version: '2.0',
      type: 'REQUEST',
      headers: authorization === undefined ? {} : { authorization },
      requestContext: apiCall('GET', '/admin/stats').requestContext,
    }) as unknown as APIGatewayRequestAuthorizerEventV2;
  const arn = 'arn:aws:secretsmanager:eu-west-1:1:secret:token';

  it('says who it is, and asks Secrets Manager once', async () => {
    secrets.on(GetSecretValueCommand, { SecretId: arn }).resolves({ SecretString: '{"ops":"one"}' });
    const { log } = listeningLog();
    const authorizer = createAuthorizer(new CachedSecret({ client: new SecretsManagerClient(), arn }), log);
    const allowed = { isAuthorized: true, context: { principal: 'token:ops' } };
    expect(await authorizer(asking('Bearer one'))).toEqual(allowed);
    expect(await authorizer(asking('Bearer one'))).toEqual(allowed);
    expect(secrets.calls()).toHaveLength(1);
  });

  it('refuses everybody else, and logs from where without the token', async () => {
    secrets.on(GetSecretValueCommand).resolves({ SecretString: 'one' });
    const { log, lines } = listeningLog();
    const authorizer = createAuthorizer(new CachedSecret({ client: new SecretsManagerClient(), arn }), log);
    expect(await authorizer(asking('Bearer guess'))).toEqual({ isAuthorized: false, context: null });
    expect(await authorizer(asking())).toEqual({ isAuthorized: false, context: null });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ ip: '203.0.113.7', method: 'GET', path: '/admin/stats' });
    expect(JSON.stringify(lines)).not.toContain('guess');
  });

  it('knows a rotated token at once, and does not let itself be made to ask at every refusal', async () => {
    let nowMs = 0;
    let secret = 'old';
    secrets.on(GetSecretValueCommand).callsFake(() => ({ SecretString: secret }));
    const { log } = listeningLog();
    const cached = new CachedSecret({ client: new SecretsManagerClient(), arn, now: () => nowMs });
    const authorizer = createAuthorizer(cached, log);
    expect((await authorizer(asking('Bearer old'))).isAuthorized).toBe(true);
    secret = 'new';
    nowMs = 16_000;
    expect((await authorizer(asking('Bearer new'))).isAuthorized).toBe(true);
    for (let n = 0; n < 5; n++) await authorizer(asking('Bearer guess'));
    expect(secrets.calls()).toHaveLength(2);
  });

  it('forgets a token that was rotated away after five minutes', async () => {
    let nowMs = 0;
    let secret = 'old';
    secrets.on(GetSecretValueCommand).callsFake(() => ({ SecretString: secret }));
    const cached = new CachedSecret({ client: new SecretsManagerClient(), arn, now: () => nowMs });
    const authorizer = createAuthorizer(cached, listeningLog().log);
    expect((await authorizer(asking('Bearer old'))).isAuthorized).toBe(true);
    secret = 'new';
    nowMs = 301_000;
    expect((await authorizer(asking('Bearer old'))).isAuthorized).toBe(false);
  });

  it('throws when Secrets Manager does not answer: a refusal would be a lie', async () => {
    secrets.on(GetSecretValueCommand).rejects(new Error('throttled'));
    const authorizer = createAuthorizer(
      new CachedSecret({ client: new SecretsManagerClient(), arn }),
      listeningLog().log,
    );
    await expect(authorizer(asking('Bearer one'))).rejects.toThrow('throttled');
  });
});

describe('callerOf', () => {
  it.each([
    [{ lambda: { principal: 'token:ops' } }, 'token:ops'],
    [{ iam: { userArn: 'arn:aws:iam::1:user/ann', callerId: 'AIDA' } }, 'arn:aws:iam::1:user/ann'],
    [{ jwt: { claims: { sub: '42', email: 'ann@example.com' } } }, 'jwt:ann@example.com'],
    [{ jwt: { claims: { sub: '42' } } }, 'jwt:42'],
    [{}, 'nobody known'],
  ])('%j', (authorizer, who) => {
    expect(callerOf(apiCall('GET', '/', { authorizer }))).toEqual({
      who,
      sourceIp: '203.0.113.7',
      requestId: 'request-1',
    });
  });
});
