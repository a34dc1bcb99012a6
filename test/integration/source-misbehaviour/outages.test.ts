/** What gets lost on the way: packets, pictures, seconds, connections. Nothing more is lost than that, and nobody is cut off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChannelControl, ChannelOptions } from '../../support/live-source.ts';
import { expectInSync, expectWatched, PATHS, type Path, Stage, type Viewing, withMarks } from './stage.ts';

const SECONDS = 18;
const AT_MS = 6_000;
/** As LIVE_CHUNK_TIMEOUT_SECONDS: between the short and the long stall. */
const CHUNK_TIMEOUT_SECONDS = 4;
/** A PES of sound of the loops. */
const PES_MS = 400;
const GOP_MS = 2_000;

type Act = (channel: ChannelControl) => Promise<void>;

const SCENES: Record<string, { options?: ChannelOptions; act: Act }> = {
  '/mid-packet.ts': { options: { join: 'mid-packet' }, act: (channel) => channel.cutConnections({ midPacket: true }) },
  '/orderly-end.ts': { act: (channel) => channel.cutConnections({ graceful: true }) },
  '/cut-burst.ts': { options: { burstSeconds: 4 }, act: (channel) => channel.cutConnections() },
  '/lost-packets.ts': { options: { fixture: 'plain' }, act: loseNow },
  '/hole.ts': { act: (channel) => channel.stall(3_000, 'lose') },
  '/late.ts': { act: (channel) => channel.stall(3_000, 'burst') },
  '/frozen.ts': { act: (channel) => channel.stall(3_000, 'freeze') },
  '/long-hole.ts': { act: (channel) => channel.stall(6_000, 'lose') },
  '/no-pictures.ts': { act: withoutPictures },
};

async function loseNow(channel: ChannelControl): Promise<void> {
  for (let n = 0; n < 10; n++) {
    await channel.dropPackets(1);
    await sleep(500);
  }
}

async function withoutPictures(channel: ChannelControl): Promise<void> {
  await channel.dropVideo(true);
  await sleep(5_000);
  await channel.dropVideo(false);
}

describe('what gets lost on the way', () => {
  let stage: Stage;
  const scenes = new Map<string, Promise<Map<Path, Viewing>>>();

  beforeAll(async () => {
    const channels = Object.fromEntries(Object.entries(SCENES).map(([path, { options }]) => [path, options ?? {}]));
    stage = await Stage.open(
      { fixture: 'sync', channels },
      { LIVE_CHUNK_TIMEOUT_SECONDS: String(CHUNK_TIMEOUT_SECONDS) },
    );
    for (const [path, { act }] of Object.entries(SCENES)) {
      scenes.set(path, stage.play(path, { seconds: SECONDS, act: (channel) => sleep(AT_MS).then(() => act(channel)) }));
    }
    await Promise.allSettled(scenes.values());
  });

  afterAll(() => stage.close());

  const viewing = async (path: string, by: Path): Promise<Viewing> => {
    const found = (await scenes.get(path))?.get(by);
    if (found === undefined) throw new Error(`nobody watched ${path}`);
    return withMarks(found);
  };

  describe.each(PATHS)('%s', (by) => {
    it.each(['/mid-packet.ts', '/orderly-end.ts'])('%s: a connection that ends is opened again', async (path) => {
      const seen = await viewing(path, by);
      // Lost: what is left of the GOP, and the PES of sound under way. It is opened again at once.
      const maxGapMs = GOP_MS + 2 * PES_MS;
      expectWatched(seen, { video: true, audio: true, connections: 2, maxGapMs, maxStallMs: maxGapMs + 3_000 });
      expect(seen.verdict.video?.gaps.length).toBeLessThanOrEqual(1);
      expectInSync(seen, 2, 0.6);
    });

    it('a new connection that begins with the past: not one picture is lost, and none comes twice', async () => {
      const seen = await viewing('/cut-burst.ts', by);
      expectWatched(seen, {
        video: true,
        audio: true,
        connections: 2,
        maxGapMs: PES_MS,
        frameTicks: 3_600,
        maxSignalled: 0,
      });
      expectInSync(seen, 4);
    });

    it('lost packets: at most the frames they were part of', async () => {
      const seen = await viewing('/lost-packets.ts', by);
      // One packet may take the PES of sound it was in. What the provider's PES lack no proxy can give back.
      const partial = by === 'direct' ? 10 : 0;
      expectWatched(seen, {
        ...{ video: true, audio: true, minSeconds: SECONDS - 4, maxGapMs: 2.1 * PES_MS, maxPartialPes: partial },
        maxDecodeErrors: by === 'direct' ? 100 : 0,
      });
      if (by === 'direct') {
        const signalled = seen.verdict.pids.flatMap((pid) =>
          pid.signalledDiscontinuities.filter((each) => !each.atStart),
        );
        expect(signalled.length).toBeGreaterThanOrEqual(8);
      }
    });

    it('a silence of 3 s in which media is lost: a gap of 3 s, on the same connection', async () => {
      const seen = await viewing('/hole.ts', by);
      expectWatched(seen, {
        video: true,
        audio: true,
        // The one that the silence cuts off is lost, and the one that begins in it.
        maxGapMs: 3_000 + 2 * PES_MS,
        maxStallMs: 6_000,
        minSeconds: SECONDS - 4,
      });
      // Not closed either: time goes on by the provider's clock, or the viewer would fall behind for good.
      expect(Math.max(...[...(seen.verdict.video?.dtsSteps.keys() ?? [])])).toBeGreaterThan(2_900 * 90);
      expectInSync(seen, 2, 0.6);
    });

    it.each(['/late.ts', '/frozen.ts'])('%s: a silence of 3 s in which nothing is lost', async (path) => {
      const seen = await viewing(path, by);
      const least = path === '/late.ts' ? SECONDS - 2 : SECONDS - 5;
      expectWatched(seen, {
        video: true,
        audio: true,
        maxGapMs: PES_MS,
        maxStallMs: 6_000,
        minSeconds: least,
        frameTicks: 3_600,
      });
      expectInSync(seen, 3);
    });

    it('a silence longer than LIVE_CHUNK_TIMEOUT_SECONDS: the source is opened again', async () => {
      const seen = await viewing('/long-hole.ts', by);
      const maxGapMs = 6_000 + GOP_MS + 2 * PES_MS;
      expectWatched(seen, { video: true, audio: true, connections: 2, maxGapMs, maxStallMs: maxGapMs + 3_000 });
      expect(seen.verdict.durationSeconds).toBeGreaterThan(SECONDS - 2);
      expectInSync(seen, 2, 0.6);
    });

    it('pictures that vanish for 5 s: sound goes on, and they come back where it is by then', async () => {
      const seen = await viewing('/no-pictures.ts', by);
      // A muxer waits for pictures before it lets sound pass alone: 2 s (max_interleave_delta).
      // The source goes by its own ticks, which may be late on a busy machine.
      expectWatched(seen, { video: true, audio: true, maxGapMs: 5_600, maxStallMs: 5_000, minSeconds: SECONDS - 2 });
      const { video, audio } = seen.verdict;
      expect(video?.gaps).toHaveLength(1);
      expect(video?.gaps[0]?.gapMs).toBeGreaterThan(4_800);
      expect(audio?.gaps).toEqual([]);
      expectInSync(seen, 2, 0.6);
    });
  });

  it('never had two connections to one channel', async () => {
    for (const path of stage.source.paths) {
      expect(await stage.source.channel(path).stats()).toMatchObject({ maxConcurrent: 1, open: 0 });
    }
  });
});
