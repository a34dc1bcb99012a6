/** docs/metrics.md has the table that the code makes. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { metricsTable } from '../../../services/proxy/src/metrics/series.ts';

it('docs/metrics.md holds the table of the metrics: `npm run docs` writes it', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'metrics.md'), 'utf8');
  const [, section] = /<!-- metrics -->\n\n([\s\S]*?)\n\n<!-- \/metrics -->/.exec(page) ?? [];
  expect(section).toBe(metricsTable());
});
