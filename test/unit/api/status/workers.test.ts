/** The workers of a cluster of one: listed, and drained at once. */

import { describe, expect, it } from 'vitest';
import { startApi } from '../support.ts';

describe('a worker alone', () => {
  it('is the one worker there is, and the one that answers', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    const { body, status } = await api.get('/workers');
    expect(status).toBe(200);
    expect(body).toEqual({
      workers: [
        {
          worker_id: 'solo',
          incarnation: expect.stringMatching(/^[0-9a-f-]{36}$/),
          address: null,
          zone: null,
          started_at: expect.stringMatching(/\+00:00$/),
          last_seen: expect.stringMatching(/\+00:00$/),
          processes: 0,
          clients: 0,
          cpu: expect.any(Number),
          draining: false,
          this_worker: true,
        },
      ],
      total: 1,
    });
  });

  it('drains at once when it is told to', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    expect((await api.get('/readyz')).status).toBe(200);
    const answer = await api.post('/workers/solo/drain');
    expect(answer).toMatchObject({ status: 202, body: { worker_id: 'solo', message: 'Worker solo is draining' } });
    expect((await api.get('/readyz')).status).toBe(503);
    expect((await api.get('/workers')).body.workers).toMatchObject([{ worker_id: 'solo', draining: true }]);
  });

  it('knows no other worker', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    expect(await api.post('/workers/other/drain')).toMatchObject({
      status: 404,
      body: { detail: 'There is no worker other; GET /workers lists the workers.' },
    });
    expect((await api.get('/readyz')).status).toBe(200);
  });

  it('asks for the token', async () => {
    const api = await startApi({ API_TOKEN: 'secret', WORKER_ID: 'solo' });
    expect((await api.get('/workers')).status).toBe(401);
    expect((await api.post('/workers/solo/drain')).status).toBe(401);
  });
});
