/** The admin API as one function of events, wherever it runs: calls in payload 2.0, and jobs of the schedule. */

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { handle, type LambdaContext } from 'hono/aws-lambda';
import { createApp } from './app.ts';
import type { AdminDeps, DepsWithin } from './deps.ts';
import { JOBS, jobEvent, runJob } from './jobs.ts';

export type AdminHandler = (event: unknown, context?: Context) => Promise<unknown>;

/**
 * @param deps what jobs use
 * @param depsWithin what a call uses, which depends on how long it may take
 * @example const answer = await createHandler(deps)(event); // { statusCode, headers, body }
 */
export function createHandler(deps: AdminDeps, depsWithin: DepsWithin = () => deps): AdminHandler {
  const answer = handle(createApp(depsWithin, deps.log));
  return async (event, context) => {
    const job = jobEvent.safeParse(event);
    if (job.success) return runJob(job.data, deps);
    if (!isApiCall(event)) {
      throw new Error(`the event is neither a call in payload 2.0 nor one of the jobs ${JOBS.join(', ')}`);
    }
    // Hono has its own event types, written from the same documentation.
    const call = event as unknown as Parameters<typeof answer>[0];
    return (await answer(call, context as LambdaContext | undefined)) as APIGatewayProxyStructuredResultV2;
  };
}

function isApiCall(event: unknown): event is APIGatewayProxyEventV2 {
  return typeof event === 'object' && event !== null && 'version' in event && event.version === '2.0';
}
