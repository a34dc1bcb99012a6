/** A source that answers and sends is not yet alive: what it sends has to be new, decodable and not over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeTs } from '../../support/judge/index.ts';
import { pictureWidths } from '../../support/picture-widths.ts';
import { type Recording, record } from '../../support/recorder.ts';
import { startWorker, type Worker } from '../../support/worker.ts';
import { type Clip, ClipSource } from './clip-source.ts';
import { CHEAP_PROFILE } from './stage.ts';

/** As long as the clips' loops. */
const CLIP_SECONDS = 8;
const STREAM_TIMEOUT_SECONDS = 6;
/** The spare source has another size, by which it is known. */
const SPARE_WIDTH = 480;

const CLIPS = {
  '/spare.ts': { fixture: 'other', burstSeconds: 1, after: 'again' },
  '/offline.ts': { fixture: 'plain' },
  '/offline-same-connection.ts': { fixture: 'plain', after: 'again' },
  '/recording': { fixture: 'plain', burstSeconds: 4, speed: 2 },
  '/timeshift/u/p/1/1.ts': { fixture: 'plain', burstSeconds: 4, speed: 2 },
  '/scrambled.ts': { fixture: 'plain', after: 'again', scrambledSeconds: 600 },
  '/late-descrambler.ts': { fixture: 'plain', after: 'again', scrambledSeconds: 3 },
} satisfies Record<string, Clip>;

type Path = 'direct' | 'shared' | 'transcoded';
const PATHS: readonly Path[] = ['direct', 'shared', 'transcoded'];

describe('a source that is not alive', () => {
  let source: ClipSource;
  let workers: Record<'own' | 'shared', Worker>;
  const seen = new Map<string, Promise<Recording>>();

  const watch = async (path: keyof typeof CLIPS, by: Path, failover: boolean, seconds: number): Promise<Recording> => {
    const { api } = by === 'direct' ? workers.own : workers.shared;
    // One viewer's failover must not be seen by another: each has a URL of its own.
    const body = {
      url: source.url(path),
      headers: { 'x-viewer': `${by} ${failover}` },
      ...(failover ? { failover_urls: [source.url('/spare.ts')] } : {}),
    };
    const stream =
      by === 'transcoded'
        ? await api.createTranscode({ ...body, profile: CHEAP_PROFILE })
        : await api.createStream(body);
    return record(stream.playUrl, { seconds });
  };

  beforeAll(async () => {
    source = await ClipSource.start(CLIPS);
    const env = { STREAM_TIMEOUT: String(STREAM_TIMEOUT_SECONDS), STREAM_RETRY_DELAY: '0.3' };
    const [own, shared] = await Promise.all([
      startWorker(env),
      startWorker({ ...env, SHARE_DIRECT_STREAMS: 'true', SHARED_STREAM_GRACE: '1' }),
    ]);
    workers = { own, shared };
    const start = (key: string, recording: Promise<Recording>) => {
      seen.set(key, recording);
      recording.catch(() => undefined);
    };
    for (const by of PATHS) {
      start(`offline ${by}`, watch('/offline.ts', by, true, 3 * CLIP_SECONDS));
      start(`looped ${by}`, watch('/offline-same-connection.ts', by, true, 3 * CLIP_SECONDS));
      start(`recording ${by}`, watch('/recording', by, false, 20));
      start(`timeshift ${by}`, watch('/timeshift/u/p/1/1.ts', by, true, 20));
      start(`scrambled ${by}`, watch('/scrambled.ts', by, true, 2 * STREAM_TIMEOUT_SECONDS));
      start(`late ${by}`, watch('/late-descrambler.ts', by, false, 12));
    }
    await Promise.allSettled(seen.values());
  });

  afterAll(async () => {
    await Promise.all([workers.own.stop(), workers.shared.stop()]);
    await source.close();
  });

  const recordingOf = async (key: string): Promise<Recording> => {
    const recording = await seen.get(key);
    if (recording === undefined) throw new Error(`nobody watched ${key}`);
    return recording;
  };

  describe.each(PATHS)('%s', (by) => {
    it('goes to the next source when a clip ends and begins again', async () => {
      const recording = await recordingOf(`offline ${by}`);
      expect(recording).toMatchObject({ status: 200, endedBy: 'limit' });
      expect(await lastWidth(recording)).toBe(SPARE_WIDTH);
    });

    it('goes to the next source when a clip loops on one connection', async () => {
      const recording = await recordingOf(`looped ${by}`);
      expect(recording).toMatchObject({ status: 200, endedBy: 'limit' });
      expect(await lastWidth(recording)).toBe(SPARE_WIDTH);
    });

    it('plays a recording once, and ends', async () => {
      const recording = await recordingOf(`recording ${by}`);
      expect(recording).toMatchObject({ status: 200, endedBy: 'end' });
      const { durationSeconds } = judgeTs(recording);
      // Who shares begins at the newest keyframe behind the join buffer, not with what came at once before.
      expect(durationSeconds).toBeGreaterThan(CLIP_SECONDS - (by === 'shared' ? 3 : 1));
      expect(durationSeconds).toBeLessThan(CLIP_SECONDS + 1);
    });

    it('does not open a programme that is over a second time, nor another source in its place', async () => {
      expect(await recordingOf(`timeshift ${by}`)).toMatchObject({ status: 200, endedBy: 'end' });
      expect(source.connections.get('/timeshift/u/p/1/1.ts')).toBe(PATHS.length);
    });

    it('leaves a source that stays scrambled within STREAM_TIMEOUT', async () => {
      const recording = await recordingOf(`scrambled ${by}`);
      expect(recording.status).toBe(200);
      expect(await lastWidth(recording)).toBe(SPARE_WIDTH);
    });

    it('waits for a late descrambler', async () => {
      const recording = await recordingOf(`late ${by}`);
      expect(recording).toMatchObject({ status: 200, endedBy: 'limit' });
      expect(judgeTs(recording).video?.ptsList.length).toBeGreaterThan(100);
    });
  });
});

/** Width of the newest picture. */
async function lastWidth(recording: Recording): Promise<number | undefined> {
  return (await pictureWidths(recording.bytes)).at(-1);
}
