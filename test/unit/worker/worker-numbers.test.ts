/** What a worker says of the streams that it makes. */

import { expect, it } from 'vitest';
import type { ProcessStatus } from '../../../services/proxy/src/processes/process-feeds.ts';
import { madeHere, relayedHere } from '../../../services/proxy/src/worker/worker-numbers.ts';

const owner = { workerId: 'w2', incarnation: 'i2', address: 'w2:9085', epoch: 1 };

function feed(streamId: string, more: Partial<ProcessStatus> = {}): ProcessStatus {
  return {
    ...{ streamId, slot: 0, needsProcess: true, pid: 1, readers: 1, restarts: 0, ringBytes: 0 },
    place: { kind: 'own', epoch: 1 },
    made: { bitsPerSecond: 4_000_000, speed: 1 },
    ...more,
  };
}

it('names the streams whose first process is here, and no relays', () => {
  const feeds = [
    feed('a', { restarts: 3 }),
    feed('a', { slot: 1, restarts: 9 }),
    feed('begins', { made: undefined, input: { videoCodec: 'h264', repairs: 2 }, output: { fps: 25 } }),
    feed('relayed', { place: { kind: 'relay', owner } }),
  ];
  expect(madeHere(feeds)).toEqual({
    a: { bitsPerSecond: 4_000_000, speed: 1, failures: 3, epoch: 1 },
    begins: { failures: 0, epoch: 1, input: { videoCodec: 'h264', repairs: 2 }, output: { fps: 25 } },
  });
});

it('adds up what comes from each other worker, over whichever of them it comes', () => {
  const via = { workerId: 'w3', incarnation: 'i3', address: 'w3:9085' };
  const feeds = [
    feed('made here'),
    feed('a', { place: { kind: 'relay', owner } }),
    feed('b', { place: { kind: 'relay', owner }, made: undefined }),
    feed('c', { place: { kind: 'relay', owner } }),
    feed('d', { place: { kind: 'relay', owner, via }, made: undefined }),
  ];
  expect(relayedHere(feeds)).toEqual({ w2: { feeds: 3, bitsPerSecond: 8_000_000 }, w3: { feeds: 1 } });
});
