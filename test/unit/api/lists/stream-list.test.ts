// Streams that somebody searches for: what is found, in which order, and what a row says.
import { describe, expect, it } from 'vitest';
import { knownStream } from '../../../../services/proxy/src/api/console/counts/stream-book.ts';
import {
  assertKnowsFailures,
  type StreamsNow,
  streamPage,
} from '../../../../services/proxy/src/api/lists/stream-list.ts';
import { newStream } from '../../../../services/registry/new-stream.ts';
import type { StreamSummary } from '../../../../services/registry/registry.ts';
import type { StreamSpec, WorkerRecord } from '../../../../services/registry/types.ts';
import { IDLE_NUMBERS } from '../../../support/idle-worker.ts';
import { SPEC } from '../../../support/stream-spec.ts';

const QUESTION = { search: '', state: 'all', sort: 'viewers', limit: 50, after: undefined } as const;
const TIME = { nowMs: 100_000, graceMs: 10_000 };

const WORKER: WorkerRecord = {
  ...{ workerId: 'worker-1', incarnation: 'i1', address: 'a:1', zone: undefined },
  ...{ startedAtMs: 0, lastSeenMs: 0, cpu: 0, ...IDLE_NUMBERS },
  making: {
    one: { bitsPerSecond: 2_600_400, speed: 1.004, failures: 0 },
    two: { bitsPerSecond: 8_000_000, failures: 1 },
  },
};

function summary(viewers: number, lastAccessMs: number): StreamSummary {
  const owner = viewers > 0 ? 'worker-1' : undefined;
  return { viewers, processes: viewers, watched: true, bytesServed: 0, segmentsServed: 0, lastAccessMs, owner };
}

const known = (id: string, atMs: number, spec: Partial<StreamSpec>) =>
  [id, knownStream(newStream({ ...SPEC, id, ...spec }, atMs))] as const;

const NOW: StreamsNow = {
  workers: [WORKER],
  summaries: new Map([
    ['one', summary(2, 99_000)],
    ['two', summary(5, 99_000)],
    ['left', summary(0, 95_000)],
    ['idle', summary(0, 90_000)],
  ]),
  known: new Map([
    known('one', 1_000, { url: 'http://user:s3cret@first.example/one.ts', metadata: { name: 'BBC One' } }),
    known('two', 3_000, { url: 'http://second.example:8000/live/joe/pa55word/2.ts', metadata: { group: 'News' } }),
    known('left', 2_000, { url: 'http://first.example/left.ts' }),
    known('idle', 4_000, { url: 'http://first.example/idle.ts' }),
    known('deleted', 5_000, { url: 'http://first.example/deleted.ts' }),
  ]),
  failures: new Map([
    ['one', 3],
    ['idle', 1],
  ]),
};

const found = (question: Partial<Parameters<typeof streamPage>[1]>) =>
  streamPage(NOW, { ...QUESTION, ...question }, TIME).streams.map(({ stream_id: id }) => id);

describe('streams are found', () => {
  it.each([
    ['bbc', ['one']],
    ['first.example', ['one', 'idle', 'left']],
    ['news', ['two']],
    ['2.ts', ['two']],
    ['left', ['left']],
    ['first bbc', ['one']],
    ['nowhere', []],
  ])('by %j', (search, expected) => {
    expect(found({ search })).toEqual(expected);
  });

  it.each(['s3cret', 'pa55word'])('but not by a credential: %s', (search) => {
    expect(found({ search })).toEqual([]);
  });

  it.each([
    ['playing', ['two', 'one']],
    ['failing', ['one', 'idle']],
    ['idle', ['idle']],
    ['all', ['two', 'one', 'idle', 'left']],
  ] as const)('that are %s', (state, expected) => {
    expect(found({ state })).toEqual(expected);
  });

  it.each([
    ['bitrate', ['two', 'one', 'idle', 'left']],
    ['failures', ['one', 'idle', 'left', 'two']],
    ['age', ['idle', 'two', 'left', 'one']],
  ] as const)('in the order of %s', (sort, expected) => {
    expect(found({ sort })).toEqual(expected);
  });
});

it('a row says who makes it, what goes out, and what went wrong', () => {
  const { streams, total } = streamPage(NOW, { ...QUESTION, search: 'bbc' }, TIME);
  expect([streams, total]).toEqual([
    [
      {
        ...{ stream_id: 'one', name: 'BBC One', state: 'playing', profile: null, source_host: 'first.example' },
        ...{ current_failover_index: -1, client_count: 2, bitrate_kbps: 2_600, speed: 1, worker_id: 'worker-1' },
        ...{ failures_last_hour: 3, created_at: '1970-01-01T00:00:01.000000+00:00' },
      },
    ],
    1,
  ]);
});

it('one that was left just now waits, and is not idle', () => {
  const states = streamPage(NOW, QUESTION, TIME).streams.map(({ stream_id: id, state }) => [id, state]);
  expect(Object.fromEntries(states)).toMatchObject({ left: 'waiting', idle: 'idle' });
});

it('nobody pretends to know failures that cannot be read', () => {
  const blind = { ...NOW, failures: undefined };
  expect(streamPage(blind, QUESTION, TIME).streams[0]?.failures_last_hour).toBeNull();
  expect(() => assertKnowsFailures(blind, { ...QUESTION, state: 'failing' })).toThrow('Redis does not answer');
  expect(() => assertKnowsFailures(blind, QUESTION)).not.toThrow();
});
