/** What sessions got is told to Redis once, also when more comes while it is told. */

import { expect, it } from 'vitest';
import { SessionCounters, toldText } from '../../../services/registry/redis/counters/session-counters.ts';

const STREAM = 'a'.repeat(32);

function report(bytesServed: number, atMs: number, clientId = 'tv') {
  return {
    ...{ streamId: STREAM, clientId, connectedAtMs: 1, bytesServed, segmentsServed: 1, lastAccessMs: atMs },
    seen: { atMs, timeoutMs: 10_000 },
  };
}

it('tells what has come since, and nothing twice', () => {
  const counters = new SessionCounters();
  counters.report(report(100, 1_000));
  counters.report(report(20, 2_000));
  const telling = counters.toTell();
  expect(toldText(telling, 5_000)).toBe(JSON.stringify([[STREAM, 'tv', 120, 2, 2_000, 7_000]]));
  // This comes while the renewal is under way.
  counters.report(report(3, 4_000));
  counters.told(telling);
  expect(counters.untold(STREAM, 'tv')).toMatchObject({ bytes: 3, segments: 1 });
  expect(toldText(counters.toTell(), 20_000)).toBe(JSON.stringify([[STREAM, 'tv', 3, 1, 4_000, 0]]));
  counters.told(counters.toTell());
  expect([counters.toTell(), toldText([], 0)]).toEqual([[], '']);
});

it('tells a thousand at a time, those that wait longest first', () => {
  const counters = new SessionCounters();
  for (let n = 0; n < 1_500; n++) counters.report(report(1, 1, `c${n}`));
  const first = counters.toTell();
  for (let n = 0; n < 1_500; n++) counters.report(report(1, 2, `c${n}`));
  counters.told(first);
  expect([first.length, counters.toTell()[0]?.clientId]).toEqual([1_000, 'c1000']);
});

it('goes on under another id', () => {
  const counters = new SessionCounters();
  counters.report(report(5, 1));
  counters.rename({ streamId: STREAM, clientId: 'tv', connectedAtMs: 1, newId: 'tv_hls' });
  expect(counters.toTell()).toMatchObject([{ clientId: 'tv_hls', bytes: 5 }]);
});
