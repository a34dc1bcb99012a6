// Where people look when a worker or a cluster runs: the console, the API, the command.
import { networkInterfaces } from 'node:os';
import { localAddress } from './ports.mjs';

/**
 * Lines of what there is at an address.
 *
 * @param address of a worker or a load balancer, from this machine
 * @param there what a worker has told when it began to listen: `hasConsole`, and `streams`, which is left out when it is not known
 */
export function whereToLook(address, { hasConsole, streams }) {
  const everywhere = addressForOthers(address);
  const isUsual = address === localAddress(8085);
  return [
    ...(hasConsole ? [named('the console', `${everywhere}/console/`)] : []),
    named('the API', `${everywhere}/docs`),
    named('in words', `npx streampool status${isUsual ? '' : ` --url ${address}`}`),
    ...(streams === undefined ? [] : [named('streams', streams === 0 ? 'none yet' : String(streams))]),
  ];
}

/** A line with a name before it. */
export function named(name, text) {
  return `    ${name.padEnd(16)}${text}`;
}

/** The address for other machines of the network, if it listens there. */
function addressForOthers(address) {
  const { port, hostname } = new URL(address);
  if (hostname !== '127.0.0.1' || process.env.HOST === '127.0.0.1') return address;
  const all = Object.values(networkInterfaces()).flat();
  const lan = all.find((one) => one?.family === 'IPv4' && !one.internal);
  return lan === undefined ? address : `http://${lan.address}:${port}`;
}
