// What the plots of the last hour are made of, and what is said beside them.
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  merged,
  missingIn,
  PLOTS,
  ROW_MS,
  rowsOf,
  type Sample,
  summaryOf,
} from '../../../services/console/src/plots/history.ts';
import { marked, plotMarks } from '../../../services/console/src/plots/marks.ts';
import type { ShownEvent } from '../../../services/shared/console/live.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 20);

function sample(agoMs: number, more: Partial<Sample> = {}): Sample {
  return {
    ...{ at: new Date(NOW_MS - agoMs).toISOString(), viewers: 1, ffmpeg_processes: 1, joins: 0, failed_joins: 0 },
    ...{ in_mbits: 0, out_mbits: 0, between_mbits: 0, missing: [], ...more },
  };
}

function event(type: string, agoMs: number): ShownEvent {
  const timestamp = new Date(NOW_MS - agoMs).toISOString();
  return { event_id: `${agoMs}-1`, event_type: type, stream_id: null, late: false, timestamp, data: { to: '<b>w2' } };
}

describe('the samples', () => {
  it('go on where they were, each time once, and are an hour', () => {
    const before = [sample(3_600_000), sample(20_000), sample(10_000, { viewers: 4 })];
    const all = merged(before, [sample(10_000, { viewers: 5 }), sample(0)]);
    expect(all.map(({ viewers }) => viewers)).toEqual([1, 5, 1]);
    expect(merged([], [])).toEqual([]);
  });

  it('are summed up in a sentence', () => {
    const samples = [sample(20_000, { viewers: 9 }), sample(10_000, { viewers: 2 }), sample(0, { viewers: 4 })];
    expect(summaryOf(samples, 'viewers')).toEqual({ last: 4, least: 2, most: 9, sum: 15 });
    expect(summaryOf([], 'viewers')).toBeUndefined();
  });

  it('are a table of five minutes each, the newest first: averages, and sums of what is counted', () => {
    const samples = [
      sample(ROW_MS + 10_000, { joins: 7 }),
      sample(ROW_MS, { joins: 1, viewers: 3 }),
      sample(10_000, { joins: 2, viewers: 10 }),
      sample(0, { joins: 3, viewers: 20 }),
    ];
    const rows = rowsOf(samples, ['joins', 'viewers']);
    expect(rows.map(({ fromMs }) => fromMs)).toEqual([NOW_MS - ROW_MS, NOW_MS - 2 * ROW_MS]);
    expect(rows.map(({ values }) => values)).toEqual([
      { joins: 5, viewers: 15 },
      { joins: 8, viewers: 2 },
    ]);
  });

  it('say who is missing', () => {
    expect(missingIn([sample(0, { missing: ['w3'] }), sample(0, { missing: ['w3', 'w1'] })])).toEqual(['w1', 'w3']);
  });
});

describe('the marks', () => {
  const events = [
    event('takeover', 1_000),
    event('handover', 1_100),
    event('client_stalled', 0),
    event('takeover', 9_000),
  ];

  it('are takeovers, handovers and restarts', () => {
    expect(marked(events).map(({ event_type: type }) => type)).toEqual(['takeover', 'handover', 'takeover']);
  });

  it('stand at their time, those that are near as one, and none outside', () => {
    const xOf = (ms: number): number => 100 - (NOW_MS - ms) / 100;
    expect(plotMarks(marked(events), xOf, 100, 6).map(({ x, events: here }) => [x, here.length])).toEqual([
      [90, 2],
      [10, 1],
    ]);
    expect(plotMarks([event('takeover', 20_000)], xOf, 100, 6)).toEqual([]);
    expect(plotMarks([{ ...event('takeover', 0), timestamp: 'never' }], xOf, 100, 6)).toEqual([]);
  });
});

describe('the section', () => {
  let Shown: typeof import('../../../services/console/src/plots/plots.tsx').Shown;

  beforeAll(async () => {
    const storage = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
    const matchMedia = () => ({ matches: false });
    Object.assign(globalThis, {
      location: new URL('http://proxy.example/console/'),
      ...{ sessionStorage: storage, localStorage: storage, matchMedia },
    });
    const folder = '../../../services/console/src';
    ({ Shown } = await import(`${folder}/plots/plots.tsx`));
  });

  const drawn = (samples: Sample[], events: ShownEvent[] = []): string => renderToString(h(Shown, { samples, events }));
  const text = (html: string): string => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

  it('has four plots with a sentence and a table each', () => {
    const page = drawn([
      sample(10_000, { viewers: 3, joins: 2 }),
      sample(0, { viewers: 12, out_mbits: 20.5, joins: 1 }),
    ]);
    expect(page.match(/<figure/g)).toHaveLength(Object.keys(PLOTS).length);
    expect(page.match(/<summary>/g)).toHaveLength(4);
    const shown = text(page);
    expect(shown).toContain('viewers: 12 now, from 3 to 12.');
    expect(shown).toContain('out: 20.5 now, from 0.0 to 20.5. in: 0.0 now');
    expect(shown).toContain('joins: 3 in all, at most 2 in 10 s.');
    expect(shown).toContain('No takeover, no handover and no restart');
  });

  it('says what the marks are, and whose numbers are missing', () => {
    const samples = [sample(10_000), sample(0, { missing: ['<img src=x>'] })];
    const page = drawn(samples, [event('takeover', 5_000), event('takeover', 7_200_000)]);
    expect(text(page)).toContain('1 takeover, 0 handovers and 0 restarts of FFmpeg');
    expect(page).toContain('&lt;img src=x>');
    expect(page).not.toContain('<img');
  });

  it('says that there is too little yet', () => {
    expect(text(drawn([sample(0)]))).toContain('too little to plot');
  });
});
