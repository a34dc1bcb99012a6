/**
 * How many workers ECS wants, runs and starts, for CloudWatch. ECS publishes these numbers only with Container Insights, which
 * bills some thirty further metrics.
 */

import { embeddedMetrics } from '../../../shared/embedded-metrics.ts';
import type { Logger } from '../../../shared/log.ts';
import { SERVICE_METRICS } from '../../../shared/metric-names.ts';
import type { ServiceState } from '../scale-in.ts';

/** Writes them into the log, whatever its level: without this line two alarms never ring. */
export function publishService(stage: string, service: ServiceState, log: Logger): void {
  const values = {
    desiredWorkers: service.desiredCount,
    runningWorkers: service.runningCount,
    pendingWorkers: service.pendingCount,
  };
  const metrics = Object.entries(values).map(([name, value]) => ({
    name: SERVICE_METRICS[name as keyof typeof values],
    unit: 'Count' as const,
    value,
  }));
  log.child({}, { level: 'info' }).info(embeddedMetrics(stage, metrics, Date.now()), 'metrics');
}
