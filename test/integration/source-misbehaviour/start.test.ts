/** A source that cannot be opened is an error with its reason before the first byte, and never 200 and nothing. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeTs } from '../../support/judge/index.ts';
import type { Answer, ChannelOptions } from '../../support/live-source.ts';
import type { Recording } from '../../support/recorder.ts';
import { expectWatched, firstBytes, PATHS, Stage } from './stage.ts';

/** Short, so that the bound below is soon reached; what counts is that there is one. */
const ENV = {
  STREAM_RETRY_ATTEMPTS: '1',
  STREAM_RETRY_DELAY: '0.2',
  DEFAULT_READ_TIMEOUT: '2',
  LIVE_CHUNK_TIMEOUT_SECONDS: '2',
  STREAM_TOTAL_TIMEOUT: '6',
};
/** Two tries of 2 s and a delay, and as much again for a busy machine. */
const BOUND_MS = 9_000;

const FAILURES: Record<string, { answer: Answer; status: number; says: RegExp }> = {
  '/404.ts': { answer: { kind: 'status', status: 404 }, status: 502, says: /answered 404/ },
  '/500.ts': { answer: { kind: 'status', status: 500 }, status: 502, says: /answered 500/ },
  '/refused.ts': { answer: { kind: 'refuse' }, status: 502, says: /closed the connection without an answer/ },
  '/no-answer.ts': { answer: { kind: 'hang', after: 'request' }, status: 504, says: /did not answer within 2 s/ },
  '/no-media.ts': { answer: { kind: 'hang', after: 'headers' }, status: 504, says: /nothing for 2 s/ },
  '/empty.ts': { answer: { kind: 'empty' }, status: 502, says: /without a single byte/ },
  '/html.ts': { answer: { kind: 'html' }, status: 502, says: /a web page.*Your subscription has expired/ },
};

describe('a source that does not start', () => {
  let stage: Stage;

  beforeAll(async () => {
    const channels: Record<string, ChannelOptions> = {};
    for (const [path, { answer }] of Object.entries(FAILURES)) channels[path] = { answer };
    for (const path of ['/good.ts', '/later.ts']) channels[path] = {};
    for (const by of PATHS) for (const name of ['404', 'html', 'spare']) channels[`/${by}-${name}.ts`] = {};
    stage = await Stage.open({ channels }, ENV);
  });

  afterAll(() => stage.close());

  it.each(PATHS)('%s: 502 or 504 with the reason, in bounded time', async (by) => {
    const answers = await Promise.all(
      Object.keys(FAILURES).map(async (path) => {
        const viewer = await stage.watch(stage.source.channel(path).url, by);
        return [path, await bounded(viewer.done)] as const;
      }),
    );
    for (const [path, answer] of answers) {
      const { status, says } = FAILURES[path] as (typeof FAILURES)[string];
      const body: unknown = JSON.parse(answer.bytes.toString('utf8'));
      expect({ path, status: answer.status, body }).toEqual({
        path,
        status,
        body: { detail: expect.stringMatching(says) },
      });
    }
  });

  it('says so when nobody listens at the port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await sleep(50);
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    for (const by of PATHS) {
      const viewer = await stage.watch(`http://127.0.0.1:${port}/live.ts`, by);
      const answer = await bounded(viewer.done);
      expect(answer.status).toBe(502);
      expect(answer.bytes.toString()).toMatch(/the connection was refused/);
    }
  });

  it('follows a redirect to the media', async () => {
    await stage.source.channel('/later.ts').redirectTo(stage.source.channel('/good.ts').url);
    const views = await Promise.all(PATHS.map((by) => stage.watch(stage.source.channel('/later.ts').url, by)));
    await firstBytes(views);
    expect(await stage.source.channel('/good.ts').stats()).toMatchObject({ total: 1 });
    await Promise.all(views.map((view) => view.stop()));
  });

  describe.concurrent.each(PATHS)('%s: a source that fails later', (by) => {
    it('ends the response when there is no other', async () => {
      const channel = stage.source.channel(`/${by}-404.ts`);
      await channel.play();
      const viewer = await stage.watch(channel.url, by);
      await firstBytes([viewer]);
      await channel.status(404);
      await channel.cutConnections();
      const recording = await bounded(viewer.done);
      // Cut off, so that a player knows that this was not the end of the programme.
      expect(recording).toMatchObject({ status: 200, endedBy: 'error' });
    });

    it('goes on with its failover source', async () => {
      const channel = stage.source.channel(`/${by}-html.ts`);
      const spare = stage.source.channel(`/${by}-spare.ts`);
      await channel.play();
      const body = { failover_urls: [spare.url] };
      const viewer = await stage.watch(channel.url, by, { body });
      await firstBytes([viewer]);
      await sleep(1_500);
      await channel.html();
      await channel.cutConnections();
      await sleep(6_000);
      const recording = await viewer.stop();
      // A retry of 0.2 s, the failover, a GOP of the other source, FFmpeg's start.
      const stats = { ...(await spare.stats()), total: 1, maxConcurrent: 1 };
      expectWatched(
        { recording, verdict: judgeTs(recording), stats, decodeErrors: [], marks: [] },
        { video: true, audio: true, maxGapMs: 4_500, minSeconds: 5 },
      );
    });
  });
});

async function bounded(done: Promise<Recording>): Promise<Recording> {
  const late = sleep(BOUND_MS).then(() => {
    throw new Error(`no answer within ${BOUND_MS} ms`);
  });
  return Promise.race([done, late]);
}
