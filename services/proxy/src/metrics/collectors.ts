/** Makes metrics whose values are read on request from whoever counts them, so that nothing is counted twice. */

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS, type MetricKey } from '../../../shared/metric-names.ts';
import { SERIES } from './series.ts';

/** Values by the labels of a metric, in the order of those. */
export type Labelled = Iterable<readonly [labels: readonly string[], value: number]>;

/** Notes one value of a histogram. */
export type Observe = (seconds: number) => void;

export class Collectors {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  gauge(key: MetricKey, read: () => number | Promise<number>): void {
    this.labelled(key, async () => [[[], await read()]]);
  }

  counter(key: MetricKey, read: () => number | Promise<number>): void {
    this.labelled(key, async () => [[[], await read()]]);
  }

  /** A gauge or a counter; a counter's values must not become less. */
  labelled(key: MetricKey, read: () => Labelled | Promise<Labelled>): void {
    const { kind, labels = [] } = SERIES[key];
    const described = this.#described(key);
    if (kind === 'counter') {
      new Counter({
        ...described,
        async collect() {
          const values = await read();
          this.reset();
          for (const [of, value] of values) this.inc(named(labels, of), value);
        },
      });
      return;
    }
    new Gauge({
      ...described,
      async collect() {
        const values = await read();
        this.reset();
        for (const [of, value] of values) this.set(named(labels, of), value);
      },
    });
  }

  /** A counter of something that is told once and kept by nobody. @param all labels that are there from the start */
  counted(key: MetricKey, all: readonly string[] = []): (label?: string) => void {
    const { labels = [] } = SERIES[key];
    const counter = new Counter(this.#described(key));
    for (const label of all) counter.inc(named(labels, [label]), 0);
    return (label) => counter.inc(named(labels, label === undefined ? [] : [label]));
  }

  /** @param all values of its label; each is there from the start. Without a label: undefined */
  histogram(key: MetricKey, buckets: readonly number[]): Observe;
  histogram<Label extends string>(
    key: MetricKey,
    buckets: readonly number[],
    all: readonly Label[],
  ): ReadonlyMap<Label, Observe>;
  histogram(
    key: MetricKey,
    buckets: readonly number[],
    all?: readonly string[],
  ): Observe | ReadonlyMap<string, Observe> {
    const { labels = [] } = SERIES[key];
    const histogram = new Histogram({ ...this.#described(key), buckets: [...buckets] });
    if (all === undefined) return (seconds) => histogram.observe(seconds);
    const each = all.map((label) => {
      histogram.zero(named(labels, [label]));
      const { observe } = histogram.labels(label);
      return [label, (seconds: number) => observe(seconds)] as const;
    });
    return new Map(each);
  }

  #described(key: MetricKey) {
    const { help, labels = [] } = SERIES[key];
    return { name: METRICS[key], help: plain(help), labelNames: [...labels], registers: this.#registers };
  }
}

function named(labels: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label, at) => [label, values[at] ?? '']));
}

/** Without Markdown. */
function plain(help: string): string {
  return help.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
}
