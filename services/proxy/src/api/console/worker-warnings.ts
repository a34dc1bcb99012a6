/** What is not right with a worker or its cluster, each with what to do about it. Pure. */

import type { WorkerRecord } from '../../../../registry/types.ts';
import type { Config } from '../../config/config.ts';
import { openApiWarning } from '../../config/no-token-warning.ts';

export interface WorkerWarning {
  /** Tells one kind from another. */
  readonly kind: 'no_token' | 'eviction' | 'drain' | 'clock' | 'hardware' | 'sandbox' | 'ignored';
  /** What is wrong, and what to do. */
  readonly text: string;
}

export interface WarningFacts {
  readonly config: Pick<Config, 'apiToken' | 'host' | 'drainTimeoutMs'>;
  /** As `Cluster.evictionWarning` has it. */
  readonly eviction: string | undefined;
  readonly isOnEcs: boolean;
  readonly workers: readonly Pick<WorkerRecord, 'workerId' | 'clockAheadMs'>[];
  /** Why the hardware that the settings ask for is not used. */
  readonly hardware: string | undefined;
  /** Restrictions on FFmpeg that do not work here. */
  readonly sandbox: readonly string[];
  /** Settings that have no effect, one sentence each. */
  readonly ignored: readonly string[];
}

/** More than this makes times of events, and of signed URLs, wrong. */
const CLOCK_MS = 1_000;
/** Fargate kills a container so long after it was told to stop. */
const ECS_STOP_MS = 120_000;

export function workerWarnings(facts: WarningFacts): WorkerWarning[] {
  const { config, eviction, isOnEcs, workers, hardware, sandbox, ignored } = facts;
  const open = openApiWarning(config);
  const drainS = config.drainTimeoutMs / 1_000;
  return [
    ...one('no_token', open),
    ...one('eviction', eviction),
    ...one(
      'drain',
      isOnEcs && config.drainTimeoutMs >= ECS_STOP_MS
        ? `DRAIN_TIMEOUT is ${drainS} s, and Fargate kills a container ${ECS_STOP_MS / 1_000} s after it was told to stop: viewers lose their connection before the drain ends. Set DRAIN_TIMEOUT to ${ECS_STOP_MS / 1_000 - 10} or less.`
        : undefined,
    ),
    ...workers.flatMap(({ workerId, clockAheadMs = 0 }) =>
      one(
        'clock',
        Math.abs(clockAheadMs) > CLOCK_MS
          ? `The clock of ${workerId} is ${Math.abs(clockAheadMs) / 1_000} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} that of Redis: times of events are wrong, and signed URLs end too early or too late. Let NTP set the clocks of both machines (chronyc tracking, or timedatectl, shows whether it does).`
          : undefined,
      ),
    ),
    ...one('hardware', hardware === undefined ? undefined : `FFmpeg encodes with the CPU. ${hardware}`),
    ...sandbox.flatMap((text) => one('sandbox', `FFmpeg is less restricted than it could be: ${text}`)),
    ...ignored.flatMap((text) => one('ignored', text)),
  ];
}

function one(kind: WorkerWarning['kind'], text: string | undefined): WorkerWarning[] {
  return text === undefined ? [] : [{ kind, text }];
}
