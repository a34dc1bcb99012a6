/** Builds the answers of the admin API from the cluster's state; rounds the numbers for readers. Pure. */

import type {
  BroadcastPage,
  CleanupAnswer,
  ClusterNumbers,
  FoundViewers,
  StreamDetails,
  StreamPage,
  WorkerState,
} from './cluster/cluster-admin.ts';
import type { JoinedTasks } from './ecs/join-tasks.ts';
import { egressUsd, HOURS_PER_MONTH, monthlyGb, type PriceTier } from './egress-cost.ts';
import type { Page } from './paging.ts';
import type {
  BroadcastsAnswer,
  CleanupView,
  FoundViewersAnswer,
  StatsAnswer,
  StreamAnswer,
  StreamsAnswer,
  WorkersAnswer,
} from './schemas.ts';
import { shown } from './shown.ts';

const EGRESS_FORMULA =
  'usd_per_month = gb_per_month through the price tiers; ' +
  `gb_per_month = bytes_per_second × 3600 × ${HOURS_PER_MONTH} h / 10⁹; ` +
  'bytes_per_second = the bytes of each current viewer, divided by the seconds since it joined (at least 10), summed. ' +
  'This is data transfer to the internet only, without load balancer, tasks and Redis.';

export function viewOfStats(numbers: ClusterNumbers, prices: readonly PriceTier[]): StatsAnswer {
  const { transcodedClients, processes } = numbers;
  const gb = monthlyGb(numbers.bytesPerSecond);
  return {
    workers: { alive: numbers.workers, draining: numbers.drainingWorkers, dead: numbers.deadWorkers },
    streams: { total: numbers.streams, active: numbers.activeStreams },
    clients: { total: numbers.clients, transcoded: transcodedClients, direct: numbers.clients - transcodedClients },
    pooling: {
      processes,
      clients_per_process: processes === 0 ? 0 : rounded(transcodedClients / processes),
      processes_saved: transcodedClients - processes,
    },
    bytes_served: numbers.bytesServed,
    ...numbers.broadcasts,
    egress: {
      bytes_per_second: numbers.bytesPerSecond,
      gb_per_month: rounded(gb),
      usd_per_month: rounded(egressUsd(gb, prices)),
      formula: EGRESS_FORMULA,
      prices: prices.map(({ upToGb, usdPerGb }) => ({
        up_to_gb: Number.isFinite(upToGb) ? upToGb : null,
        usd_per_gb: usdPerGb,
      })),
    },
  };
}

export interface KnownTasks {
  cluster: string;
  service: string;
  count: number;
  joined: JoinedTasks;
  protectionMissing: string | null;
}

/** @param tasks the service's tasks and how they match workers, or why nothing is known of them */
export function viewOfWorkers(
  { items, total, nextCursor }: Page<WorkerState>,
  tasks: KnownTasks | string,
): WorkersAnswer {
  const known = typeof tasks === 'string' ? undefined : tasks;
  return {
    workers: items.map((worker) => {
      const task = known?.joined.taskOf.get(worker.workerId);
      return { ...shown(worker), task: task === undefined ? null : shown(task) };
    }),
    total,
    next_cursor: nextCursor,
    ecs:
      known === undefined
        ? null
        : {
            cluster: known.cluster,
            service: known.service,
            tasks: known.count,
            tasks_without_worker: known.joined.tasksWithoutWorker.map(shown),
            workers_without_task: known.joined.workersWithoutTask,
            protection_missing: known.protectionMissing,
          },
    ecs_missing: typeof tasks === 'string' ? tasks : null,
  };
}

export function viewOfStreams({ streams, total, nextCursor }: StreamPage): StreamsAnswer {
  return { streams: streams.map(shown), total, next_cursor: nextCursor };
}

export function viewOfStreamDetails({ sharedBy, viewers, nextCursor, ...stream }: StreamDetails): StreamAnswer {
  return {
    ...shown(stream),
    shared_by: sharedBy.map(({ owner, ...process }) => ({
      ...shown(process),
      owner: owner === null ? null : shown(owner),
    })),
    viewers: viewers.map(shown),
    next_cursor: nextCursor,
  };
}

export function viewOfFoundViewers({ viewers, nextCursor }: FoundViewers): FoundViewersAnswer {
  return { viewers: viewers.map(shown), next_cursor: nextCursor };
}

export function viewOfBroadcasts({ broadcasts, total, nextCursor, totals }: BroadcastPage): BroadcastsAnswer {
  return { broadcasts: broadcasts.map(shown), total, next_cursor: nextCursor, summary: totals };
}

export function viewOfCleanup({ expiredStreams, deadWorkers }: CleanupAnswer, dryRun: boolean): CleanupView {
  return {
    dry_run: dryRun,
    expired_streams: expiredStreams,
    dead_workers: deadWorkers.map(shown),
  };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
