// The accounts of providers as the page Providers shows them.
import { expect, it } from 'vitest';
import { ERROR_MS, heldStreams, providersState } from '../../../../services/proxy/src/api/console/providers-state.ts';
import type { RecordedEvent } from '../../../../services/registry/events/event.ts';
import type { HeldAccount, WorkerRecord } from '../../../../services/registry/types.ts';
import { IDLE_NUMBERS } from '../../../support/idle-worker.ts';

const NOW_MS = 10_000_000_000;

function worker(
  workerId: string,
  accounts: Record<string, HeldAccount>,
  reads: Record<string, string[]> = {},
): WorkerRecord {
  const identity = { workerId, incarnation: `i-${workerId}`, address: 'a:1', zone: undefined };
  const held = Object.assign({}, ...Object.values(accounts).map((account) => account.held));
  return {
    ...identity,
    ...IDLE_NUMBERS,
    startedAtMs: 5,
    lastSeenMs: 0,
    cpu: 0,
    accounts,
    connections: { held, reads },
  };
}

function lost(host: string, reason: string, agoMs: number): RecordedEvent {
  const data = { worker_id: 'w1', reason, source: `http://${host}/live/***/***/1.ts` };
  const atMs = NOW_MS - agoMs;
  return { id: `${atMs}-1`, type: 'source_lost', atMs, late: false, streamId: undefined, data };
}

const names = new Map([
  ['s1', 'BBC One'],
  ['s2', 'BBC Two'],
  ['s3', 'Film'],
]);

function state(workers: WorkerRecord[], losses: RecordedEvent[] = [], limit = 3) {
  const about = { workerId: 'w1', version: '1', workers: workers.length };
  return providersState({ about, workers, limit, names, losses, nowMs: NOW_MS });
}

it('adds an account up over the workers, and names the streams that use it, wherever they play', () => {
  const workers = [
    worker('w1', { aaaa: { host: 'tv.example', held: { 's:1': 1 } } }, { s1: ['s:1'] }),
    // It relays the source, and has a connection of its own.
    worker('w2', { aaaa: { host: 'tv.example', held: { s3: 1 }, refused: 2 } }, { s2: ['s:1'] }),
  ];
  expect(heldStreams(workers).sort()).toEqual(['s1', 's2', 's3']);
  const { accounts, order, total, limit } = state(workers);
  expect([order.length, total, limit]).toEqual([1, 1, 3]);
  expect(accounts[order[0] ?? '']).toMatchObject({
    ...{ host: 'tv.example', connections: 2, refused: 2, more: 0 },
    streams: { s1: 'BBC One', s2: 'BBC Two', s3: 'Film' },
  });
});

it('tells the accounts of a host apart without saying anything of them', () => {
  const { accounts, order } = state([
    worker('w1', {
      aaaa: { host: 'tv.example', held: { 's:1': 1 } },
      bbbb: { host: 'tv.example', held: { 's:2': 1, 's:3': 1 } },
      cccc: { host: 'other.example', held: {}, refused: 4 },
    }),
  ]);
  expect(order.map((name) => [accounts[name]?.host, accounts[name]?.number, accounts[name]?.connections])).toEqual([
    ['tv.example', 2, 2],
    ['tv.example', 1, 1],
    ['other.example', undefined, 0],
  ]);
  expect(JSON.stringify(accounts)).not.toMatch(/aaaa|bbbb|cccc/);
});

it('says why a source of the host was lost last, for an hour', () => {
  const workers = [worker('w1', { aaaa: { host: 'tv.example', held: { 's:1': 1 } } })];
  const of = (losses: RecordedEvent[]) => {
    const { accounts, order } = state(workers, losses);
    return accounts[order[0] ?? '']?.lastError;
  };
  expect(of([lost('tv.example', 'it answered 404', 5_000), lost('tv.example', 'older', 9_000)])).toBe(
    'it answered 404',
  );
  expect(of([lost('other.example', 'another host', 5_000)])).toBeUndefined();
  expect(of([lost('tv.example', 'too old', ERROR_MS)])).toBeUndefined();
  expect(of([{ ...lost('tv.example', 'x', 1), data: { source: 'no URL', reason: 7 } }])).toBeUndefined();
});

it('shows a hundred accounts and ten streams of each at most', () => {
  const held = Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`s${n}`, 1]));
  const many = Object.fromEntries(
    Array.from({ length: 130 }, (_, n) => [
      `a${n}`,
      { host: `h${n}.example`, held: n === 7 ? held : { [`x${n}`]: 1 } },
    ]),
  );
  const { accounts, order, total } = state([worker('w1', many)], [], 0);
  expect([order.length, total]).toEqual([100, 130]);
  expect(accounts[order[0] ?? '']).toMatchObject({ host: 'h7.example', connections: 25, more: 15 });
});

it('says nothing of a limit that there is not', () => {
  expect(state([], [], 0)).not.toHaveProperty('limit');
});
