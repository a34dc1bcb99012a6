/** A worker's metrics as numbers, in the way Prometheus reads them. */
import type { METRICS } from '../../services/shared/metric-names.ts';

export type MetricName = (typeof METRICS)[keyof typeof METRICS];

/** Name → value of every sample; throws on a line that is neither a comment nor `name value`. */
export function parseMetrics(text: string): Record<MetricName, number> {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, value] = /^(\w+) (-?[\d.e+-]+)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`not a sample: ${line}`);
      return [name, Number(value)] as const;
    });
  return Object.fromEntries(samples) as Record<MetricName, number>;
}
