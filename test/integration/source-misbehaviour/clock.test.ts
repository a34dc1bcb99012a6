/** A provider's clock that jumps, wraps and starts again: viewers see one time that goes on, sound and pictures together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectInSync, expectWatched, PATHS, type Path, Stage, type Viewing, withMarks } from './stage.ts';

const WRAP = 2 ** 33;
const SECONDS = 14;
const JUMP_AT_MS = 6_000;

const JUMPS: Record<string, number> = {
  '/back-4s.ts': -4,
  '/back-30s.ts': -30,
  '/back-110s.ts': -110,
  '/ahead-10s.ts': 10,
  '/ahead-1h.ts': 3600,
};

describe('a clock that misbehaves', () => {
  let stage: Stage;
  const scenes = new Map<string, Promise<Map<Path, Viewing>>>();

  beforeAll(async () => {
    stage = await Stage.open({
      fixture: 'sync',
      channels: {
        ...Object.fromEntries(Object.keys(JUMPS).map((path) => [path, {}])),
        // The wrap comes while both viewers watch.
        '/wrap.ts': { startPts: WRAP - 8 * 90_000 },
        '/before-wrap.ts': { startPts: WRAP - 30 * 90_000 },
        '/restart.ts': { clock: 'restart' },
      },
    });
    for (const path of stage.source.paths) {
      scenes.set(
        path,
        stage.play(path, {
          seconds: SECONDS,
          act: async (channel) => {
            await sleep(JUMP_AT_MS);
            const jump = JUMPS[path];
            if (jump !== undefined) await channel.jump(jump);
            if (path === '/restart.ts') await channel.cutConnections();
          },
        }),
      );
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
    it.each(Object.keys(JUMPS))('%s: the jump is closed, and nothing is lost', async (path) => {
      const seen = await viewing(path, by);
      // No media is lost, so pictures go on by about a frame, and a PES of sound (0.38 s as FFmpeg makes the loop) by its length.
      expectWatched(seen, { video: true, audio: true, minSeconds: SECONDS - 4, maxGapMs: 450, maxStallMs: 3_000 });
      const steps = [...(seen.verdict.video?.dtsSteps.keys() ?? [])];
      expect(Math.max(...steps)).toBeLessThan(100 * 90);
      expectInSync(seen, 3);
    });

    it('the 33-bit wrap during play: not noticed', async () => {
      const seen = await viewing('/wrap.ts', by);
      const frameTicks = 3_600;
      expectWatched(seen, {
        video: true,
        audio: true,
        minSeconds: SECONDS - 4,
        maxGapMs: 450,
        frameTicks,
        maxSignalled: 0,
      });
      expectInSync(seen, 3);
    });

    it('a start 30 s before the wrap: pictures from the first second on', async () => {
      const seen = await viewing('/before-wrap.ts', by);
      expectWatched(seen, { video: true, audio: true, minSeconds: SECONDS - 4, maxGapMs: 450, frameTicks: 3_600 });
      expectInSync(seen, 3);
    });

    it('a clock that starts anew with each connection: only the time between them is missing', async () => {
      const seen = await viewing('/restart.ts', by);
      // 1 s until the source is tried again, up to a GOP of 2 s to its next keyframe, and the PES of sound that was cut.
      expectWatched(seen, { video: true, audio: true, connections: 2, maxGapMs: 3_900, maxStallMs: 6_000 });
      expect(seen.verdict.video?.gaps).toHaveLength(1);
      expectInSync(seen, 2, 0.6);
    });
  });

  it('was one connection for the viewers of both kinds', async () => {
    for (const path of Object.keys(JUMPS)) expect(await stage.source.channel(path).stats()).toMatchObject({ total: 1 });
  });
});
