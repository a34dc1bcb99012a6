/** A worker's metrics as numbers, in the way Prometheus reads them. */
import type { METRICS } from '../../services/shared/metric-names.ts';

export type MetricName = (typeof METRICS)[keyof typeof METRICS];

/** Name with its labels as they are written → value of every sample; throws on a line that is neither a comment nor a sample. */
export function samplesIn(text: string): Map<string, number> {
  const samples = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, value] = /^(\w+(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})?) (-?[\d.e+-]+|\+Inf|NaN)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`not a sample: ${line}`);
      return [name, Number(value)] as const;
    });
  return new Map(samples);
}

/** The same, for those without labels. */
export function parseMetrics(text: string): Record<MetricName, number> {
  return Object.fromEntries([...samplesIn(text)].filter(([name]) => !name.includes('{'))) as Record<MetricName, number>;
}

/** The sum over all of a metric's samples that have these labels. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [sample, value] of samplesIn(text)) {
    const [of = '', given = ''] = sample.split('{');
    if (of === name && wanted.every((each) => given.includes(each))) sum += value;
  }
  return sum;
}
