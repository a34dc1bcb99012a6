// Where things stand in the drawing of the cluster, and how thick its curves are.
import { describe, expect, it } from 'vitest';
import { drawingOf, MOST_BOXES } from '../../../services/console/src/cluster/drawing.ts';
import { MARKED_MS, marksOf } from '../../../services/console/src/cluster/marks.ts';
import type { ClusterState, ShownEvent, ShownWorker } from '../../../services/shared/console/live.ts';

function cluster(workers: Record<string, ShownWorker>, total = Object.keys(workers).length): ClusterState {
  return { about: { workerId: 'w1', version: '1', workers: total }, workers, order: Object.keys(workers), total };
}

const THREE = cluster({
  w2: {
    ...{ state: 'serving', viewers: 9, bitsPerSecond: 20_000_000 },
    sources: { 'tv.example': { count: 2, bitsPerSecond: 10_000_000 } },
  },
  w1: { state: 'serving', viewers: 2, relays: { w2: { count: 1, bitsPerSecond: 5_000_000 } }, sources: {} },
  w3: { state: 'gone', reason: 'died', forMs: 1_000 },
});

const overlap = (a: { y: number; height: number }, b: { y: number; height: number }): boolean =>
  a.y < b.y + b.height && b.y < a.y + a.height;

describe.each([336, 640, 960, 1_400])('a drawing that is %i wide', (width) => {
  const { providers, workers, curves, height } = drawingOf(THREE, width);

  it('has a box for each provider and worker, none over another, all within the drawing', () => {
    expect(providers.map(({ name, connections }) => [name, connections])).toEqual([['tv.example', 2]]);
    // By name: a box does not move when viewers come and go.
    expect(workers.map(({ name }) => name)).toEqual(['w1', 'w2', 'w3']);
    for (const box of [...providers, ...workers]) {
      expect(box.width).toBeGreaterThan(80);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      expect(box.y).toBeGreaterThanOrEqual(0);
    }
    for (const [at, box] of workers.entries()) {
      for (const other of workers.slice(at + 1)) expect(overlap(box, other)).toBe(false);
    }
  });

  it('has curves as thick as what they carry', () => {
    const of = (kind: string) => curves.filter((curve) => curve.kind === kind);
    expect(of('source').map(({ from, to }) => [from, to])).toEqual([['tv.example', 'w2']]);
    expect(of('relay').map(({ from, to }) => [from, to])).toEqual([['w2', 'w1']]);
    const [source, relay] = [of('source')[0]?.thickness ?? 0, of('relay')[0]?.thickness ?? 0];
    // Twice the rate is twice as much above the thinnest.
    expect(source - 1.5).toBeCloseTo(2 * (relay - 1.5), 0);
  });
});

it('says what each worker relays in and out', () => {
  const { workers } = drawingOf(THREE, 960);
  const of = (name: string) => workers.find((box) => box.name === name);
  expect([of('w2')?.relayedOut?.count, of('w1')?.relayedIn?.count, of('w3')?.relayedIn]).toEqual([1, 1, undefined]);
});

it('has worker-2 before worker-10', () => {
  const { workers } = drawingOf(cluster({ 'worker-10': { state: 'serving' }, 'worker-2': { state: 'serving' } }), 960);
  expect(workers.map(({ name }) => name)).toEqual(['worker-2', 'worker-10']);
});

it('draws one worker without relays, and no providers as well', () => {
  const { workers, curves, providers } = drawingOf(cluster({ w1: { state: 'serving', viewers: 0 } }), 960);
  expect([workers.length, curves, providers]).toEqual([1, [], []]);
});

it('draws nothing of a relay from a worker that it does not know', () => {
  const { curves } = drawingOf(cluster({ w1: { state: 'serving', relays: { elsewhere: { count: 1 } } } }), 960);
  expect(curves).toEqual([]);
});

it('draws nothing from a worker that is gone, whatever its followers still say', () => {
  const relays = { w2: { count: 1 } };
  const { curves } = drawingOf(cluster({ w1: { state: 'serving', relays }, w2: { state: 'gone' } }), 960);
  expect(curves).toEqual([]);
});

