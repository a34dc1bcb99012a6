/**
 * The cluster through the function that reaches Redis: each question is one call. That function cannot reach Secrets Manager,
 * so each call passes Redis's password to it, over the TLS of the Lambda API.
 */

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { PageRequest } from '../paging.ts';
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

/** The input of registry-lambda.ts. */
export interface RegistryRequest {
  call: ClusterCall;
  /** Redis's password; absent: Redis has none. */
  password?: string | undefined;
}

/** Its answer. It throws errors that are bugs and not outages. */
export type RegistryAnswer = { ok: true; result: unknown } | { ok: false; unavailable: string };

export interface RemoteClusterOptions {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string;
  /** The current password of Redis. */
  readonly password: () => Promise<string | undefined>;
}

/** A cold start in a VPC takes about a second. A function that has not answered by then will not answer. */
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

  stream(id: string, page: PageRequest): Promise<StreamDetails | null> {
    return this.#call({ operation: 'stream', args: [id, page] });
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
    // Both functions come from the same commit and are deployed together.
    const answer = JSON.parse(text) as RegistryAnswer;
    if (!answer.ok) throw new RegistryUnavailable(answer.unavailable);
    return answer.result as T;
  }
}
