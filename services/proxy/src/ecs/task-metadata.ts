/** What Amazon ECS says about the task of this worker: the task metadata endpoint, version 4. */

import { z } from 'zod';

/** The endpoint is on the same host. */
const TIMEOUT_MS = 2_000;

const answer = z.object({
  AvailabilityZone: z.string().optional(),
  Revision: z.coerce.number().int().optional(),
  DesiredStatus: z.string().optional(),
  Containers: z.array(z.object({ Networks: z.array(z.object({ IPv4Addresses: z.array(z.string()).default([]) })) })),
});

export interface EcsTask {
  readonly address: string | undefined;
  readonly zone: string | undefined;
  /** Revision of its task definition; every deployment raises it. */
  readonly revision: number | undefined;
  /** ECS is about to stop the task: it takes the task out of the load balancer, then sends SIGTERM. */
  readonly isStopping: boolean;
}

/** Whether this process is in a task of ECS, which sets the variable. */
export function isOnEcs(env: NodeJS.ProcessEnv = process.env): boolean {
  return (env.ECS_CONTAINER_METADATA_URI_V4 ?? '') !== '';
}

/**
 * @param uri value of `ECS_CONTAINER_METADATA_URI_V4`
 * @throws when the endpoint does not answer as documented
 */
export async function ecsTask(uri: string): Promise<EcsTask> {
  const response = await fetch(`${uri}/task`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the ECS task metadata endpoint answered ${response.status}`);
  const { Containers, AvailabilityZone, Revision, DesiredStatus } = answer.parse(await response.json());
  // All containers of a task share its network interface.
  const [address] = Containers.flatMap(({ Networks }) => Networks.flatMap(({ IPv4Addresses }) => IPv4Addresses));
  return { address, zone: AvailabilityZone, revision: Revision, isStopping: DesiredStatus === 'STOPPED' };
}
