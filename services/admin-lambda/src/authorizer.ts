/**
 * Lambda function: the authorizer of the HTTP API (payload 2.0, simple response), for `auth: 'token'`. The local server uses
 * the same `authorize`.
 *
 * Handler: `authorizer.handler`. Environment: AuthorizerEnvironment. Rights: secretsmanager:GetSecretValue on the token.
 * Network: not in the VPC. Identity source: `$request.header.Authorization`. API Gateway must not cache the answer: it would
 * keep refusals too, and tokens that were rotated away. Callers send `Authorization: Bearer <token>`.
 */

import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda';
import { z } from 'zod';
import { createLogger, type Logger } from '../../shared/log.ts';
import { sameText } from '../../shared/same-text.ts';
import { readAuthorizer } from './environment.ts';
import { Rereads } from './rereads.ts';
import { CachedSecret } from './secrets.ts';
import { AUTHORIZE_MS } from './time-limits.ts';
import { within } from './within.ts';

/** The name of a token when the secret is only the token itself. */
const UNNAMED = 'admin';
/** A token that was rotated away is valid for this long at the most. */
export const TOKENS_KEPT_MS = 10_000;

const namedTokens = z.record(z.string().min(1), z.string().min(1));

/** Name → token. The secret is either one token, or JSON such as `{"ops": "…", "ci": "…"}` so that the log names the caller. */
export function tokensOf(secret: string): Map<string, string> {
  if (!secret.trimStart().startsWith('{')) return new Map([[UNNAMED, secret.trim()]]);
  return new Map(Object.entries(namedTokens.parse(JSON.parse(secret))));
}

function tokenIn(header: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
}

/** The name of the token in an Authorization header; undefined when it matches none. */
export function authorize(header: string | undefined, tokens: ReadonlyMap<string, string>): string | undefined {
  const given = tokenIn(header);
  if (given === undefined) return undefined;
  let found: string | undefined;
  // Compares every token, so that the time does not tell which one nearly matched.
  for (const [name, token] of tokens) if (sameText(given, token)) found = name;
  return found;
}

export type Authorization = APIGatewaySimpleAuthorizerWithContextResult<{ principal: string } | null>;

/** Makes the handler. The secret may be rotated while it runs. */
export function createAuthorizer(secret: Pick<CachedSecret, 'read'>, log: Logger, rereads = new Rereads()) {
  const nameOf = async (header: string | undefined): Promise<string | undefined> => {
    if (tokenIn(header) === undefined) return undefined;
    const signal = AbortSignal.timeout(AUTHORIZE_MS);
    const name = authorize(header, tokensOf(await secret.read({ signal })));
    if (name !== undefined || !rereads.take()) return name;
    return authorize(header, tokensOf(await secret.read({ signal, fresh: true })));
  };
  return async (event: APIGatewayRequestAuthorizerEventV2): Promise<Authorization> => {
    const late = () => new Error(`Secrets Manager has not answered within ${AUTHORIZE_MS} ms`);
    const name = await within(AUTHORIZE_MS, nameOf(event.headers?.authorization), late);
    if (name !== undefined) return { isAuthorized: true, context: { principal: `token:${name}` } };
    const { http } = event.requestContext;
    log.warn({ ip: http.sourceIp, method: http.method, path: http.path }, 'refused a call without a valid token');
    return { isAuthorized: false, context: null };
  };
}

let authorizer: ReturnType<typeof createAuthorizer> | undefined;

export async function handler(event: APIGatewayRequestAuthorizerEventV2): Promise<Authorization> {
  if (authorizer === undefined) {
    const { tokenSecretArn, logLevel } = readAuthorizer(process.env);
    const secret = new CachedSecret({
      client: new SecretsManagerClient(),
      arn: tokenSecretArn,
      keepMs: TOKENS_KEPT_MS,
    });
    authorizer = createAuthorizer(secret, createLogger(logLevel, { function: 'authorizer' }));
  }
  return authorizer(event);
}
