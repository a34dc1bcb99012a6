/** PLAYBACK_AUTH=signed over a cluster: what one worker has signed plays on the others, and nothing else does. */

import { expect } from 'vitest';
import { record } from '../support/recorder.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { runWorkerToExit, type Worker } from '../support/worker.ts';

const ENV = { PLAYBACK_AUTH: 'signed', API_TOKEN: 's3cret-token' };

staged(
  'a URL that one worker has signed plays on another, beyond its expiry; an unsigned one on none',
  async ({ stage }) => {
    const { workers, redis, start } = await stage.cluster(2, ENV);
    const [one, two] = workers as [Worker, Worker];
    const source = await stage.source();
    const { stream_id: id, stream_endpoint: path } = await one.api.createTranscode({ url: source.url, profile: COPY });

    for (const worker of [one, two]) {
      expect(await record(`${worker.url}/stream/${id}`)).toMatchObject({ status: 401 });
      // The first worker of a cluster waits some seconds: another one may have a secret that Redis has lost.
      const changed = () => record(`${worker.url}${path.slice(0, -3)}AAA`);
      await until(async () => (await changed()).status === 403, { what: 'it to be sure of its secret' });
    }
    expect((await source.stats()).total, 'connections by those who may not play').toBe(0);

    const asked = await one.api.post<{ playback_url: string }>(`/streams/${id}/playback-url`, { ttl: 3 });
    const brief = two.url + asked.body.playback_url;
    const viewer = stage.viewer(brief);
    await allPlaying([viewer, stage.viewer(two.url + path)]);
    await until(async () => (await record(brief, { untilBytes: 1 })).status === 403, { what: 'the URL to expire' });
    const before = viewer.byteCount;
    await until(() => viewer.byteCount > before, { what: 'what plays already to go on' });
    expect(viewer.ended).toBe(false);

    // One that comes later has the secret of those before it.
    const three = await start('worker-3');
    await allPlaying([stage.viewer(three.url + path)]);
    const secret = await redis.cli('GET', 'sp:playback-secret');
    expect(secret).toMatch(/^t[0-9a-f]{60}$/);
    const output = [one, two, three].map((worker) => worker.output).join('');
    expect(output).toContain('signature=***');
    for (const hidden of [secret, path.split('.')[1] ?? '', ENV.API_TOKEN]) expect(output).not.toContain(hidden);
  },
);

staged('a worker that would sign for everybody does not start', async () => {
  const { code, output } = await runWorkerToExit({ ...ENV, API_TOKEN: undefined });
  expect(output).toContain('PLAYBACK_AUTH=signed: needs API_TOKEN');
  expect(code).toBe(1);
});
