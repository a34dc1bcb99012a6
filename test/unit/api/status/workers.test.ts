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
          drain_reason: null,
          this_worker: true,
        },
      ],
      total: 1,
    });
  });

  it('drains at once when it is told to', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    expect((await api.get('/readyz')).status).toBe(200);
    expect(await api.post('/workers/solo/drain')).toMatchObject({
      status: 409,
      body: {
        detail:
          'Worker solo is the last one that takes viewers. Start another worker first, or drain it with force=true.',
      },
    });
    expect((await api.get('/readyz')).status).toBe(200);
    for (let times = 0; times < 2; times++) {
      const answer = await api.post('/workers/solo/drain?force=true');
      expect(answer).toMatchObject({ status: 202, body: { worker_id: 'solo', message: 'Worker solo is draining' } });
      expect((await api.get('/readyz')).status).toBe(503);
      const { workers } = (await api.get('/workers')).body;
      expect(workers).toMatchObject([{ worker_id: 'solo', draining: true, drain_reason: 'told' }]);
    }
  });

  it('takes viewers again when it is told to', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    await api.post('/workers/solo/drain?force=true');
    for (let times = 0; times < 2; times++) {
      const answer = await api.post('/workers/solo/undrain');
      expect(answer).toMatchObject({ status: 202, body: { worker_id: 'solo', message: 'Worker solo takes viewers' } });
      expect((await api.get('/readyz')).status).toBe(200);
    }
    expect((await api.get('/workers')).body.workers).toMatchObject([{ draining: false, drain_reason: null }]);
  });

  it('takes none again once it stops', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    const over = api.worker.drain(0);
    expect(await api.post('/workers/solo/undrain')).toMatchObject({
      status: 409,
      body: { detail: 'Worker solo is stopping, so it cannot take viewers again.' },
    });
    await over;
  });

  it('tells a viewer that it drains', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    const { body } = await api.post('/streams', { url: 'http://127.0.0.1:1/a.ts' });
    await api.post('/workers/solo/drain?force=true');
    expect(await api.get(`/stream/${String(body.stream_id)}`)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: { detail: 'This worker is draining and takes no new viewers.' },
    });
  });

  it('knows no other worker', async () => {
    const api = await startApi({ WORKER_ID: 'solo' });
    for (const what of ['drain', 'drain?force=true', 'undrain']) {
      expect(await api.post(`/workers/other/${what}`)).toMatchObject({
        status: 404,
        body: { detail: 'There is no worker other; GET /workers lists the workers.' },
      });
    }
    expect((await api.get('/readyz')).status).toBe(200);
  });

  it('asks for the token', async () => {
    const api = await startApi({ API_TOKEN: 'secret', WORKER_ID: 'solo' });
    expect((await api.get('/workers')).status).toBe(401);
    expect((await api.post('/workers/solo/drain')).status).toBe(401);
    expect((await api.post('/workers/solo/undrain')).status).toBe(401);
  });
});
