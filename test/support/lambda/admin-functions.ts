/** The three functions of the admin API as they are deployed, behind what API Gateway does with them. */
import { join } from 'node:path';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type {
  AuthorizerEnvironment,
  FrontEnvironment,
  RegistryEnvironment,
} from '../../../services/admin-lambda/src/environment.ts';
import { apiCall } from '../../unit/admin/support.ts';
import type { RedisServer } from '../redis.ts';
import { FakeAws } from './fake-aws.ts';
import { FakeFunction } from './instance.ts';

const BUNDLES = join(import.meta.dirname, '..', '..', '..', 'dist', 'admin-functions');
const TOKEN_ARN = 'arn:aws:secretsmanager:eu-west-1:1:secret:token';
const PASSWORD_ARN = 'arn:aws:secretsmanager:eu-west-1:1:secret:redis';
const REGISTRY = 'registry';

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: unknown;
  readonly ms: number;
}

export class AdminFunctions {
  readonly aws: FakeAws;
  readonly authorizer: FakeFunction;
  readonly front: FakeFunction;
  readonly registry: FakeFunction;

  private constructor(aws: FakeAws, redis: RedisServer) {
    this.aws = aws;
    const registry: RegistryEnvironment = {
      REDIS_HOST: redis.host,
      REDIS_SERVER_PORT: String(redis.port),
      REDIS_TLS: 'false',
    };
    const front: FrontEnvironment = {
      ADMIN_REGISTRY_FUNCTION: REGISTRY,
      ADMIN_REDIS_SECRET_ARN: PASSWORD_ARN,
      ADMIN_ECS_CLUSTER: 'cluster',
      ADMIN_ECS_SERVICE: 'workers',
      METRICS_STAGE: 'test',
    };
    const authorizer: AuthorizerEnvironment = { ADMIN_TOKEN_SECRET_ARN: TOKEN_ARN };
    const functionOf = (name: string, handler: string, env: object) =>
      new FakeFunction({ folder: join(BUNDLES, name), handler, env: { ...aws.env, ...env } });
    this.registry = functionOf('registry', 'registry-lambda.handler', registry);
    this.front = functionOf('front', 'lambda.handler', front);
    this.authorizer = functionOf('authorizer', 'authorizer.handler', authorizer);
    aws.functions.set(REGISTRY, this.registry);
  }

  /**
   * Functions that wait for their first call.
   *
   * @param redis with this password
   */
  static async start(redis: RedisServer, password: string): Promise<AdminFunctions> {
    const functions = new AdminFunctions(await FakeAws.start(), redis);
    functions.token = 'test-token';
    functions.password = password;
    await Promise.all([functions.authorizer.warm(), functions.front.warm(), functions.registry.warm()]);
    return functions;
  }

  set token(token: string) {
    this.aws.secrets.set(TOKEN_ARN, JSON.stringify({ tester: token }));
  }

  set password(password: string) {
    this.aws.secrets.set(PASSWORD_ARN, password);
  }

  /** A call as API Gateway handles it: the authorizer first, then the front. */
  async call(method: string, target: string, token = 'test-token'): Promise<ApiAnswer> {
    const startedMs = performance.now();
    const done = (status: number, headers: object, body: unknown): ApiAnswer => ({
      status,
      headers: { ...headers },
      body,
      ms: performance.now() - startedMs,
    });
    const [path = '', query = ''] = target.split('?');
    const event = apiCall(method, path, { query });
    const authorization = { authorization: `Bearer ${token}` };
    const asked = await this.authorizer.invoke({
      version: '2.0',
      type: 'REQUEST',
      headers: authorization,
      requestContext: { ...event.requestContext, authorizer: undefined },
    });
    if (asked.failed) return done(500, {}, { message: 'Internal Server Error' });
    const { isAuthorized, context } = JSON.parse(asked.payload);
    if (isAuthorized !== true) return done(403, {}, { message: 'Forbidden' });
    const answer = await this.front.invoke({
      ...event,
      headers: { ...event.headers, ...authorization },
      requestContext: { ...event.requestContext, authorizer: { lambda: context } },
    });
    if (answer.failed) return done(500, {}, { message: 'Internal Server Error', because: answer.payload });
    const { statusCode = 0, headers = {}, body = '' } = JSON.parse(answer.payload) as APIGatewayProxyStructuredResultV2;
    return done(statusCode, headers, JSON.parse(body));
  }

  async stop(): Promise<void> {
    await Promise.all([this.authorizer.chill(), this.front.chill(), this.registry.chill()]);
    this.aws.stop();
  }
}
