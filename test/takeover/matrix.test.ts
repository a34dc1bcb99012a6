/** Every takeover of the matrix: each picture and each tone that the provider has sent again, once and in order. */
import { afterAll, describe, expect } from 'vitest';
import { earlierWorker } from '../support/earlier-worker.ts';
import { staged } from '../support/stage.ts';
import { commandOf, nameOf } from './cells.ts';
import { type Played, playCell } from './play-cell.ts';
import { tableOf } from './table.ts';
import { wantedOf } from './wanted.ts';

const { cells, worker, table } = wantedOf(process.env.STREAMPOOL_TAKEOVER ?? '{"seeds":"0"}');
const WORKERS = [
  ...(worker === undefined ? [] : [{ which: worker.slice(0, 7), main: earlierWorker(worker) }]),
  { which: 'today', main: undefined },
];

describe.each(WORKERS)('the worker of $which', ({ which, main }) => {
  const played: Played[] = [];
  afterAll(() => console.log(`\nThe worker of ${which}:\n${tableOf(played)}\n`));

  staged.concurrent.for(cells.map((cell) => [nameOf(cell), cell] as const))(
    '%s',
    { timeout: 120_000 },
    async ([, cell], { stage }) => {
      const result = await playCell(stage, cell, main);
      played.push(result);
      const { wrong, keptAs } = result;
      if (wrong.length > 0) {
        const about = [`kept as ${keptAs}`, ...wrong, `play it alone: ${commandOf(cell)}`];
        console.log(`${nameOf(cell)} (${which})\n  ${about.join('\n  ')}`);
      }
      // An earlier commit is played for its figures.
      if (!table && main === undefined) expect(wrong).toEqual([]);
    },
  );
});
