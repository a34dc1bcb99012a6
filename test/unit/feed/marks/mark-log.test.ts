/** What is remembered of the marks that were said. */

import { describe, expect, it } from 'vitest';
import type { Mark, MarkList } from '../../../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../../../services/proxy/src/feed/marks/mark-log.ts';

const STATE = { openInARow: 0, openCounts: false };
const mark = (list: MarkList, n: number, pts = n * 180_000): Mark => ({
  list,
  n,
  pts,
  pdtMs: pts / 90,
  discontinuities: 1,
  discontinuity: false,
});
const numbers = (log: MarkLog, list: MarkList) =>
  log
    .after(0)
    .filter((each) => each.list === list)
    .map(({ n }) => n);

describe('a log of marks', () => {
  it('takes each mark once', () => {
    const log = new MarkLog();
    expect(log.add([mark('clock', 1), mark('source', 1)], STATE)).toHaveLength(2);
    expect(log.add([mark('clock', 1), mark('source', 1), mark('clock', 2)], STATE)).toEqual([mark('clock', 2)]);
    expect(log.count).toBe(3);
    expect(log.after(2)).toEqual([mark('clock', 2)]);
    expect(log.state.newest).toEqual([mark('clock', 2), mark('source', 1)]);
  });

  it('takes a mark in the place of another one with its number, and of those behind it', () => {
    const log = new MarkLog();
    log.add([mark('source', 1), mark('source', 2), mark('source', 3), mark('clock', 9)], STATE);
    const before = log.count;
    const other = mark('source', 2, 2.5 * 180_000);
    expect(log.add([other], STATE)).toEqual([other]);
    expect(numbers(log, 'source')).toEqual([1, 2]);
    expect(numbers(log, 'clock')).toEqual([9]);
    expect(log.after(before)).toEqual([other]);
  });

  it('remembers the newest of each list', () => {
    const log = new MarkLog();
    log.add([mark('source', 1)], STATE);
    for (let n = 1; n <= 200; n++) log.add([mark('clock', n)], STATE);
    expect(numbers(log, 'source')).toEqual([1]);
    expect(numbers(log, 'clock')).toEqual(Array.from({ length: 64 }, (_, index) => 137 + index));
    expect(log.after(200).map(({ n }) => n)).toEqual([200]);
  });
});
