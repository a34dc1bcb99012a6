// What the entry of a pooled stream says of it, on a worker that has its feed, on one that has not, and before there is any.
import { parse, type types } from 'hls-parser';
import { expect } from 'vitest';
import type { HlsViewer } from '../support/hls-viewer.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** The one variant of the entry. */
async function variant({ url }: Worker, streamId: string): Promise<types.Variant> {
  const answer = await fetch(`${url}/hls/${streamId}/playlist.m3u8`);
  const [first] = (parse(await answer.text()) as types.MasterPlaylist).variants;
  if (first === undefined) throw new Error('the entry has no variant');
  return first;
}

staged('the entry says what plays, whichever worker has the feed', async ({ stage }) => {
  const cluster = await stage.cluster(2, { HLS_SEGMENT_TIME: '1', CLIENT_TIMEOUT: '2' });
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const [one, two] = cluster.workers as [Worker, Worker];
  const [encoded, copied] = await Promise.all([
    one.api.createTranscode({ url: source.url, profile: LIGHT }),
    one.api.createStream({ url: source.url }),
  ]);
  const streams = [encoded.stream_id, copied.stream_id] as const;
  // Nobody knows yet what plays. The profile asks for 200 kbit/s.
  const cold = await Promise.all(streams.map((id) => variant(two, id)));
  expect(cold).toMatchObject([
    { bandwidth: 220_000, codecs: undefined, resolution: undefined },
    { bandwidth: 1, codecs: undefined, resolution: undefined },
  ]);
  const viewers = await Promise.all(streams.map((id) => stage.hlsViewer(`${one.url}/hls/${id}/playlist.m3u8`)));
  for (const [at, id] of streams.entries()) {
    const viewer = viewers[at] as HlsViewer;
    const { numbers, parsed } = await viewer.playlist();
    const rates: number[] = [];
    for (const [index, n] of numbers.entries()) {
      rates.push(((await viewer.segment(n)).length * 8) / (parsed.segments[index]?.duration ?? 0));
    }
    const here = await variant(one, id);
    expect(here).toMatchObject({ resolution: { width: 320, height: 180 }, frameRate: 25 });
    expect(here.codecs).toMatch(/^avc1\.[0-9a-f]{6},mp4a\.40\.2$/);
    expect(here.bandwidth).toBeGreaterThanOrEqual(Math.max(...rates));
    // The other worker learns it with the next renewal of that one.
    const there = await until(
      async () => {
        const said = await variant(two, id);
        return said.codecs === undefined ? undefined : said;
      },
      { what: 'the other worker to know it' },
    );
    expect(there).toMatchObject({ codecs: here.codecs, resolution: here.resolution, frameRate: 25 });
    expect(there.bandwidth).toBeGreaterThan(here.bandwidth / 2);
  }
  expect((await two.api.get<{ pooling: { feeds: unknown[] } }>('/stats')).body.pooling.feeds).toEqual([]);
});
