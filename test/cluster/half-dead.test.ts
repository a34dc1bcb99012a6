// A player whose second connection comes to another worker: that one has the first one ended when it takes nothing.
import { describe, expect } from 'vitest';
import { expectWhole, isClosed, onlyLeft, QUICK_EVICTION } from '../support/half-dead.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const SECOND = /^tv_[0-9a-f]{8}$/;

describe.each([
  ['transcoded', true],
  ['direct', false],
] as const)('of a %s stream', (kind, cleanStart) => {
  staged('the first one is ended on the worker that serves it', async ({ stage }) => {
    const { workers } = await stage.cluster(2, QUICK_EVICTION);
    const [one, two] = workers as [Worker, Worker];
    const { url } = await stage.source({ fixture: 'heaviest' });
    const { stream_id } = await (kind === 'direct'
      ? one.api.createStream({ url })
      : one.api.createTranscode({ url, profile: COPY }));
    const watch = (worker: Worker, id: string) => stage.viewer(`${worker.url}/stream/${stream_id}?client_id=${id}`);
    const paused = watch(one, 'other');
    const first = watch(one, 'tv');
    await allPlaying([paused, first]);
    paused.pause();
    first.pause();
    const second = watch(two, 'tv');
    await allPlaying([second]);
    await onlyLeft(two, stream_id, ['other', SECOND]);
    await isClosed(first);
    second.pause();
    const third = watch(one, 'tv');
    await allPlaying([third]);
    await onlyLeft(two, stream_id, ['other', 'tv']);
    await isClosed(second);
    expect(paused.ended).toBe(false);
    await expectWhole(third, cleanStart);
  });
});
