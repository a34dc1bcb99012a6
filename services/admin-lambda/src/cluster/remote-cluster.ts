/**
 * The cluster through the function that reaches Redis: each question is one call. That function cannot reach Secrets Manager,
 * so each call passes Redis's password to it, over the TLS of the Lambda API.
 */

import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { Deployment, DrainAnswer, DrainOrder, UndrainAnswer } from '../../../registry/types.ts';
import type { PageRequest } from '../paging.ts';
import type { CachedSecret, SecretRead } from '../secrets.ts';
import {
  type BroadcastPage,
  type BroadcastsRequest,
  type CleanupAnswer,
  type ClusterAdmin,
  type ClusterCall,
  type ClusterNumbers,
  type DisconnectAnswer,
  type FailoverAnswer,
  type FoundViewers,
  RegistryUnavailable,
  type StreamDetails,
  type StreamPage,
  type StreamsRequest,
  type ViewerSearch,
  type WorkerState,
} from './cluster-admin.ts';

/** The input of registry-lambda.ts. */
export interface RegistryRequest {
  call: ClusterCall;
  /** Redis's password; absent: Redis has none. */
  password?: string | undefined;
}

/** Its answer. It throws errors that are bugs and not outages. */
export type RegistryAnswer =
  | { ok: true; result: unknown }
  | { ok: false; unavailable: string; passwordRefused: boolean };

export interface RemoteClusterOptions {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string;
  /** Redis's password; undefined: it has none. */
  readonly password: Pick<CachedSecret, 'read'> | undefined;
  /** The limit of one question, with the password: see time-limits.ts. */
  readonly withinMs: number;
}

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

  drain(order: DrainOrder): Promise<DrainAnswer> {
    return this.#call({ operation: 'drain', args: [order] });
  }

  undrain(workerId: string): Promise<UndrainAnswer> {
    return this.#call({ operation: 'undrain', args: [workerId] });
  }

  noteDeployment(deployment: Deployment, askedAtMs: number): Promise<null> {
    return this.#call({ operation: 'noteDeployment', args: [deployment, askedAtMs] });
  }

  failover(streamId: string): Promise<FailoverAnswer> {
    return this.#call({ operation: 'failover', args: [streamId] });
  }

  disconnect(streamId: string, clientId: string): Promise<DisconnectAnswer> {
    return this.#call({ operation: 'disconnect', args: [streamId, clientId] });
  }

  viewers(search: ViewerSearch): Promise<FoundViewers> {
    return this.#call({ operation: 'viewers', args: [search] });
  }

  broadcasts(page: BroadcastsRequest): Promise<BroadcastPage> {
    return this.#call({ operation: 'broadcasts', args: [page] });
  }

  /** Redis may refuse the password because it was rotated since it was read: then this reads it again, once. */
  async #call<T>(call: ClusterCall): Promise<T> {
    const signal = AbortSignal.timeout(this.#options.withinMs);
    const password = await this.#password({ signal });
    let answer = await this.#invoke({ call, password }, signal);
    if (!answer.ok && answer.passwordRefused) {
      const newer = await this.#password({ signal, fresh: true });
      if (newer !== password) answer = await this.#invoke({ call, password: newer }, signal);
    }
    if (!answer.ok) throw new RegistryUnavailable(answer.unavailable);
    return answer.result as T;
  }

  async #password(how: SecretRead): Promise<string | undefined> {
    try {
      return await this.#options.password?.read(how);
    } catch (error) {
      throw new RegistryUnavailable(`Redis's password cannot be read: ${String(error)}`, { cause: error });
    }
  }

  async #invoke(request: RegistryRequest, signal: AbortSignal): Promise<RegistryAnswer> {
    const { lambda, functionName, withinMs } = this.#options;
    const command = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(request) });
    const { Payload, FunctionError } = await lambda.send(command, { abortSignal: signal }).catch((error: unknown) => {
      const reason = signal.aborted
        ? `has not answered within ${withinMs} ms. If it was only starting, it answers the next call`
        : `cannot be invoked: ${String(error)}`;
      throw new RegistryUnavailable(`${functionName} ${reason}.`, { cause: error });
    });
    const text = Buffer.from(Payload ?? []).toString();
    if (FunctionError !== undefined) throw new Error(`${functionName} failed (${FunctionError}): ${text}`);
    // Both functions come from the same commit and are deployed together.
    return JSON.parse(text) as RegistryAnswer;
  }
}
