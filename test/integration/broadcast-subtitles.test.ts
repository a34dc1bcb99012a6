/** A film with a file of subtitles, as m3u-editor's networks play it: each cue stands at its picture. */

import { expect } from 'vitest';
import { BroadcastClient } from '../support/broadcast-client.ts';
import { startFileSource } from '../support/file-source.ts';
import { picturesIn } from '../support/numbered/decoded.ts';
import { staged } from '../support/stage.ts';
import { cueOf, FILM_SUBTITLES, startSubtitles } from '../support/subtitles.ts';
import type { Worker } from '../support/worker.ts';

const ENCODED = { transcode: true, video_bitrate: '300', video_resolution: '160x96', preset: 'ultrafast' };
const FILM = { segment_duration: 2, hls_list_size: 20 };
const PICTURES_A_SECOND = 25;

/** Requires that the map of each segment's subtitles names the place in the film that its first picture is from. */
async function expectAtTheirPictures(worker: Worker, channel: BroadcastClient): Promise<void> {
  const segments = await channel.download(worker);
  const texts = await channel.subtitles(worker);
  expect(texts).toHaveLength(segments.length);
  for (const [at, { bytes, seconds }] of segments.entries()) {
    const [first] = await picturesIn(bytes);
    const text = texts[at] ?? '';
    const [, ...map] = /X-TIMESTAMP-MAP=LOCAL:(\d\d):(\d\d):(\d\d\.\d{3}),MPEGTS:(\d+)\n/.exec(text) ?? [];
    const [hours = 0, minutes = 0, local = 0, ticks] = map.map(Number);
    expect(ticks).toBe(first?.pts);
    const from = (first?.number ?? 0) / PICTURES_A_SECOND;
    // One picture, where FFmpeg begins between two.
    expect([at, hours * 3_600 + minutes * 60 + local]).toEqual([at, expect.closeTo(from, 1)]);
    const shown = FILM_SUBTITLES.filter(({ start, end }) => start < from + seconds - 0.1 && end > from + 0.1);
    expect(text.match(/^cue \d+$/gm)).toEqual(shown.map(cueOf));
  }
}

staged(
  'cuts the subtitles of a film where its segments are cut, whatever is done with its picture',
  async ({ stage }) => {
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const subtitles = await startSubtitles();
    stage.closeAfter(() => subtitles.close());
    const worker = await stage.worker({ HLS_SEGMENT_TIME: '1' });
    const film = { ...FILM, stream_url: files.url('numbered.mkv'), subtitle_url: subtitles.url };
    await Promise.all(
      [{}, { seek_seconds: 5.4 }, { seek_seconds: 5.4, ...ENCODED }].map(async (more, at) => {
        const channel = new BroadcastClient(`film-${at}`);
        await channel.start(worker, { ...film, ...more });
        await channel.listed(worker, 2);
        await expectAtTheirPictures(worker, channel);
        await channel.stop(worker);
      }),
    );
    const bare = new BroadcastClient('bare');
    await bare.start(worker, { ...film, subtitles_enabled: false });
    expect((await fetch(`${worker.url}/broadcast/bare/segment/live_vtt.m3u8`)).status).toBe(404);
  },
);
