/** A TCP port that was free a moment ago. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Another program may take it meanwhile: if a program can listen on port 0 itself, let it. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
