/** A recording outlives the worker that makes it. `npm run test:recordings` has the longer ones. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BroadcastClient, expectWhole, RECORDING, stretchesOf } from '../support/broadcast-client.ts';
import { staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

staged('goes on at another worker with the next number, when the one that makes it is killed', async ({ stage }) => {
  const folder = await mkdtemp(join(tmpdir(), 'streampool-shared-'));
  stage.closeAfter(() => rm(folder, { recursive: true, force: true }));
  const shared = { RECORDINGS: folder, RECORDINGS_SHARED: 'true' };
  const cluster = await stage.cluster(2, { HLS_SEGMENT_TIME: '1', ...shared });
  const [maker, other] = cluster.workers as [Worker, Worker];
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const recording = new BroadcastClient('6f1d');
  await recording.start(maker, { ...RECORDING, stream_url: source.url });
  const before = await recording.listed(other, 2);
  await maker.kill();
  await recording.listed(other, before + 3);
  const last = await recording.stop(other);
  expect(await recording.text(other)).toMatch(/#EXT-X-PLAYLIST-TYPE:EVENT\n(.*\n)+#EXT-X-ENDLIST\n$/);
  const segments = await recording.download(other);
  expect(segments).toHaveLength(last + 1);
  await expectWhole(segments);
  expect(stretchesOf(segments).length).toBeLessThanOrEqual(2);
  expect((await other.api.del('/broadcast/6f1d')).status).toBe(200);
  expect(await readdir(folder)).toEqual([]);
});
