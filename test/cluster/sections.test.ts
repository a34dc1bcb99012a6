/** What broadcasters send beside pictures and sound reaches the viewers of every worker whole, once, and on the clock of the pictures. */

import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { PACKET_SIZE } from '../../services/proxy/src/mpegts/syntax/packet.ts';
import { allPlaying, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import { DataCorpus, expectData } from '../unit/mpegts/data-corpus.ts';

const FRAME_MS = 40;
/** What a connection begins with. */
const FIRST_FRAMES = 50;
const SECONDS = 10;
/** Four seconds of the corpus, about. */
const ENOUGH_BYTES = 150_000;

/** Sends the corpus in real time, the same to each connection; who comes later gets the newest of its past first. */
async function provider(stage: Stage): Promise<{ url: string; corpus: DataCorpus; connections: () => number }> {
  const corpus = new DataCorpus();
  const past = Array.from({ length: FIRST_FRAMES }, () => corpus.frame());
  const open = new Set<ServerResponse>();
  let connections = 0;
  let sent = 0;
  const startMs = performance.now();
  const timer = setInterval(() => {
    for (; sent * FRAME_MS < performance.now() - startMs; sent++) {
      const frame = corpus.frame();
      past.push(frame);
      for (const response of open) response.write(frame);
    }
  }, FRAME_MS);
  const server: Server = createServer((_request, response) => {
    connections++;
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    for (const frame of past.slice(-FIRST_FRAMES)) response.write(frame);
    open.add(response);
    response.once('close', () => open.delete(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.closeAfter(async () => {
    clearInterval(timer);
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live.ts`;
  return { url, corpus, connections: () => connections };
}

function packetsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(bytes.length / PACKET_SIZE) }, (_, n) =>
    bytes.subarray(n * PACKET_SIZE, (n + 1) * PACKET_SIZE),
  );
}

staged.concurrent('cues, carousels, application tables, teletext, subtitles and metadata', async ({ stage }) => {
  const [owner, other] = (await stage.cluster(2)).workers as [Worker, Worker];
  const { url, corpus, connections } = await provider(stage);
  const { stream_id } = await owner.api.createStream({ url, share: true });
  const watch = (worker: Worker) => stage.viewer(`${worker.url}/stream/${stream_id}`);
  const here = watch(owner);
  await allPlaying([here]);
  const there = watch(other);
  await allPlaying([there]);
  const startMs = performance.now();
  await until(() => performance.now() - startMs > SECONDS * 1_000, { timeoutMs: 60_000, what: 'some media' });
  const late = watch(other);
  await allPlaying([late]);
  await until(() => performance.now() - startMs > (SECONDS + 3) * 1_000, {
    timeoutMs: 60_000,
    what: 'some more media',
  });
  for (const [viewer, splicers, seconds] of [
    [here, 2, SECONDS],
    [there, 3, SECONDS],
    [late, 3, 2],
  ] as const) {
    const { bytes } = await viewer.stop();
    expect(expectData(packetsOf(bytes), corpus, splicers)).toBeGreaterThan(seconds * 4);
  }
  expect(connections()).toBe(1);
});

staged.concurrent('the same, when the worker that reads the source leaves', async ({ stage }) => {
  const [owner, other] = (await stage.cluster(2, { DRAIN_TIMEOUT: '10' })).workers as [Worker, Worker];
  const { url, corpus, connections } = await provider(stage);
  const { stream_id } = await owner.api.createStream({ url, share: true });
  const here = stage.viewer(`${owner.url}/stream/${stream_id}`);
  await allPlaying([here]);
  const there = stage.viewer(`${other.url}/stream/${stream_id}`);
  await allPlaying([there]);
  await until(() => there.byteCount > ENOUGH_BYTES, { timeoutMs: 20_000, what: 'some media' });
  owner.signal('SIGTERM');
  await until(() => connections() === 2, { timeoutMs: 20_000, what: 'the source to be opened by the other worker' });
  await here.stop();
  expect(await owner.exited).toEqual({ code: 0, signal: null });
  const { byteCount } = there;
  await until(() => there.byteCount > byteCount + ENOUGH_BYTES, {
    timeoutMs: 20_000,
    what: 'media of the other worker',
  });
  expect(there.ended).toBe(false);
  const { bytes } = await there.stop();
  expect(expectData(packetsOf(bytes), corpus, 3)).toBeGreaterThan(20);
});
