/**
 * Seven cells of the takeover matrix: each picture and each tone that the provider has sent to whoever lives, once and in order.
 * `npm run test:takeover` plays all cells, and more.
 */
import { describe, expect } from 'vitest';
import { staged } from '../support/stage.ts';
import { type Cell, nameOf } from '../takeover/cells.ts';
import { playCell } from '../takeover/play-cell.ts';

/** Those of a group play side by side. Each cell has two workers, and a machine of two cores starts no more of them in time. */
const GROUPS: readonly (readonly Cell[])[] = [
  [
    { kind: 'direct', burst: 3, fault: 'kill', seed: 1 },
    { kind: 'copy', burst: 1, fault: 'kill', seed: 2 },
    { kind: 'transcode', burst: 3, fault: 'kill', seed: 3 },
  ],
  [
    { kind: 'deinterlaced', burst: 0, fault: 'drain-late', seed: 51 },
    { kind: 'bframes', burst: 3, fault: 'drop-clock', seed: 5 },
    { kind: 'open-gop', burst: 10, fault: 'kill', seed: 6 },
    { kind: 'direct', burst: 10, fault: 'stop', seed: 7 },
  ],
];

describe.each(GROUPS.map((cells) => [cells.map(({ kind }) => kind).join(', '), cells] as const))('%s', (_, cells) => {
  staged.concurrent.for(cells.map((cell) => [nameOf(cell), cell] as const))('%s', async ([, cell], { stage }) => {
    expect((await playCell(stage, cell)).wrong).toEqual([]);
  });
});
