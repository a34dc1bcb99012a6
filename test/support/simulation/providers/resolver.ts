/** The failover resolver of a simulation: a service of the operator that knows one other source for each. */

import type { Readable } from 'node:stream';
import { deferred } from '../../../../services/proxy/src/async.ts';
import type { HopRequest, HopResponse } from '../../../../services/proxy/src/upstream/http/hop.ts';
import type { Process } from '../machine.ts';
import { Body } from './body.ts';

export const RESOLVER_HOST = 'resolver';
export const RESOLVER_URL = `http://${RESOLVER_HOST}/next`;
/** From the question to the answer, in ms. */
const ANSWER_MS = [5, 300] as const;

export class Resolver {
  /** Called with the URL that is left, for each question. */
  onAsked: (url: string) => void = () => undefined;

  /** From the primary source to the backup, and back. */
  next(url: string): string {
    this.onAsked(url);
    return url.includes('//backup/')
      ? url.replace('//backup/', '//provider/')
      : url.replace('//provider/', '//backup/');
  }
}

export function askResolver(request: HopRequest, resolver: Resolver, process: Process): Promise<HopResponse> {
  const { scheduler } = process.machine;
  const answer = deferred<HopResponse>();
  const closed = deferred<void>();
  const body = new Body(() => closed.resolve());
  request.opening.addEventListener('abort', () => answer.reject(request.opening.reason), { once: true });
  const arrives = () => {
    request.connected();
    const { current_url: url } = JSON.parse(request.body ?? '{}') as { readonly current_url: string };
    body.push(Buffer.from(JSON.stringify({ next_url: resolver.next(url) })));
    body.end();
    const headers = { 'content-type': 'application/json' };
    answer.resolve({ status: 200, headers, body: body as unknown as Readable, closed: closed.promise });
  };
  scheduler.after(scheduler.between(...ANSWER_MS), process, arrives);
  return answer.promise;
}
