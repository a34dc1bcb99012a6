/** A provider that sends a burst first, and one that is faster than real time for ever: paced, in bounded memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeErrors, judgeTs } from '../../support/judge/index.ts';
import { expectWatched, firstBytes, PATHS, Stage } from './stage.ts';

const SECONDS = 16;
/** What a source may be ahead of real time (15 s), and what lies in sockets on the way. */
const MOST_AHEAD_SECONDS = 15 + 8;

describe('a provider in a hurry', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open({
      channels: { '/burst.ts': { burstSeconds: 8 }, '/fast.ts': { fixture: '640x360', speed: 6 } },
    });
  });
  afterAll(() => stage.close());

  it('sends 8 s at once: viewers get them as media, and the stream goes on in real time', async () => {
    for (const [path, viewing] of await stage.play('/burst.ts', { seconds: 6 })) {
      expectWatched(viewing, { video: true, audio: true, maxGapMs: 450, frameTicks: 3_600, minSeconds: 6 });
      expect(viewing.verdict.durationSeconds, path).toBeLessThan(6 + 8 + 4);
    }
  });

  it('sends six times as fast as real time for ever: it is read at its pace, and memory stays bounded', async () => {
    const channel = stage.source.channel('/fast.ts');
    const viewers = await Promise.all(PATHS.map((path) => stage.watch(channel.url, path)));
    await firstBytes(viewers);
    await sleep(4_000);
    const early = stage.worker.rssBytes();
    await sleep((SECONDS - 4) * 1_000);
    const grownBy = stage.worker.rssBytes() - early;
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    const stats = await channel.stats();
    for (const recording of recordings) {
      const verdict = judgeTs(recording);
      const seen = {
        recording,
        verdict,
        stats: { ...stats, total: 1 },
        decodeErrors: await decodeErrors(recording.bytes),
        marks: [],
      };
      expectWatched(seen, { video: true, audio: true, maxGapMs: 450, frameTicks: 3_600 });
      expect(verdict.durationSeconds).toBeLessThan(SECONDS + MOST_AHEAD_SECONDS);
    }
    // Two rings of at most 48 MB, and what the garbage collector has not looked at yet.
    expect(grownBy).toBeLessThan(100 * 2 ** 20);
  });
});
