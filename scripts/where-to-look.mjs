// Where people look when a worker or a cluster runs: the console, the API, the command.
import { networkInterfaces } from 'node:os';
import { localAddress } from './ports.mjs';

/** How long each answer may take: what is not known is left out. */
const ANSWER_MS = 5_000;

/**
 * Lines of what there is at an address.
 *
 * @param address of a worker or a load balancer, from this machine
 * @param signal ends the questions
 */
export async function whereToLook(address, signal) {
  const [hasConsole, streams] = await Promise.all([consoleAnswers(address, signal), streamCount(address, signal)]);
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

async function consoleAnswers(address, signal) {
  const response = await ask(`${address}/console/`, signal);
  await response?.body?.cancel();
  return response?.ok === true;
}

/** All that exist, those without a viewer too; undefined: it does not say. */
async function streamCount(address, signal) {
  const totals = await Promise.all(
    ['/streams', '/streams?idle=true'].map(async (path) => {
      const response = await ask(`${address}${path}`, signal);
      const { total } = response?.ok === true ? await response.json().catch(() => ({})) : {};
      return typeof total === 'number' ? total : undefined;
    }),
  );
  return totals.includes(undefined) ? undefined : totals[0] + totals[1];
}

function ask(url, signal) {
  const token = process.env.API_TOKEN;
  const headers = token ? { 'X-API-Token': token } : {};
  return fetch(url, { headers, signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]) }).catch(
    () => undefined,
  );
}
