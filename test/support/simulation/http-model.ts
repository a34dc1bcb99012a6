/**
 * HTTP between simulated workers: what `node:http` gives to the relay, as far as the relay uses it. One connection for each
 * request. A machine whose process has ended refuses; one without power, or behind a cut, says nothing.
 */

import type { ClientRequest, RequestOptions, Server } from 'node:http';
import type { Answering, Wire } from '../../../services/proxy/src/relay/wire.ts';
import { SimulatedRequest } from './http-client-model.ts';
import { SimulatedServer } from './http-server-model.ts';
import type { Process } from './machine.ts';
import type { Network } from './network.ts';

/** The HTTP of one process. */
export class SimulatedHttp implements Wire {
  readonly process: Process;
  readonly network: Network;
  /** All servers of the cluster, by host and port. */
  readonly servers: Map<string, SimulatedServer>;

  constructor(process: Process, network: Network, servers: Map<string, SimulatedServer>) {
    this.process = process;
    this.network = network;
    this.servers = servers;
  }

  get clock(): Process {
    return this.process;
  }

  get scheduler() {
    return this.process.machine.scheduler;
  }

  readonly request = (url: string, options: RequestOptions): ClientRequest =>
    new SimulatedRequest(this, url, options) as unknown as ClientRequest;

  readonly createServer = (answer: Answering): Server =>
    new SimulatedServer(this.process, this.servers, answer) as unknown as Server;
}

export type Servers = SimulatedHttp['servers'];
