/** How a worker reaches the others, and is reached: HTTP of this machine. A simulation has a model of the network in its place. */

import type { Server, ServerResponse } from 'node:http';
import { type ClientRequest, createServer, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { type Clock, systemClock } from '../../../shared/clock.ts';

export type Answering = (request: IncomingMessage, response: ServerResponse) => void;

export interface Wire {
  readonly clock: Clock;
  /** As in `node:http`. */
  request(url: string, options: RequestOptions): ClientRequest;
  createServer(answer: Answering): Server;
}

export const systemWire: Wire = { clock: systemClock, request, createServer };
