/** What the functions ask of AWS, over HTTP as the SDK speaks it: secrets, invocations, and no task of ECS. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FakeFunction } from './instance.ts';

export class FakeAws {
  readonly #server: Server;
  /** ARN → string. */
  readonly secrets = new Map<string, string>();
  /** Name → function. */
  readonly functions = new Map<string, FakeFunction>();
  /** Services that take requests and never answer. */
  readonly silent = new Set<'secretsmanager' | 'ecs'>();
  /** How often a secret was read. */
  secretReads = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeAws> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeAws(server);
  }

  /** The variables that lead the SDK here. */
  get env(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    return { AWS_ENDPOINT_URL_LAMBDA: url, AWS_ENDPOINT_URL_SECRETS_MANAGER: url, AWS_ENDPOINT_URL_ECS: url };
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const [service = '', operation] = String(request.headers['x-amz-target'] ?? '').split('.');
    if (service === 'secretsmanager') return this.#secret(JSON.parse(body), response);
    if (service.startsWith('AmazonEC2ContainerService')) {
      if (this.silent.has('ecs')) return;
      if (operation === 'ListTasks') return send(response, 200, { taskArns: [] });
    }
    const [, name = ''] = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(request.url ?? '') ?? [];
    const invoked = this.functions.get(name);
    if (invoked === undefined) return send(response, 400, { message: `${request.url} ${operation} is not expected` });
    const { failed, payload } = await invoked.invoke(JSON.parse(body));
    if (failed) response.setHeader('x-amz-function-error', 'Unhandled');
    response.writeHead(200, { 'content-type': 'application/json' }).end(payload);
  }

  #secret({ SecretId: arn }: { SecretId: string }, response: ServerResponse): void {
    if (this.silent.has('secretsmanager')) return;
    this.secretReads++;
    const value = this.secrets.get(arn);
    if (value !== undefined) send(response, 200, { ARN: arn, SecretString: value });
    else send(response, 400, { __type: 'ResourceNotFoundException', message: arn });
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}
