/** What is not found is not there, unless nobody could be asked. */
import { expect, it } from 'vitest';
import { notFound } from '../../../../services/proxy/src/api/http/not-found.ts';

it('is 404, and 503 with the time to try again during an outage', () => {
  const registry = (knowsAll: boolean) => ({ knowsAll, remembered: () => undefined });
  expect(notFound(registry(true), 'Stream not found')).toMatchObject({ status: 404, message: 'Stream not found' });
  expect(notFound(registry(false), 'Stream not found')).toMatchObject({ status: 503, retryAfterSeconds: 2 });
});
