// A provider changes its programme in mid-stream: a player goes on, encoded or copied, and the playlist says where.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { LoopName } from '../support/fixtures.ts';
import type { MediaPlaylist } from '../support/hls-viewer.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { SwitchingSource } from './source-misbehaviour/switching-source.ts';

interface Change {
  readonly what: string;
  readonly from: LoopName;
  readonly to: LoopName;
  readonly encoded: boolean;
  readonly container: 'ts' | 'fmp4';
}

/** `STREAMPOOL_LONG=1` plays each with the other container, too. */
const CHANGES: readonly Change[] = [
  { what: 'copied pictures get another size', from: 'plain', to: 'other', encoded: false, container: 'fmp4' },
  { what: 'both codecs change, encoded', from: 'plain', to: 'mpeg2', encoded: true, container: 'ts' },
];
const PLAYED: readonly Change[] =
  process.env.STREAMPOOL_LONG === '1'
    ? CHANGES.flatMap((change) => (['ts', 'fmp4'] as const).map((container) => ({ ...change, container })))
    : CHANGES;
const SECONDS = 9;
/** The next keyframe, and what a busy machine takes. */
const GAP_S = 2.5;

describe.skipIf(CHROMIUM === undefined)('in hls.js', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  staged.concurrent.for(PLAYED)('$what, as $container', async ({ from, to, encoded, container }, { stage }) => {
    const channels = { '/from.ts': { fixture: from }, '/to.ts': { fixture: to } };
    const live = await stage.source({ join: 'keyframe', burstSeconds: 3, channels });
    const source = await SwitchingSource.start(live.channel('/from.ts').url);
    const worker = await stage.worker({ SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '2', HLS_PART_TIME: '0' });
    const { stream_id: id } = encoded
      ? await worker.api.createTranscode({ url: source.url, profile: LIGHT })
      : await worker.api.createStream({ url: source.url, share: true });
    const url = `${worker.url}/hls/${id}/playlist.m3u8?container=${container}`;
    const viewer = await stage.hlsViewer(url);
    const first = await viewer.playlist();
    const playing = players.hlsjs({ url, seconds: SECONDS });
    playing.catch(() => undefined);
    await sleep(3_500);
    await source.switchTo(live.channel('/to.ts').url);
    const seen: MediaPlaylist[] = [first];
    const jumpsIn = ({ parsed, numbers }: MediaPlaylist) =>
      numbers.filter((n, at) => n > (first.numbers.at(-1) ?? 0) && parsed.segments[at]?.discontinuity === true);
    await until(
      async () => {
        seen.push(await viewer.playlist());
        return jumpsIn(seen.at(-1) as MediaPlaylist).length > 0;
      },
      { what: 'the discontinuity', everyMs: 200, timeoutMs: 15_000 },
    );
    const played = await playing;
    seen.push(await viewer.playlist());
    expect(new Set(seen.flatMap(jumpsIn)).size).toBe(1);
    const last = seen.at(-1) as MediaPlaylist;
    expect(last.numbers).toEqual(last.numbers.map((_, at) => (last.numbers[0] ?? 0) + at));
    expect(played.fatal).toEqual([]);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall - GAP_S);
    expect(played.frames).toBeGreaterThan(20 * (played.wall - GAP_S));
    expect(played.audioBytes).toBeGreaterThan(1_000);
    expect(source.connections).toBe(1);
    await worker.api.del(`/streams/${id}`);
    await source.close();
  });
});
