/** Who may use the admin API, and who the log says it was. */

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { afterEach, describe, expect, it } from 'vitest';
import {
  authorize,
  createAuthorizer,
  TOKENS_KEPT_MS,
  tokensOf,
} from '../../../services/admin-lambda/src/authorizer.ts';
import { callerOf } from '../../../services/admin-lambda/src/caller.ts';
import { Rereads } from '../../../services/admin-lambda/src/rereads.ts';
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

  /** An authorizer whose secret and clock a test sets. */
  function start(secretString: string) {
    const stage = { secretString, nowMs: 0, reads: 0, lines: [] as Record<string, unknown>[] };
    secrets.on(GetSecretValueCommand, { SecretId: arn }).callsFake(() => {
      stage.reads++;
      return { SecretString: stage.secretString };
    });
    const now = () => stage.nowMs;
    const { log, lines } = listeningLog();
    const secret = new CachedSecret({ client: new SecretsManagerClient(), arn, keepMs: TOKENS_KEPT_MS, now });
    const authorizer = createAuthorizer(secret, log, new Rereads(now));
    stage.lines = lines;
    const allows = async (header?: string) => (await authorizer(asking(header))).isAuthorized;
    return { stage, authorizer, allows };
  }

  it('says who it is, and asks Secrets Manager once', async () => {
    const { stage, authorizer } = start('{"ops":"one"}');
    const allowed = { isAuthorized: true, context: { principal: 'token:ops' } };
    expect(await authorizer(asking('Bearer one'))).toEqual(allowed);
    expect(await authorizer(asking('Bearer one'))).toEqual(allowed);
    expect(stage.reads).toBe(1);
  });

  it('refuses everybody else, and logs from where without the token', async () => {
    const { stage, authorizer } = start('one');
    expect(await authorizer(asking('Bearer guess'))).toEqual({ isAuthorized: false, context: null });
    expect(await authorizer(asking())).toEqual({ isAuthorized: false, context: null });
    expect(stage.lines).toHaveLength(2);
    expect(stage.lines[0]).toMatchObject({ ip: '203.0.113.7', method: 'GET', path: '/admin/stats' });
    expect(JSON.stringify(stage.lines)).not.toContain('guess');
  });

  it('knows a rotated token at once, also when the old one has just been used or a wrong one refused', async () => {
    const { stage, allows } = start('old');
    expect(await allows('Bearer old')).toBe(true);
    expect(await allows('Bearer new')).toBe(false);
    stage.secretString = 'new';
    expect(await allows('Bearer new')).toBe(true);
    expect(await allows('Bearer old')).toBe(false);
  });

  it('takes a token that was rotated away for ten seconds at the most', async () => {
    const { stage, allows } = start('old');
    expect(await allows('Bearer old')).toBe(true);
    stage.secretString = 'new';
    stage.nowMs = 10_000;
    expect(await allows('Bearer old')).toBe(false);
  });

  it('does not let itself be made to read the secret at every guess', async () => {
    const { stage, allows } = start('one');
    for (let n = 0; n < 100; n++) expect(await allows(`Bearer guess-${n}`)).toBe(false);
    expect(stage.reads).toBe(1 + 10);
    const before = stage.reads;
    // An hour of twenty guesses a second, which is what API Gateway lets through.
    const HOUR_S = 3600;
    for (let at = 0; at < HOUR_S * 20; at++) {
      stage.nowMs += 50;
      await allows('Bearer guess');
    }
    // One read in 5 s for guesses, and one in 10 s as for any caller.
    expect(stage.reads - before).toBeLessThanOrEqual(HOUR_S / 5 + HOUR_S / 10);
    // The new token gets in all the same: within those 5 s.
    stage.secretString = 'new';
    stage.nowMs += 5_000;
    expect(await allows('Bearer new')).toBe(true);
  });

  it.each([undefined, '', 'Basic b25l', 'Bearer'])(
    'does not read the secret for %j, which holds no token',
    async (header) => {
      const { stage, allows } = start('one');
      expect(await allows(header)).toBe(false);
      expect(stage.reads).toBe(0);
    },
  );

  it('throws when Secrets Manager does not answer: a refusal would be a lie', async () => {
    secrets.on(GetSecretValueCommand).rejects(new Error('throttled'));
    const secret = new CachedSecret({ client: new SecretsManagerClient(), arn, keepMs: TOKENS_KEPT_MS });
    await expect(createAuthorizer(secret, listeningLog().log)(asking('Bearer one'))).rejects.toThrow('throttled');
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
