/** The address under which other workers reach this one: the task's address on ECS, else the one that packets leave from. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** An address of the documentation range (RFC 5737): packets to it would take the default route. */
const ANYWHERE = '192.0.2.1';

/** The local address of packets to a host; sends nothing. For an unknown host, the address of the default route. */
export async function addressTowards(host: string): Promise<string> {
  return (await routeFrom(host)) ?? (await routeFrom(ANYWHERE)) ?? '127.0.0.1';
}

async function routeFrom(host: string): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    const connected = once(socket, 'connect');
    // The port does not matter.
    socket.connect(9, host);
    await connected;
    return socket.address().address;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** Host and port as in a URL. */
export function hostPort(host: string, port: number): string {
  const plain = host.replace(/^::ffff:/, '');
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`;
}
