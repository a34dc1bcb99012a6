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
/** How much longer a slow one takes: less than its caller waits. */
const SLOW_MS = [1_000, 9_000] as const;

/** What is wrong with it: it takes seconds, answers 503, or does not answer. */
export type Trouble = 'slow' | 'fails' | 'silent';

export class Resolver {
  trouble: Trouble | undefined;
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
  const answers = (status: number, nextUrl: string | undefined) => {
    body.push(Buffer.from(JSON.stringify({ next_url: nextUrl })));
    body.end();
    const headers = { 'content-type': 'application/json' };
    answer.resolve({ status, headers, body: body as unknown as Readable, closed: closed.promise });
  };
  const arrives = () => {
    request.connected();
    const { trouble } = resolver;
    if (trouble === 'silent') return;
    if (trouble === 'fails') return answers(503, undefined);
    const { current_url: url } = JSON.parse(request.body ?? '{}') as { readonly current_url: string };
    const next = resolver.next(url);
    if (trouble === undefined) return answers(200, next);
    scheduler.after(scheduler.between(...SLOW_MS), process, () => answers(200, next));
  };
  scheduler.after(scheduler.between(...ANSWER_MS), process, arrives);
  return answer.promise;
}
