/**
 * API Gateway on a laptop: turns HTTP into payload 2.0, calls the same handler that runs in AWS, and sends its answer. It
 * checks the token as the authorizer does. Its refusals say `{"detail": …}`; those of API Gateway say `{"message": …}`.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Logger } from '../../shared/log.ts';
import { authorize } from './authorizer.ts';
import type { AdminHandler } from './handler.ts';

/** API Gateway accepts 10 MB; no request here needs more than a line. */
const MAX_BODY_BYTES = 1024 * 1024;

export interface Gateway {
  /** `http://127.0.0.1:8090` */
  readonly url: string;
  close(): Promise<void>;
}

export interface GatewayOptions {
  readonly handler: AdminHandler;
  /** Name → token. */
  readonly tokens: ReadonlyMap<string, string>;
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
}

export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const server = createServer((request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.log.error({ err: error }, 'the handler threw');
      send(response, 500, { detail: 'Internal Server Error' });
    });
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { address, family, port } = server.address() as AddressInfo;
  return { url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`, close: () => close(server) };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: GatewayOptions): Promise<void> {
  const body = await bodyOf(request);
  if (body === undefined) return send(response, 413, { detail: 'Content Too Large' });
  const name = authorize(request.headers.authorization, options.tokens);
  const event = eventOf(request, body, name === undefined ? undefined : `token:${name}`);
  if (name === undefined) {
    const { sourceIp: ip, method, path } = event.requestContext.http;
    options.log.warn({ ip, method, path }, 'refused a call without a valid token');
    // Like API Gateway: 401 without a header, 403 for a refused one.
    if (request.headers.authorization === undefined) return send(response, 401, { detail: 'Unauthorized' });
    return send(response, 403, { detail: 'Forbidden' });
  }
  const result = (await options.handler(event)) as APIGatewayProxyStructuredResultV2;
  const text = result.isBase64Encoded === true ? Buffer.from(result.body ?? '', 'base64') : (result.body ?? '');
  const headers = Object.entries(result.headers ?? {}).map(([header, value]) => [header, String(value)] as const);
  response.writeHead(result.statusCode ?? 200, Object.fromEntries(headers)).end(text);
}

/** A request as API Gateway describes it: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
function eventOf(
  request: IncomingMessage,
  body: Buffer,
  principal: string | undefined,
  nowMs = Date.now(),
): APIGatewayProxyEventV2 {
  const { pathname: rawPath, search } = urlOf(request.url ?? '/');
  const query = [...new URLSearchParams(search)];
  const method = request.method ?? 'GET';
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined && name !== 'cookie') headers[name] = Array.isArray(value) ? value.join(',') : value;
  }
  const queryStringParameters: Record<string, string> = {};
  for (const [name, value] of query) {
    const before = queryStringParameters[name];
    queryStringParameters[name] = before === undefined ? value : `${before},${value}`;
  }
  const cookies = request.headers.cookie?.split('; ');
  const requestContext = {
    accountId: 'anonymous',
    apiId: 'local',
    domainName: 'localhost',
    domainPrefix: 'localhost',
    http: {
      method,
      path: rawPath,
      protocol: `HTTP/${request.httpVersion}`,
      sourceIp: request.socket.remoteAddress ?? '',
      userAgent: request.headers['user-agent'] ?? '',
    },
    requestId: randomUUID(),
    routeKey: '$default',
    stage: '$default',
    time: new Date(nowMs).toISOString(),
    timeEpoch: nowMs,
    ...(principal === undefined ? {} : { authorizer: { lambda: { principal } } }),
  };
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString: search.slice(1),
    headers,
    requestContext,
    isBase64Encoded: body.length > 0,
    ...(cookies === undefined ? {} : { cookies }),
    ...(query.length === 0 ? {} : { queryStringParameters }),
    ...(body.length === 0 ? {} : { body: body.toString('base64') }),
  };
}

/** A path that begins with two slashes is a path here, not a host. */
function urlOf(target: string): URL {
  return new URL(target.startsWith('/') ? `http://localhost${target}` : `http://localhost/${target}`);
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function send(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return void response.destroy();
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(body));
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
