/** Where one feed cuts, by tables: what its pictures are at each mark. */

import { describe, expect, it } from 'vitest';
import { Cuts } from '../../../../services/proxy/src/feed/hls/cuts.ts';
import type { MarkList } from '../../../../services/proxy/src/feed/marks/mark.ts';

const SECOND = 90_000;
const FRAME = 3_600;

/** Marks every 2 s from 10 s on; `pictures` in ticks, keyframes as `[ticks]`. */
function decide(list: MarkList, pictures: readonly (number | [number])[], shift = 0): string {
  const cuts = new Cuts();
  for (let n = 0; n < 5; n++) {
    const pts = (10 + 2 * n) * SECOND;
    cuts.mark({ list, n, pts, pdtMs: 0, discontinuities: 1, discontinuity: n === 0 }, shift);
  }
  const said: string[] = [];
  for (const picture of pictures) {
    const [pts, keyframe] = typeof picture === 'number' ? [picture, false] : [picture[0], true];
    const { gaps, cut, fault } = cuts.take({ pts, keyframe });
    for (const { mark } of gaps) said.push(`gap ${mark.n}`);
    if (cut !== undefined) said.push(`cut ${cut.mark.n} at ${pts / SECOND}`);
    if (fault !== undefined) said.push(`fault ${fault.mark.n}`);
  }
  return said.join(', ');
}

const at = (seconds: number): number => seconds * SECOND;

describe('a feed', () => {
  it.each<[string, MarkList, (number | [number])[], string]>([
    ['cuts at its keyframes', 'clock', [[at(10)], at(11), [at(12)]], 'cut 0 at 10, cut 1 at 12'],
    ['ignores all others', 'clock', [[at(10)], [at(10.5)], [at(11)], [at(12)]], 'cut 0 at 10, cut 1 at 12'],
    [
      'cuts at the first picture after the mark',
      'clock',
      [[at(10)], at(11.96), [at(12.02)]],
      'cut 0 at 10, cut 1 at 12.02',
    ],
    [
      'takes two ticks early',
      'clock',
      [[at(10)], at(11), [at(12) - 2]],
      `cut 0 at 10, cut 1 at ${(at(12) - 2) / SECOND}`,
    ],
    [
      'takes no keyframe that a restart has put before the mark',
      'clock',
      [[at(10)], [at(11.96)], [at(12)]],
      'cut 0 at 10, cut 1 at 12',
    ],
    ['drops what stands before its first mark', 'clock', [[at(9)], at(9.5), [at(10)]], 'cut 0 at 10'],
    ['that is entered behind a mark waits for the next one', 'clock', [[at(10.5)], at(11), [at(12)]], 'cut 1 at 12'],
    [
      'has a gap where it has no picture',
      'clock',
      [[at(10)], at(11), [at(16)]],
      'cut 0 at 10, gap 1, gap 2, cut 3 at 16',
    ],
    [
      'says a fault at a picture that is no keyframe',
      'clock',
      [[at(10)], at(12), [at(12.5)], [at(14)]],
      'cut 0 at 10, fault 1, cut 2 at 14',
    ],
    [
      'that goes on after an outage cuts behind the mark',
      'clock',
      [[at(10)], at(11), [at(12.7)]],
      'cut 0 at 10, cut 1 at 12.7',
    ],
    [
      'of copied pictures takes half a frame early',
      'source',
      [[at(10)], at(10) + FRAME, [at(12) - 1_700]],
      `cut 0 at 10, cut 1 at ${(at(12) - 1_700) / SECOND}`,
    ],
    [
      'of copied pictures takes no frame before',
      'source',
      [[at(10)], at(10) + FRAME, [at(12) - FRAME], [at(12)]],
      'cut 0 at 10, cut 1 at 12',
    ],
  ])('%s', (_, list, pictures, expected) => {
    expect(decide(list, pictures)).toBe(expected);
  });

  it('counts marks on its own clock', () => {
    expect(decide('clock', [[at(3)], at(4), [at(5)]], -at(7))).toBe('cut 0 at 3, cut 1 at 5');
  });

  it('takes a mark once', () => {
    const cuts = new Cuts();
    const mark = { list: 'clock', n: 7, pts: at(10), pdtMs: 0, discontinuities: 1, discontinuity: false } as const;
    cuts.mark(mark, 0);
    expect(cuts.take({ pts: at(10), keyframe: true }).cut?.mark).toBe(mark);
    cuts.mark(mark, 0);
    expect(cuts.take({ pts: at(10) + FRAME, keyframe: true }).cut).toBeUndefined();
  });
});
