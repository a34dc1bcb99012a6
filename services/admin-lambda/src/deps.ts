/** What the routes and jobs need, and how the settings for ECS and prices become that. */

import type { ECSClient } from '@aws-sdk/client-ecs';
import type { Logger } from '../../shared/log.ts';
import type { ClusterAdmin } from './cluster/cluster-admin.ts';
import { EcsService } from './ecs/tasks.ts';
import { type PriceTier, US_EAST_1_EGRESS } from './egress-cost.ts';
import type { AnswerSettings } from './environment.ts';

export interface AdminDeps {
  readonly cluster: ClusterAdmin;
  /** Undefined: the ECS settings are missing. */
  readonly ecs: EcsService | undefined;
  readonly prices: readonly PriceTier[];
  /** Where the scheduled job publishes what ECS says of the workers; undefined: nowhere. */
  readonly metricsStage?: string | undefined;
  readonly log: Logger;
}

/** The same for a caller that waits `withinMs`, ms: what it asks of AWS gives up then. */
export type DepsWithin = (withinMs: number) => AdminDeps;

/** The service whose tasks are the workers; undefined unless both settings are present. */
export function ecsOf(
  { ecsCluster, ecsService }: AnswerSettings,
  client: Pick<ECSClient, 'send'> | undefined,
  withinMs: number,
): EcsService | undefined {
  if (ecsCluster === undefined || ecsService === undefined || client === undefined) return undefined;
  return new EcsService(client, ecsCluster, ecsService, withinMs);
}

export function pricesOf({ egressUsdPerGb }: AnswerSettings): readonly PriceTier[] {
  if (egressUsdPerGb === undefined) return US_EAST_1_EGRESS;
  return [{ upToGb: Number.POSITIVE_INFINITY, usdPerGb: Number(egressUsdPerGb) }];
}
