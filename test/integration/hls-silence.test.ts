// Films whose sound ends before the pictures, or begins behind them: their segments have silence, and nothing changes for players.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { FINITE_SECONDS } from '../support/fixtures.ts';
import { HlsViewer } from '../support/hls-viewer.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { COPY, LIGHT, staged } from '../support/stage.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2' };
/** Pictures that an encoder holds back, and a frame of sound. */
const SPARE_SECONDS = 0.3;

/** Each segment of a film, and the texts of its playlists. */
async function played(viewer: HlsViewer): Promise<{ segments: Map<number, Buffer>; texts: string[] }> {
  const segments = new Map<number, Buffer>();
  const texts: string[] = [];
  for (;;) {
    const { numbers, text, parsed } = await viewer.playlist();
    texts.push(text);
    const due = numbers.filter((n) => !segments.has(n));
    for (const n of due) segments.set(n, await viewer.segment(n));
    if (parsed.endlist && due.length === 0) return { segments, texts };
    if (due.length === 0) await sleep(100);
  }
}

const FILMS = (['sound-ends.mkv', 'sound-begins.mkv'] as const).flatMap((name) =>
  [COPY, LIGHT].map((profile) => ({ name, profile })),
);

staged.concurrent.for(FILMS)(
  'has sound in all segments of $name, by $profile',
  async ({ name, profile }, { stage }) => {
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: files.url(name), profile });
    const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const [ts, fmp4] = await Promise.all(
      ['ts', 'fmp4'].map(async (container) =>
        played(await HlsViewer.open(`${entry}?container=${container}&client_id=${container}`)),
      ),
    );
    if (ts === undefined || fmp4 === undefined) throw new Error('both containers');
    const media = Buffer.concat([...ts.segments.values()]);
    expectClean(judgeTs(media, { gapMs: 100 }), {
      video: true,
      audio: true,
      minSeconds: FINITE_SECONDS - SPARE_SECONDS,
      maxGapMs: 100,
      maxSignalled: 0,
    });
    for (const segment of ts.segments.values()) expect(judgeTs(segment).audio?.pesCount).toBeGreaterThan(0);
    for (const text of [...ts.texts, ...fmp4.texts]) {
      // A list that begins says so.
      expect(text.match(/#EXT-X-DISCONTINUITY$/gm)?.length ?? 0).toBeLessThanOrEqual(1);
    }
    const maps = new Set(fmp4.texts.flatMap((text) => text.match(/segment\.mp4\?k=\w+/g) ?? []));
    // That of the copy is mono, which nobody knew before it began.
    expect(maps.size).toBe(name === 'sound-begins.mkv' && profile === COPY ? 2 : 1);
    expect(await decodeErrors(media)).toEqual([]);
    await worker.api.request('DELETE', `/streams/${stream_id}`);
  },
);
