/** A worker that reads one hostile source after another while viewers watch healthy sources. The viewers must notice nothing. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { fixture } from '../fixtures.ts';
import { expectClean, judgeTs } from '../judge/index.ts';
import { allPlaying, COPY, type Stage } from '../stage.ts';
import type { Worker } from '../worker.ts';
import { startHostileProvider } from './hostile-provider.ts';

const PROBE = join(import.meta.dirname, 'turn-probe.mjs');
/** A turn takes at most this, or on a slow machine this part of the CPU that the worker's start took. */
const LONGEST_TURN_MS = 200;
const LONGEST_TURN_PART = 0.25;
const MIB = 1024 * 1024;
/** Rings of two sources and of four processes at 8 MiB, doubled, plus what Node itself needs. */
const MAX_RSS_BYTES = 450 * MIB;
const EACH_MS = 2_500;
const FRAME_TICKS = 3_600;

/** The longest turn in ms of CPU, not counting the first `since` long turns; 0: none was long. */
const longestTurn = (worker: Worker, since: number): number =>
  Math.max(
    0,
    ...worker
      .logged('a long turn')
      .slice(since)
      .map(({ ms }) => Number(ms)),
  );

/** @returns how many sources were read, and the longest turn of the event loop, in ms of CPU */
export async function readHostileSources(
  stage: Stage,
  { seconds, seed }: { seconds: number; seed: number },
): Promise<{ sources: number; longestMs: number; rssMib: number }> {
  const provider = await startHostileProvider(seed, await readFile((await fixture('plain')).path));
  stage.closeAfter(() => provider.close());
  const source = await stage.sourceProcess({ join: 'keyframe' });
  const worker = await stage.worker({
    RING_MAX_BYTES: '8M',
    STREAM_RETRY_ATTEMPTS: '1',
    SHARED_STREAM_GRACE: '0',
    NODE_OPTIONS: `--import ${PROBE}`,
  });
  const longestTurnMs = Math.max(LONGEST_TURN_MS, worker.cpuSeconds() * 1000 * LONGEST_TURN_PART);
  const shared = await worker.api.createStream({ url: source.url, share: true });
  const copied = await worker.api.createTranscode({ url: source.url, profile: COPY });
  const neighbours = [...stage.viewers(2, shared.playUrl), ...stage.viewers(2, copied.playUrl)];
  await allPlaying(neighbours);

  /** Two viewers watch for a while; returns the longest turn meanwhile. */
  const watch = async (url: string): Promise<number> => {
    const before = worker.logged('a long turn').length;
    const streams = [
      await worker.api.createStream({ url, share: true }),
      await worker.api.createTranscode({ url, profile: COPY }),
    ];
    const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl, { keep: false }));
    await sleep(EACH_MS);
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const { stream_id } of streams) await worker.api.del(`/streams/${stream_id}`);
    return longestTurn(worker, before);
  };

  const endMs = performance.now() + seconds * 1_000;
  let sources = 0;
  let longestMs = 0;
  let rssMib = 0;
  for (; performance.now() < endMs; sources++) {
    const { url, kind } = provider.channel(sources);
    const what = `${kind}, TEST_SEED=${seed + sources}`;
    let turnMs = await watch(url);
    // Garbage collection hits another moment the next time, but work for the source takes just as long again.
    if (turnMs >= longestTurnMs) turnMs = Math.min(turnMs, await watch(url));
    longestMs = Math.max(longestMs, turnMs);
    expect(turnMs, `${what}: a turn, in ms of CPU`).toBeLessThan(longestTurnMs);
    expect(worker.exit, what).toBeUndefined();
    const rss = worker.rssBytes();
    rssMib = Math.max(rssMib, Math.round(rss / MIB));
    expect(rss, `${what}: memory`).toBeLessThan(MAX_RSS_BYTES);
    expect(
      worker.logs.filter(({ level }) => ['error', 'fatal'].includes(String(level))),
      what,
    ).toEqual([]);
    for (const neighbour of neighbours) expect(neighbour.ended, `${what}: a neighbour`).toBe(false);
  }
  for (const neighbour of neighbours) {
    expectClean(judgeTs(await neighbour.stop()), {
      video: true,
      audio: true,
      frameTicks: FRAME_TICKS,
      maxSignalled: 0,
      minSeconds: seconds - 2,
    });
  }
  return { sources, longestMs, rssMib };
}
