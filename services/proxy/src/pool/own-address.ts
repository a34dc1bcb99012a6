/** Under which address other workers reach this one: what ECS says of the task, else the address that packets leave from. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { z } from 'zod';

/** A container's metadata service is on the same host. */
const METADATA_TIMEOUT_MS = 2_000;
/** An address of the documentation range (RFC 5737): packets to it would take the default route. */
const ANYWHERE = '192.0.2.1';

const task = z.object({
  AvailabilityZone: z.string().optional(),
  Containers: z.array(z.object({ Networks: z.array(z.object({ IPv4Addresses: z.array(z.string()).default([]) })) })),
});

export interface Task {
  readonly address: string | undefined;
  readonly zone: string | undefined;
}

/**
 * This task's address and zone, from the task metadata endpoint version 4.
 *
 * @param uri value of `ECS_CONTAINER_METADATA_URI_V4`
 * @throws when it does not answer as documented
 */
export async function ecsTask(uri: string): Promise<Task> {
  const answer = await fetch(`${uri}/task`, { signal: AbortSignal.timeout(METADATA_TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`the task metadata endpoint answers ${answer.status}`);
  const { Containers, AvailabilityZone } = task.parse(await answer.json());
  // All containers of a task share its network interface.
  const [address] = Containers.flatMap(({ Networks }) => Networks.flatMap(({ IPv4Addresses }) => IPv4Addresses));
  return { address, zone: AvailabilityZone };
}

/** The address that packets to a host leave from; nothing is sent. When the host is not known, that of the default route. */
export async function addressTowards(host: string): Promise<string> {
  return (await routeFrom(host)) ?? (await routeFrom(ANYWHERE)) ?? '127.0.0.1';
}

async function routeFrom(host: string): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const connected = once(socket, 'connect');
    // Any port does.
    socket.connect(9, host);
    await connected;
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Host and port as they stand in a URL. */
export function hostPort(host: string, port: number): string {
  const plain = host.replace(/^::ffff:/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
