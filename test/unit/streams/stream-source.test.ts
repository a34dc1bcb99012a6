/** Where a stream's media comes from, when the stream is made anew, and when nobody reads it any more. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import { HeldElsewhere } from '../../../services/proxy/src/viewers/held-elsewhere.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { SPEC } from '../../support/stream-spec.ts';

it('takes over headers, user agent and failovers of a stream that was made anew', () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const stream = newStream(SPEC, 1_000);
  const source = new StreamSource(stream, {
    registry,
    askResolver: async () => undefined,
    maxFailoverAttempts: 0,
    onMoved: async () => undefined,
    log: { warn: () => undefined },
  });
  const anew = {
    ...stream,
    createdAtMs: stream.createdAtMs + 1,
    headers: { referer: 'new' },
    userAgent: 'new',
    failoverUrls: ['http://p/spare.ts'],
  };
  expect([source.differsFrom(stream), source.differsFrom(anew), source.canFailOver]).toEqual([false, true, false]);
  source.follow(anew);
  expect(source.address).toMatchObject({ headers: { referer: 'new' }, userAgent: 'new' });
  expect(source.canFailOver).toBe(true);
});

it('says once that it has moved, however many slots ask, so that those elsewhere follow', async () => {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const answer = await registry.createStream({ ...SPEC, failoverUrls: ['http://p/spare.ts', 'http://p/last.ts'] }, 0);
  if (answer === 'full') throw new Error('no limit');
  const known: (string | undefined)[] = [];
  const source = new StreamSource(answer.stream, {
    registry,
    askResolver: async () => undefined,
    maxFailoverAttempts: 0,
    onMoved: async () => void known.push(registry.remembered(SPEC.id)?.failover.currentUrl),
    log: { warn: () => undefined },
  });
  const moves = [source.advance(-1, { reason: 'stalled' }), source.advance(-1, { reason: 'stalled' })];
  expect(await Promise.all(moves)).toEqual([true, true]);
  // The registry has the new source by then: whoever follows asks it.
  expect(known).toEqual(['http://p/spare.ts']);
});

it('forgets what nobody holds', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const held = new HeldElsewhere<object>();
  const kept = { name: 'kept' };
  held.set('kept', kept);
  for (let n = 0; n < 100; n++) held.set(`${n}`, { n });
  await expect
    .poll(() => {
      gc();
      return held.size;
    })
    .toBe(1);
  expect(held.get('kept')).toBe(kept);
});
