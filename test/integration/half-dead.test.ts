// A player's second connection with the same client_id: the first one is ended when it takes nothing, and only then.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { clientsAt, expectWhole, isClosed, onlyLeft, QUICK_EVICTION } from '../support/half-dead.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';

const SECOND = /^tv_[0-9a-f]{8}$/;

describe.concurrent.each([
  ['transcoded', (url: string) => ({ url, profile: COPY }), true],
  ['direct', (url: string) => ({ url }), false],
] as const)('of a %s stream', (kind, order, cleanStart) => {
  staged('the first one that takes nothing is ended; who has only one may pause', async ({ stage }) => {
    const source = await stage.source({ fixture: 'heaviest' });
    const worker = await stage.worker(QUICK_EVICTION);
    const { api } = worker;
    const { stream_id, playUrl } = await (kind === 'direct'
      ? api.createStream(order(source.url))
      : api.createTranscode(order(source.url)));
    const paused = stage.viewer(`${playUrl}?client_id=other`);
    const first = stage.viewer(`${playUrl}?client_id=tv`);
    await allPlaying([paused, first]);
    paused.pause();
    first.pause();
    const second = stage.viewer(`${playUrl}?client_id=tv`);
    await allPlaying([second]);
    await onlyLeft(worker, stream_id, ['other', SECOND]);
    await isClosed(first);
    // The same for the next one, whose id is the first one's again.
    second.pause();
    const third = stage.viewer(`${playUrl}?client_id=tv`);
    await allPlaying([third]);
    await onlyLeft(worker, stream_id, ['other', 'tv']);
    await isClosed(second);
    expect(paused.ended).toBe(false);
    await expectWhole(third, cleanStart);
  });

  staged('the first one that goes on reading stays, and neither ends the other', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker(QUICK_EVICTION);
    const { api } = worker;
    const { stream_id, playUrl } = await (kind === 'direct'
      ? api.createStream(order(source.url))
      : api.createTranscode(order(source.url)));
    const first = stage.viewer(`${playUrl}?client_id=tv`);
    await allPlaying([first]);
    const second = stage.viewer(`${playUrl}?client_id=tv`);
    const third = stage.viewer(`${playUrl}?client_id=tv`);
    await allPlaying([second, third]);
    await sleep(4_000);
    expect(await clientsAt(worker, stream_id)).toHaveLength(3);
    await expectWhole(first, cleanStart);
    await expectWhole(third, cleanStart);
    await expectWhole(second, cleanStart);
  });
});