describe('many workers', () => {
  const many = (n: number): Record<string, ShownWorker> =>
    Object.fromEntries(
      Array.from({ length: n }, (_, at) => [
        `w${String(at).padStart(3, '0')}`,
        {
          ...{ state: 'serving', viewers: 200 - at },
          relays: { [`w${String((at + 1) % n).padStart(3, '0')}`]: { count: 1, bitsPerSecond: 1_000_000 } },
          sources: { [`h${at}.example`]: { count: 1 } },
        } as const,
      ]),
    );

  it('have a box each up to twelve', () => {
    const { workers, rest } = drawingOf(cluster(many(12)), 960);
    expect([workers.length, rest]).toEqual([12, undefined]);
  });

  it('have boxes from thirteen on only where the most viewers are; the rest is one box', () => {
    const { workers, rest, curves, providers, height } = drawingOf(cluster(many(100), 130), 960);
    expect(workers).toHaveLength(MOST_BOXES - 1);
    expect(workers.map(({ worker: { viewers } }) => viewers)).toEqual(Array.from({ length: 11 }, (_, at) => 200 - at));
    expect([rest?.workers, (rest?.y ?? 0) + (rest?.height ?? 0) <= height]).toEqual([119, true]);
    // Relays into the rest are one curve, and none stays within it.
    expect(curves.filter(({ kind, to }) => kind === 'relay' && to === '').length).toBeLessThanOrEqual(1);
    expect(providers.map(({ hosts }) => hosts).reduce((sum, each) => sum + each, 0)).toBe(100);
    expect(providers.length).toBeLessThanOrEqual(12);
    expect(rest?.names).toEqual(Array.from({ length: 89 }, (_, at) => `w${String(at + 11).padStart(3, '0')}`));
  });

  it('have a box while they are in trouble or have a mark, however few viewers they have', () => {
    const workers = {
      ...many(20),
      silent: { state: 'silent', forMs: 3_000, viewers: 0 },
      dead: { state: 'gone', forMs: 5_000 },
      ended: { state: 'gone', forMs: 70_000 },
    } as const;
    const { workers: boxes, rest } = drawingOf(cluster(workers), 960, new Set(['w019']));
    const names = boxes.map(({ name }) => name);
    expect(names).toHaveLength(MOST_BOXES - 1);
    expect(names).toEqual(expect.arrayContaining(['silent', 'dead', 'w000', 'w019']));
    expect([rest?.workers, rest?.names.includes('ended')]).toEqual([12, true]);
  });
});

describe('marks', () => {
  const NOW_MS = Date.UTC(2026, 10, 29);
  const takeover = (agoMs: number, data: Record<string, unknown>): ShownEvent => ({
    ...{ event_id: `${agoMs}`, event_type: 'takeover', stream_id: null, late: false },
    ...{ timestamp: new Date(NOW_MS - agoMs).toISOString(), data },
  });

  it('add up what a worker took over in the last minute', () => {
    const marks = marksOf(
      [
        takeover(1_000, { to: 'w2', from: 'w1', name: 'A', gap_ms: 31, clients_kept: 4 }),
        takeover(1_500, { to: 'w2', from: 'w1', name: 'B', gap_ms: 90, clients_kept: 1 }),
        takeover(2_000, { to: 'w3', from: 'w1', name: 'C', clients_kept: 2 }),
        takeover(MARKED_MS + 1, { to: 'w4', name: 'D', gap_ms: 1, clients_kept: 1 }),
        { ...takeover(1, { to: 'w5' }), event_type: 'handover' },
      ],
      NOW_MS,
    );
    expect([...marks]).toEqual([
      ['w2', { count: 2, name: 'B', gapMs: 90, kept: 5 }],
      ['w3', { count: 1, name: 'C', gapMs: undefined, kept: 2 }],
    ]);
  });

  it('hold no more than an event of another version has', () => {
    expect([...marksOf([takeover(1, { to: 7 }), takeover(1, { to: 'w1', gap_ms: 'x' })], NOW_MS)]).toEqual([
      ['w1', { count: 1, name: '', gapMs: undefined, kept: 0 }],
    ]);
  });
});
