/** Writes the worker's metrics into its log once a minute, for CloudWatch: each minute has one value of each worker. */

import { type EmbeddedMetric, embeddedMetrics } from '../../../shared/embedded-metrics.ts';
import type { Logger } from '../../../shared/log.ts';
import { METRICS, PUBLISHED, type PublishedName } from '../../../shared/metric-names.ts';
import type { MetricsRegistry } from './worker-metrics.ts';

export interface MetricsLogDeps {
  /** The value of the metrics' dimension. */
  readonly stage: string;
  readonly metrics: Pick<MetricsRegistry, 'getSingleMetric'>;
  readonly log: Logger;
}

const MINUTE_MS = 60_000;
const NAMES = Object.keys(PUBLISHED) as PublishedName[];

export class MetricsLog {
  readonly #stage: string;
  readonly #metrics: MetricsLogDeps['metrics'];
  readonly #log: Logger;
  /** What the counters were in the line before. */
  readonly #counted = new Map<PublishedName, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ stage, metrics, log }: MetricsLogDeps) {
    this.#stage = stage;
    this.#metrics = metrics;
    // Whatever LOG_LEVEL says: without these lines nothing scales and no alarm rings.
    this.#log = log.child({}, { level: 'info' });
  }

  /** The first line is written at once, so that CloudWatch knows a new worker, and counters begin at 0. */
  async start(): Promise<void> {
    this.#schedule();
    await this.#write(NAMES);
  }

  /** The last line has what was counted since the line before. It has no gauges: this minute has a value of them already. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#write(NAMES.filter(isCounter));
  }

  /** In the middle of each minute: a timer that is a little early or late stays in its minute. */
  #schedule(): void {
    const untilMs = MINUTE_MS - ((Date.now() + MINUTE_MS / 2) % MINUTE_MS);
    this.#timer = setTimeout(() => {
      this.#schedule();
      this.#write(NAMES).catch((error: unknown) =>
        this.#log.warn({ err: error }, 'could not write the metrics; the worker tries again in a minute'),
      );
    }, untilMs);
  }

  async #write(names: readonly PublishedName[]): Promise<void> {
    const values = await Promise.all(names.map((name) => this.#read(name)));
    this.#log.info(embeddedMetrics(this.#stage, values, Date.now()), 'metrics');
  }

  /** A gauge as it is, a counter since the line before: CloudWatch adds values up, and knows no counters. */
  async #read(name: PublishedName): Promise<EmbeddedMetric> {
    const metric = this.#metrics.getSingleMetric(METRICS[name]);
    if (metric === undefined) throw new Error(`a worker has no metric ${METRICS[name]}`);
    const { values } = await metric.get();
    const value = values[0]?.value ?? 0;
    const described = { name: METRICS[name], unit: PUBLISHED[name] };
    if (!isCounter(name)) return { ...described, value };
    const before = this.#counted.get(name) ?? 0;
    this.#counted.set(name, value);
    return { ...described, value: value - before };
  }
}

function isCounter(name: PublishedName): boolean {
  return METRICS[name].endsWith('_total');
}
