/** docs/metrics.md lists the metrics that there are. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { METRICS } from '../../../services/shared/metric-names.ts';

it('docs/metrics.md has a row for each metric, in the order of the code', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'metrics.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(streampool_\w+)`/gm)].map(([, name]) => name);
  expect(rows).toEqual(Object.values(METRICS));
});
