/**
 * Metrics in a line of the log, as CloudWatch's embedded metric format (EMF) has them: CloudWatch Logs makes metrics of such a
 * line, without an agent and without a call to AWS. The format is AWS's "Specification: Embedded metric format".
 */

/** The units that are used here, spelled as CloudWatch spells them. */
export type Unit = 'Count' | 'Bytes';

export interface EmbeddedMetric {
  readonly name: string;
  readonly unit: Unit;
  readonly value: number;
}

export const NAMESPACE = 'Streampool';
/** The only dimension, so that a metric costs once per stage and not once per worker. */
export const DIMENSION = 'Stage';

/**
 * The fields of such a line. Other fields may stand beside them.
 *
 * @param atMs Unix time of the values
 * @example log.info(embeddedMetrics('prod', [{ name: METRICS.clients, unit: 'Count', value: 3 }], Date.now()), 'metrics');
 */
export function embeddedMetrics(
  stage: string,
  metrics: readonly EmbeddedMetric[],
  atMs: number,
): Record<string, unknown> {
  return {
    _aws: {
      Timestamp: atMs,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [[DIMENSION]],
          Metrics: metrics.map(({ name, unit }) => ({ Name: name, Unit: unit })),
        },
      ],
    },
    [DIMENSION]: stage,
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
  };
}
