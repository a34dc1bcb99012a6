// `npm start -- --demo`: a synthetic live source, a worker, and one pooled stream; waits until the stream plays.
import {
  curlAuthorization,
  demoEnvironment,
  playingDemoStream,
  startDemoSource,
  typed,
  withDemoSource,
  workerReady,
} from './demo-stream.mjs';
import { freePort, givenPort, localAddress, usualPort } from './ports.mjs';
import { exitCode, forwardSignals, runWorker } from './processes.mjs';
import { named, whereToLook } from './where-to-look.mjs';

const DEFAULT_PORT = 8085;

/** Runs until Ctrl-C or until the worker ends; returns the worker's exit code. */
export async function demo() {
  const source = startDemoSource();
  const over = new AbortController();
  let child;
  try {
    const sourceUrl = await source.url;
    const port = await choosePort();
    const worker = runWorker({ env: workerEnvironment(port) });
    ({ child } = worker);
    forwardSignals(child);
    const ended = exitCode(child);
    const stopped = ended.then((code) => Promise.reject(new WorkerEnded(code)));
    // Not before: another program may have taken the port meanwhile, and would be taken for the worker.
    const began = worker.listens.then(({ port: taken, hasConsole }) =>
      createAndPrint(localAddress(taken), { hasConsole, sourceUrl, signal: over.signal }),
    );
    await Promise.race([stopped, began]);
    return await ended;
  } catch (error) {
    // The worker has said why it ended.
    if (error instanceof WorkerEnded) return error.code;
    child?.kill('SIGTERM');
    throw error;
  } finally {
    over.abort();
    source.child.kill('SIGTERM');
  }
}

class WorkerEnded extends Error {
  constructor(code) {
    super(`The worker ended with exit code ${code}.`);
    this.code = code;
  }
}

function workerEnvironment(port) {
  return {
    ...demoEnvironment(),
    PORT: String(port),
    ALLOW_PRIVATE_SOURCES: withDemoSource(),
    // Ctrl-C ends a demo at once, even with viewers.
    DRAIN_TIMEOUT: process.env.DRAIN_TIMEOUT ?? '0',
  };
}

/** PORT if it is set; else the usual port, or a free one if that is taken. */
async function choosePort() {
  const given = process.env.PORT;
  if (!given) return usualPort(DEFAULT_PORT);
  // The worker refuses a value that is not a port.
  if (!/^\d+$/.test(given) || Number(given) > 65_535) return given;
  // The demo would mistake another program on that port for the worker.
  return given === '0' ? freePort(0) : givenPort(Number(given), 'PORT');
}

async function createAndPrint(address, { hasConsole, sourceUrl, signal }) {
  await workerReady(address, signal);
  const playUrl = await playingDemoStream(address, sourceUrl, signal);
  const lines = whereToLook(address, { hasConsole });
  console.log(`
  Streampool is running, and this stream plays now:

    ${playUrl}

    ffplay ${typed(playUrl)}
    vlc ${typed(playUrl)}

  Open it twice: both viewers share one FFmpeg and one connection to the source.

${lines.join('\n')}
${named('statistics', `curl ${address}/stats${curlAuthorization()}`)}
${named('the source', sourceUrl)}

  Ctrl-C stops everything.
`);
}
