/** A TCP port that was free a moment ago. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Systems give ports above it to whoever does not care which: connections, and programs that listen on port 0. Below it only those take a
 * port that ask for that very one.
 */
const BELOW = 32_768;
const FROM = 10_240;
const TRIES = 20;

/** Another program may take it meanwhile, which is unlikely: if a program can listen on port 0 itself, let it. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = randomInt(FROM, BELOW);
    const server = createServer();
    try {
      server.listen(port, host);
      await once(server, 'listening');
    } catch (error) {
      if (tries < TRIES) continue;
      throw error;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}
