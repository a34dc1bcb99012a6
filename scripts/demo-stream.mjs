// The demo stream of `npm start -- --demo` and `npm run cluster -- --demo`: a synthetic live source, and a pooled stream
// of it. Both wait until it plays.
import { createInterface } from 'node:readline';
import { startNode } from './processes.mjs';
import { SetupError } from './setup.mjs';

const START_TIMEOUT_MS = 20_000;
/** Enough MPEG-TS to prove that media flows: a few frames of the demo picture. */
const ENOUGH_BYTES = 100 * 188;
const POLL_MS = 50;

/** Starts the demo source; `url` resolves when it plays. */
export function startDemoSource() {
  const child = startNode('dist/demo-source/main.js', [], {
    env: { ...process.env, HOST: '127.0.0.1', PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, url: withTimeout(firstUrl(child), 'The demo source did not start.') };
}

/** Settings for a trial worker; settings that are already set win. */
export function demoEnvironment() {
  return { ...process.env, LOG_LEVEL: process.env.LOG_LEVEL ?? 'warning' };
}

/** ALLOW_PRIVATE_SOURCES extended by the demo source, which is on this machine and therefore refused unless allowed. */
export function withDemoSource(allowed = process.env.ALLOW_PRIVATE_SOURCES) {
  return allowed === 'true' ? 'true' : ['127.0.0.1', allowed && allowed !== 'false' ? allowed : 'lan'].join(',');
}

/** Resolves when the worker takes viewers. */
export function workerReady(address, signal) {
  return withTimeout(untilReady(address, signal), `The worker did not answer at ${address}/readyz.`);
}

/** Creates the demo stream and plays it until media flows; returns its URL. */
export async function playingDemoStream(address, sourceUrl, signal) {
  const response = await fetch(`${address}/transcode`, {
    method: 'POST',
    signal,
    headers: { 'Content-Type': 'application/json', ...tokenHeader() },
    body: JSON.stringify({ url: sourceUrl, profile: 'default', metadata: { name: 'demo' } }),
  });
  if (!response.ok) throw new SetupError(`The demo stream was refused (${response.status}): ${await response.text()}`);
  const { stream_endpoint: path } = await response.json();
  const playUrl = address + path;
  await withTimeout(untilPlaying(playUrl, signal), `The demo stream did not start to play at ${playUrl}.`);
  return playUrl;
}

/** A URL quoted for a shell: some shells take the ? of a signed URL for a pattern. */
export function typed(url) {
  return url.includes('?') ? `'${url}'` : url;
}

/** What a printed curl command needs when a token is set. */
export function curlAuthorization() {
  return process.env.API_TOKEN ? ' -H "X-API-Token: $API_TOKEN"' : '';
}

function tokenHeader() {
  const token = process.env.API_TOKEN;
  return token ? { 'X-API-Token': token } : {};
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

/** Reads the stream as a player would, until media flows. */
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
