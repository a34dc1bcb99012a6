// Low latency: parts of segments of fragmented MP4, playlists and parts that are waited for, and hls.js close behind the source.
import { expect } from 'vitest';
import { parseMetrics } from '../support/metrics.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const SOURCE = { fixture: 'bframes', join: 'keyframe', burstSeconds: 3 } as const;
const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '4' };

staged.concurrent(
  'lists parts, which are the segment, and answers when what was asked for is there',
  async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker({ ...ENV, HLS_SEGMENT_TIME: '1' });
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const viewer = await stage.hlsViewer(`${entry}?container=fmp4`);
    const { parsed, numbers, text } = await viewer.playlist();
    expect(parsed).toMatchObject({ version: 9, partTargetDuration: 0.33 });
    expect(parsed.lowLatencyCompatibility).toMatchObject({ canBlockReload: true, canSkipUntil: 6, partHoldBack: 0.99 });
    expect(text.trimEnd().split('\n').at(-1)).toMatch(
      /^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="segment\.m4s\?n=\d+&p=\d+"$/,
    );
    // A whole segment, part by part: each playlist and each part comes when it is there.
    const n = (numbers.at(-1) ?? 0) + 2;
    const parts: Buffer[] = [];
    for (let p = 0; p < 4; p++) {
      const [playlist, part] = await Promise.all([
        viewer.playlist(undefined, `_HLS_msn=${n}&_HLS_part=${p}`),
        viewer.part(n, p),
      ]);
      const listed = playlist.parsed.segments.find(({ mediaSequenceNumber }) => mediaSequenceNumber === n)?.parts ?? [];
      expect(listed[p]).toMatchObject({ uri: `segment.m4s?n=${n}&p=${p}`, independent: p === 0 || undefined });
      expect(listed[p]?.duration).toBeLessThanOrEqual(0.33);
      parts.push(part);
    }
    const whole = await viewer.playlist(undefined, `_HLS_msn=${n}`);
    expect(whole.numbers).toContain(n);
    expect(Buffer.concat(parts).equals(await viewer.segment(n))).toBe(true);
    // A part behind the last one of a segment stands for the first one of the next.
    const next = await viewer.playlist(undefined, `_HLS_msn=${n}&_HLS_part=4`);
    expect(next.text).toContain(`segment.m4s?n=${n + 1}&p=0`);
    const skipping = await viewer
      .playlist(undefined, `_HLS_msn=${n + 7}&_HLS_skip=YES`)
      .catch((error: Error) => error.message);
    expect(skipping).toMatch(/^the playlist answers 400/);
    const statuses = await Promise.all([
      viewer.ask('_HLS_part=1').then(({ status }) => status),
      viewer.ask('_HLS_msn=x').then(({ status }) => status),
      viewer.partAnswer(n, 9).then(({ status }) => status),
      viewer.partAnswer(n + 9, 0).then(({ status }) => status),
    ]);
    expect(statuses).toEqual([400, 400, 404, 404]);
    const [oldest = 0] = numbers;
    await viewer.playlistWith(oldest + 8);
    const newer = await viewer.ask('_HLS_skip=YES').then((answer) => answer.text());
    const [, skipped] = /^#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)$/m.exec(newer) ?? [];
    expect([Number(skipped) >= 2, newer.match(/^segment\.m4s/gm)?.length]).toEqual([true, 6]);
    const ts = await stage.hlsViewer(`${entry}?container=ts`);
    const plain = await ts.playlist();
    expect([plain.parsed.version, plain.text.includes('PART')]).toEqual([3, false]);
    const last = plain.numbers.at(-1) ?? 0;
    expect((await ts.playlist(undefined, `_HLS_msn=${last + 1}`)).numbers).toContain(last + 1);
  },
);

staged.concurrent('frees what waits when its player goes', async ({ stage }) => {
  const source = await stage.source(SOURCE);
  const worker = await stage.worker(ENV);
  const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const viewer = await stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`);
  const { numbers } = await viewer.playlist();
  const waiting = async () => {
    const answer = await fetch(`${worker.url}/metrics`);
    return parseMetrics(await answer.text()).streampool_hls_blocked_requests;
  };
  const abort = new AbortController();
  const url = `${worker.url}${viewer.path}&_HLS_msn=${(numbers.at(-1) ?? 0) + 2}`;
  const asked = Array.from({ length: 5 }, () => fetch(url, { signal: abort.signal }).catch(() => undefined));
  await until(async () => (await waiting()) === 5, { what: 'five requests that wait' });
  abort.abort();
  await Promise.all(asked);
  await until(async () => (await waiting()) === 0, { what: 'nobody to wait', timeoutMs: 2_000 });
});

staged.skipIf(CHROMIUM === undefined)(
  'plays in hls.js closer to the source than whole segments allow',
  { concurrent: true },
  async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const players = await HlsPlayers.start();
    stage.closeAfter(() => players.close());
    const url = `${worker.url}/hls/${stream_id}/playlist.m3u8?container=fmp4`;
    const played = await players.hlsjs({ url, seconds: 12, lowLatency: true });
    expect(played).toMatchObject({ fatal: [] });
    // Ordinary playback keeps three target durations, which are 6 s. `npm run test:players` has less than 2 s, on a machine of its own.
    expect(played.latency).toBeLessThan(5);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
  },
);
