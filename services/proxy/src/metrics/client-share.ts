/**
 * How many viewers a worker says that it has. Several workers serve one HLS session, and each would count it. So the sessions of the
 * cluster are divided evenly among the workers that take viewers: in the sum over all workers, which scaling averages, each counts once.
 * Pure.
 */

export interface ViewersHere {
  /** With the sessions that this worker serves. */
  readonly clients: number;
  readonly sessions: number;
  readonly isDraining: boolean;
}

export interface ClusterSessions {
  readonly sessions: number;
  /** Workers that take viewers, with this one if it does. */
  readonly workers: number;
}

export function clientShare(here: ViewersHere, cluster: ClusterSessions): number {
  const responses = here.clients - here.sessions;
  // A worker that drains counts for those that it serves only when nobody else can.
  if (cluster.workers === 0) return here.clients;
  return responses + (here.isDraining ? 0 : cluster.sessions / cluster.workers);
}
