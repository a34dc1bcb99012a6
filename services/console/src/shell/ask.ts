/** One question to the API of the worker that serves this page. */

import { BASE } from './address.ts';
import { authorization, hasToken, noteRefusal } from './token.ts';

/** The worker has refused, with a reason for people; or nobody has answered. */
export class AnswerError extends Error {}

/**
 * @param path from the root of the API, such as `/events?limit=10`
 * @throws {AnswerError} when there is no answer to show; 401 and a wrong token also lead to the log-in
 */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const answer = await fetch(`${BASE}${path}`, { ...init, headers: { ...authorization(), ...init.headers } }).catch(
    (cause: unknown) => {
      throw new AnswerError('', { cause });
    },
  );
  // Without a token in use, 403 has another reason.
  if (answer.status === 401 || (answer.status === 403 && hasToken())) noteRefusal();
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body as T;
  const detail = typeof body === 'object' && body !== null && 'detail' in body ? body.detail : undefined;
  throw new AnswerError(typeof detail === 'string' ? detail : String(answer.status));
}
