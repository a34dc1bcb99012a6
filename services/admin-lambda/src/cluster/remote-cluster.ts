/**
 * The cluster through the function that reaches Redis: every question is one call of it. The function has no way to Secrets
 * Manager either, so it is told Redis's password with each call, over the Lambda API's TLS.
 */

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import {
  type CleanupAnswer,
  type ClusterAdmin,
  type ClusterCall,
  type ClusterNumbers,
  type DrainAnswer,
  RegistryUnavailable,
  type StreamDetails,
  type StreamPage,
  type StreamsRequest,
  type WorkerState,
} from './cluster-admin.ts';

/** What registry-lambda.ts is invoked with. */
export interface RegistryRequest {
  call: ClusterCall;
  /** Of Redis; absent: it has none. */
  password?: string | undefined;
}

/** What it answers. Errors that are nobody's outage it throws, as a bug should be. */
export type RegistryAnswer = { ok: true; result: unknown } | { ok: false; unavailable: string };

export interface RemoteClusterOptions {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string;
  /** Redis's password as it is now. */
  readonly password: () => Promise<string | undefined>;
}

/** A cold start in a VPC takes about a second; what has not answered by then will not. */
const INVOKE_TIMEOUT_MS = 8_000;

export class RemoteCluster implements ClusterAdmin {
  readonly #options: RemoteClusterOptions;

  constructor(options: RemoteClusterOptions) {
    this.#options = options;
  }

  ping(): Promise<number> {
    return this.#call({ operation: 'ping', args: [] });
  }

  numbers(): Promise<ClusterNumbers> {
    return this.#call({ operation: 'numbers', args: [] });
  }

  workers(): Promise<WorkerState[]> {
    return this.#call({ operation: 'workers', args: [] });
  }

  streams(page: StreamsRequest): Promise<StreamPage> {
    return this.#call({ operation: 'streams', args: [page] });
  }

  stream(id: string): Promise<StreamDetails | null> {
    return this.#call({ operation: 'stream', args: [id] });
  }

  deleteStream(id: string): Promise<number | null> {
    return this.#call({ operation: 'deleteStream', args: [id] });
  }

  cleanup(dryRun: boolean): Promise<CleanupAnswer> {
    return this.#call({ operation: 'cleanup', args: [dryRun] });
  }

  drain(workerId: string): Promise<DrainAnswer> {
    return this.#call({ operation: 'drain', args: [workerId] });
  }

  async #call<T>(call: ClusterCall): Promise<T> {
    const { lambda, functionName, password } = this.#options;
    const request: RegistryRequest = { call, password: await password() };
    const command = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(request) });
    const abort = AbortSignal.timeout(INVOKE_TIMEOUT_MS);
    const { Payload, FunctionError } = await lambda.send(command, { abortSignal: abort }).catch((error: unknown) => {
      throw new RegistryUnavailable(`${functionName} cannot be invoked: ${String(error)}`, { cause: error });
    });
    const text = Buffer.from(Payload ?? []).toString();
    if (FunctionError !== undefined) throw new Error(`${functionName} failed (${FunctionError}): ${text}`);
    // Both functions are made of the same commit and deployed together.
    const answer = JSON.parse(text) as RegistryAnswer;
    if (!answer.ok) throw new RegistryUnavailable(answer.unavailable);
    return answer.result as T;
  }
}
