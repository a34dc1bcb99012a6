/**
 * Six cells of the takeover matrix: each picture and each tone that the provider has sent to whoever lives, once and in order.
 * `npm run test:takeover` plays all cells, and more.
 */
import { expect } from 'vitest';
import { staged } from '../support/stage.ts';
import { type Cell, nameOf } from '../takeover/cells.ts';
import { playCell } from '../takeover/play-cell.ts';

const CELLS: readonly Cell[] = [
  { kind: 'direct', burst: 3, fault: 'kill', seed: 1 },
  { kind: 'copy', burst: 1, fault: 'kill', seed: 2 },
  { kind: 'transcode', burst: 3, fault: 'kill', seed: 3 },
  { kind: 'deinterlaced', burst: 0, fault: 'drain-late', seed: 51 },
  { kind: 'bframes', burst: 3, fault: 'drop-clock', seed: 5 },
  { kind: 'open-gop', burst: 10, fault: 'kill', seed: 6 },
];

staged.concurrent.for(CELLS.map((cell) => [nameOf(cell), cell] as const))('%s', async ([, cell], { stage }) => {
  expect((await playCell(stage, cell)).wrong).toEqual([]);
});
