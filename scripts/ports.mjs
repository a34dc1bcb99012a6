// Ports for the programs that scripts start: the usual one, or a free one.
import { connect, createServer } from 'node:net';
import { SetupError } from './setup.mjs';

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

/** A port that was free a moment ago: `port` itself (rejects if it is taken), or any for 0. */
export function freePort(port, host = process.env.HOST || '0.0.0.0') {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, host, () => {
      const chosen = server.address().port;
      server.close(() => resolve(chosen));
    });
  });
}

/** The usual port, or a free one if that is taken. */
export function usualPort(port, host) {
  return freePort(port, host).catch(() => freePort(0, host));
}

/** A port that the user chose with the option or setting `name`. */
export function givenPort(port, name) {
  return freePort(port).catch((error) => {
    const why = error.code === 'EADDRINUSE' ? `another program has it. Give another one with ${name}.` : error.message;
    throw new SetupError(`Port ${port}, given by ${name}, cannot be used: ${why}`);
  });
}

/** The address for a program on this machine that listens on HOST. */
export function localAddress(port, host = process.env.HOST ?? '') {
  const everywhere = ['', '0.0.0.0', '::'].includes(host);
  return `http://${everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Resolves when a program listens on a port of this machine. */
export async function listening(port, name, signal) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!signal.aborted && !(await accepts(port))) {
    if (performance.now() > deadline) throw new SetupError(`${name} did not start on port ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
