/** How the cluster's state is shown: names with underscores, times as ISO 8601, numbers that people compare rounded. Pure. */

import type {
  CleanupAnswer,
  ClusterNumbers,
  StreamDetails,
  StreamPage,
  StreamState,
  WorkerState,
} from './cluster/cluster-admin.ts';
import type { JoinedTasks } from './ecs/join-tasks.ts';
import type { Task } from './ecs/tasks.ts';
import { egressUsd, HOURS_PER_MONTH, monthlyGb, type PriceTier } from './egress-cost.ts';
import type { Page } from './paging.ts';
import type {
  CleanupView,
  StatsAnswer,
  StreamAnswer,
  StreamsAnswer,
  StreamView,
  TaskView,
  WorkersAnswer,
} from './schemas.ts';

const EGRESS_FORMULA =
  'usd_per_month = gb_per_month through the price tiers; ' +
  `gb_per_month = bytes_per_second × 3600 × ${HOURS_PER_MONTH} h / 10⁹; ` +
  'bytes_per_second = what each viewer of this moment has got, by the seconds since it came (10 at least), summed. ' +
  'Data transfer to the internet only: no load balancer, task or Redis hours.';

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

export function viewOfWorker(worker: WorkerState, task: Task | undefined): WorkersAnswer['workers'][number] {
  return {
    worker_id: worker.workerId,
    incarnation: worker.incarnation,
    address: worker.address,
    zone: worker.zone ?? null,
    alive: worker.alive,
    draining: worker.draining,
    clients: worker.clients,
    processes: worker.processes,
    cpu_cores: worker.cpuCores,
    started_at: isoTime(worker.startedAtMs),
    last_seen: isoTime(worker.lastSeenMs),
    task: task === undefined ? null : viewOfTask(task),
  };
}

/** @param tasks the service's and how they belong to workers, or why nothing is known of them */
export function viewOfWorkers(
  { items, total, nextCursor }: Page<WorkerState>,
  tasks: { cluster: string; service: string; count: number; joined: JoinedTasks } | string,
): WorkersAnswer {
  const known = typeof tasks === 'string' ? undefined : tasks;
  return {
    workers: items.map((worker) => viewOfWorker(worker, known?.joined.taskOf.get(worker.workerId))),
    total,
    next_cursor: nextCursor,
    ecs:
      known === undefined
        ? null
        : {
            cluster: known.cluster,
            service: known.service,
            tasks: known.count,
            tasks_without_worker: known.joined.tasksWithoutWorker.map(viewOfTask),
            workers_without_task: known.joined.workersWithoutTask,
          },
    ecs_missing: typeof tasks === 'string' ? tasks : null,
  };
}

export function viewOfStreams({ streams, total, nextCursor }: StreamPage): StreamsAnswer {
  return { streams: streams.map(viewOfStream), total, next_cursor: nextCursor };
}

export function viewOfStreamDetails(stream: StreamDetails): StreamAnswer {
  return {
    ...viewOfStream(stream),
    shared_by: stream.sharedBy.map(({ slot, clients, owner }) => ({
      slot,
      clients,
      owner: owner === undefined ? null : { worker_id: owner.workerId, epoch: owner.epoch },
    })),
    viewers: stream.viewers.map((viewer) => ({
      client_id: viewer.id,
      worker_id: viewer.workerId,
      slot: viewer.slot ?? null,
      ip_address: viewer.ipAddress,
      user_agent: viewer.userAgent,
      connected_at: isoTime(viewer.connectedAtMs),
      bytes_served: viewer.bytesServed,
    })),
  };
}

export function viewOfCleanup({ expiredStreams, deadWorkers }: CleanupAnswer, dryRun: boolean): CleanupView {
  return {
    dry_run: dryRun,
    expired_streams: expiredStreams,
    dead_workers: deadWorkers.map(({ workerId, incarnation }) => ({ worker_id: workerId, incarnation })),
  };
}

function viewOfStream(stream: StreamState): StreamView {
  return {
    stream_id: stream.id,
    url: stream.url,
    current_url: stream.currentUrl,
    profile: stream.profile ?? null,
    metadata: stream.metadata,
    clients: stream.clients,
    processes: stream.processes,
    bytes_served: stream.bytesServed,
    errors: stream.errors,
    created_at: isoTime(stream.createdAtMs),
    last_access: isoTime(stream.lastAccessMs),
  };
}

function viewOfTask(task: Task): TaskView {
  return {
    arn: task.arn,
    last_status: task.lastStatus,
    desired_status: task.desiredStatus,
    definition: task.definition,
    zone: task.zone ?? null,
    private_ip: task.privateIp ?? null,
    created_at: isoTime(task.createdAtMs),
    started_at: task.startedAtMs === undefined ? null : isoTime(task.startedAtMs),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
