// What the plots of the last hour are made of, and what is said beside them.
import { beforeAll, describe, expect, it } from 'vitest';
import { merged, missingIn, PLOTS, type Sample } from '../../../services/console/src/plots/history.ts';
import { rowsOf, summaryOf } from '../../../services/console/src/plots/series.ts';
import type { ShownEvent } from '../../../services/shared/console/live.ts';
import type { ShownSample } from '../../../services/shared/console/one-stream.ts';
import { browser, drawing, text } from './support.ts';

const NOW_MS = Date.UTC(2026, 10, 29, 20);
const ROW_MS = 300_000;

browser('/console/');
Object.assign(globalThis, { matchMedia: () => ({ matches: false }) });

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

  it('say who is missing', () => {
    expect(missingIn([sample(0, { missing: ['w3'] }), sample(0, { missing: ['w3', 'w1'] })])).toEqual(['w1', 'w3']);
  });
});

describe('a line', () => {
  it('is summed up by what is known of it', () => {
    expect(summaryOf([9, null, 2, 4, null])).toEqual({ last: 4, least: 2, most: 9, sum: 15 });
    expect(summaryOf([])).toBeUndefined();
    expect(summaryOf([null])).toBeUndefined();
  });

  it('is a table with rows of so long, the newest first: averages, and sums of what is counted', () => {
    const times = [NOW_MS - ROW_MS - 10_000, NOW_MS - ROW_MS, NOW_MS - 10_000, NOW_MS];
    const joins = { values: [7, 1, 2, 3], isCount: true };
    const rows = rowsOf(times, [joins, { values: [1, 3, null, 20] }, { values: [1, 1, null, null] }], ROW_MS);
    expect(rows).toEqual([
      { fromMs: NOW_MS - ROW_MS, values: [5, 20, null] },
      { fromMs: NOW_MS - 2 * ROW_MS, values: [8, 2, 1] },
    ]);
  });
});

describe('the marks', () => {
  const events = [
    event('takeover', 1_000),
    event('handover', 1_100),
    event('client_stalled', 0),
    event('takeover', 9_000),
  ];

  let marked: typeof import('../../../services/console/src/plots/marks.ts').marked;
  let plotMarks: typeof import('../../../services/console/src/plots/marks.ts').plotMarks;

  beforeAll(async () => {
    ({ marked, plotMarks } = await import('../../../services/console/src/plots/marks.ts'));
  });

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
  let ShownStream: typeof import('../../../services/console/src/plots/stream-plots.tsx').ShownStream;

  beforeAll(async () => {
    ({ Shown } = await import('../../../services/console/src/plots/plots.tsx'));
    ({ ShownStream } = await import('../../../services/console/src/plots/stream-plots.tsx'));
  });

  const drawn = (samples: Sample[], events: ShownEvent[] = []): string => drawing(Shown, { samples, events });
  const ofStream = (samples: ShownSample[], events: ShownEvent[] = []): string =>
    drawing(ShownStream, { samples, events });

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

  it('says what the marks are, lists them for who has no mouse, and names those whose numbers are missing', () => {
    const samples = [sample(10_000), sample(0, { missing: ['<img src=x>'] })];
    const page = drawn(samples, [event('takeover', 5_000), event('takeover', 7_200_000)]);
    expect(page).toMatch(/<summary>[^<]*1 takeover, 0 handovers and 0 restarts of FFmpeg/);
    const [, list = ''] = /<ol class="events">(.*?)<\/ol>/.exec(page) ?? [];
    expect(list.match(/<li>/g)).toHaveLength(1);
    expect(list).toMatch(/<a href="\/console\/events\?event=5000-1".*took a stream over/);
    expect(page).toContain('&lt;img src=x>');
    expect(page).not.toMatch(/<img|<b>w2/);
  });

  it('says that there is too little yet', () => {
    expect(text(drawn([sample(0)]))).toContain('too little to plot');
    expect(text(ofStream([{ atMs: NOW_MS, viewers: 1 }]))).toContain('too little to plot');
  });

  it('of one stream has its viewers and its bit rate, and the marks since the first sample', () => {
    const samples = [
      { atMs: NOW_MS - 20_000, viewers: 1 },
      { atMs: NOW_MS - 10_000, viewers: 6, bitsPerSecond: 2_600_000 },
      { atMs: NOW_MS, viewers: 4, bitsPerSecond: 2_400_000 },
    ];
    const page = ofStream(samples, [event('ffmpeg_restarted', 5_000), event('takeover', 25_000)]);
    expect(page.match(/<figure/g)).toHaveLength(2);
    expect(text(page)).toContain('viewers: 4 now, from 1 to 6.');
    expect(text(page)).toContain('to each viewer: 2.4 now, from 2.4 to 2.6.');
    expect(text(page)).toContain('0 takeovers, 0 handovers and 1 restart of FFmpeg');
  });
});
