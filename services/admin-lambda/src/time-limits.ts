/**
 * How long each part of a call may take, in ms. On AWS a caller waits for the authorizer, then for the front, which waits for the
 * registry function, which waits for Redis. Each one gives up before the one that waits for it, so that the reason gets through.
 */

/** What is promised: whichever part does not answer, a caller has its answer within this. */
export const ANSWER_MS = 3_000;

/** The authorizer: a read of the token, which takes tens of ms when Secrets Manager is well. */
export const AUTHORIZE_MS = 700;

/** A route, from the event to its answer, when nothing before it has taken long. */
export const CALL_MS = 2_200;

/** The way of an answer back to the caller. */
const WAY_BACK_MS = 250;

/** A route gets this at the least, however long API Gateway says that the call has waited: its clock may be wrong. */
const LEAST_MS = 800;

/** What a route keeps of its time to make its answer of what it got from AWS, or of what it did not get. */
const ANSWERING_MS = 200;

/** One use of Redis, with the connection. The rest of what a route has is for the way to the registry function and back. */
export const REDIS_MS = 1_700;

/** What a job of the schedule asks of AWS at once. Nobody waits for it, and it should survive the cold start of a function. */
export const JOB_MS = 8_000;

/**
 * The time that a route has: less when the functions before it, or its own, had to be started first.
 *
 * @param receivedMs when API Gateway received the call
 */
export function timeOfRoute(receivedMs: number, nowMs: number): number {
  return Math.min(CALL_MS, Math.max(LEAST_MS, receivedMs + ANSWER_MS - WAY_BACK_MS - nowMs));
}

/** What a route may ask of AWS in its time: Redis's password and then the registry function; at the same time ECS. */
export function timeToAsk(routeMs: number): number {
  return routeMs - ANSWERING_MS;
}
