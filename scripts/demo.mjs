// `npm start -- --demo`: a synthetic live source, a worker, and one pooled stream that is known to play.
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { exitCode, forwardSignals, startNode } from './processes.mjs';
import { SetupError } from './setup.mjs';

const DEFAULT_PORT = 8085;
const START_TIMEOUT_MS = 20_000;
/** Enough MPEG-TS to know that media flows: a few frames of the demo picture. */
const ENOUGH_BYTES = 100 * 188;
const POLL_MS = 50;

/** Runs until Ctrl-C or until the worker ends; answers the worker's exit code. */
export async function demo(args) {
  const source = startNode('dist/demo-source/main.js', [], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const over = new AbortController();
  let worker;
  try {
    const sourceUrl = await withTimeout(firstUrl(source), 'The demo source did not start.');
    const port = await choosePort();
    worker = startNode('dist/proxy/main.js', args, { env: workerEnvironment(port) });
    forwardSignals(worker);
    const ended = exitCode(worker);
    const stopped = ended.then((code) => Promise.reject(new WorkerEnded(code)));
    const address = localAddress(port);
    await Promise.race([createAndPrint(address, sourceUrl, over.signal), stopped]);
    return await ended;
  } catch (error) {
    // The worker has said why it ended; nothing to add.
    if (error instanceof WorkerEnded) return error.code;
    worker?.kill('SIGTERM');
    throw error;
  } finally {
    over.abort();
    source.kill('SIGTERM');
  }
}

class WorkerEnded extends Error {
  constructor(code) {
    super(`The worker ended with exit code ${code}.`);
    this.code = code;
  }
}

function workerEnvironment(port) {
  const allowed = process.env.ALLOW_PRIVATE_SOURCES;
  // The demo source is on this machine, which is refused unless it is named.
  const sources =
    allowed === 'true' ? 'true' : ['127.0.0.1', allowed && allowed !== 'false' ? allowed : 'lan'].join(',');
  return {
    ...process.env,
    PORT: String(port),
    ALLOW_PRIVATE_SOURCES: sources,
    LOG_LEVEL: process.env.LOG_LEVEL ?? 'warning',
    // Ctrl-C ends a demo at once, whoever watches.
    DRAIN_TIMEOUT: process.env.DRAIN_TIMEOUT ?? '0',
  };
}

/** PORT if it is set, else the usual port or, where that is taken, a free one. */
async function choosePort() {
  const given = process.env.PORT;
  // A value that is no port is the worker's to refuse.
  if (given) return given === '0' ? freePort(0) : given;
  return freePort(DEFAULT_PORT).catch(() => freePort(0));
}

function freePort(port) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(port, process.env.HOST || '0.0.0.0', () => {
      const chosen = server.address().port;
      server.close(() => resolve(chosen));
    });
  });
}

function localAddress(port) {
  const host = process.env.HOST ?? '';
  const everywhere = ['', '0.0.0.0', '::'].includes(host);
  return `http://${everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function createAndPrint(address, sourceUrl, signal) {
  await withTimeout(untilReady(address, signal), `The worker did not answer at ${address}/livez.`);
  const token = process.env.API_TOKEN;
  const response = await fetch(`${address}/transcode`, {
    method: 'POST',
    signal,
    headers: { 'Content-Type': 'application/json', ...(token ? { 'X-API-Token': token } : {}) },
    body: JSON.stringify({ url: sourceUrl, profile: 'default', metadata: { name: 'demo' } }),
  });
  if (!response.ok) throw new SetupError(`The demo stream was refused (${response.status}): ${await response.text()}`);
  const { stream_endpoint: path } = await response.json();
  const playUrl = address + path;
  await withTimeout(untilPlaying(playUrl, signal), `The demo stream did not start to play at ${playUrl}.`);
  print(address, playUrl, sourceUrl, token);
}

function print(address, playUrl, sourceUrl, token) {
  const authorization = token ? ' -H "X-API-Token: $API_TOKEN"' : '';
  console.log(`
  Streampool is running, and this stream plays now:

    ${playUrl}

    ffplay ${playUrl}
    vlc ${playUrl}

  Open it twice: both viewers share one FFmpeg and one connection to the source.

    statistics    curl ${address}/stats${authorization}
    the API       ${address}/docs
    the source    ${sourceUrl}

  Ctrl-C stops everything.
`);
}

function firstUrl(source) {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new SetupError('The demo source ended before it could be used; its message is above.'));
    source.on('error', reject);
    source.on('exit', failed);
    createInterface({ input: source.stdout }).once('line', (line) => {
      source.off('exit', failed);
      resolve(JSON.parse(line).url);
    });
  });
}

async function untilReady(address, signal) {
  while (!signal.aborted) {
    const response = await fetch(`${address}/readyz`, { signal }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Reads the stream as a player would, until it is sure that media flows. */
async function untilPlaying(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok || !response.body) {
    throw new SetupError(`The demo stream does not play (${response.status}): ${await response.text()}`);
  }
  let received = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response.body) {
    received += chunk.length;
    if (received >= ENOUGH_BYTES) return;
  }
  throw new SetupError(`The demo stream ended after ${received} bytes.`);
}

async function withTimeout(promise, message) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new SetupError(message)), START_TIMEOUT_MS);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
