/** hls.js shows the subtitles of a broadcast at their pictures, over the change of a programme too. */

import { afterAll, beforeAll, describe, expect } from 'vitest';
import { BroadcastClient, stretchesOf } from '../support/broadcast-client.ts';
import { startFileSource } from '../support/file-source.ts';
import { picturesIn } from '../support/numbered/decoded.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { staged } from '../support/stage.ts';
import { FILM_SUBTITLES, startSubtitles } from '../support/subtitles.ts';

let players: HlsPlayers;

describe.skipIf(CHROMIUM === undefined)('hls.js', () => {
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  staged('shows the subtitles of two programmes at their pictures', async ({ stage }) => {
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const subtitles = await startSubtitles();
    stage.closeAfter(() => subtitles.close());
    const worker = await stage.worker({ HLS_SEGMENT_TIME: '1' });
    const film = { stream_url: files.url('numbered.mkv'), subtitle_url: subtitles.url };
    const channel = new BroadcastClient('film');
    await channel.start(worker, {
      ...{ ...film, dvr_mode: true, hls_list_size: 0, segment_duration: 2, seek_seconds: 15 },
      next_stream_config: { ...film, seek_seconds: 5.4, duration_seconds: 8 },
    });
    await channel.listed(worker, 6, 30_000);
    await channel.stop(worker);
    const played = await players.hlsjs({ url: `${worker.url}/broadcast/film/master.m3u8`, seconds: 12 });
    expect(played.fatal).toEqual([]);
    const stretches = stretchesOf(await channel.download(worker));
    expect(stretches).toHaveLength(2);
    let at = 0;
    const expected: (readonly [string, number])[] = [];
    for (const stretch of stretches) {
      const [first] = await picturesIn(stretch[0]?.bytes ?? Buffer.alloc(0));
      const from = (first?.number ?? 0) / 25;
      const seconds = stretch.reduce((sum, each) => sum + each.seconds, 0);
      // A cue that has begun before the first picture begins with that.
      for (const { n, start, end } of FILM_SUBTITLES) {
        if (start < from + seconds - 0.1 && end > from + 0.1)
          expected.push([`cue ${n}`, Math.max(0, at + start - from)]);
      }
      at += seconds;
    }
    const shown = played.cues.map((cue, n) => [cue, played.cueStarts[n] ?? Number.NaN] as const);
    shown.sort((one, other) => one[1] - other[1]);
    expect(shown.map(([cue]) => cue)).toEqual(expected.map(([cue]) => cue));
    for (const [n, [cue, start]] of shown.entries())
      expect([cue, start]).toEqual([cue, expect.closeTo(expected[n]?.[1] ?? Number.NaN, 1)]);
  });
});
