/** The playlist of a broadcast, as programs read it that fetch each line without `#`. */

import { describe, expect, it } from 'vitest';
import {
  masterPlaylist,
  recordingPlaylist,
} from '../../../../services/proxy/src/broadcasts/store/recording-playlist.ts';
import type { BroadcastState } from '../../../../services/registry/broadcasts/broadcast.ts';
import { BEGIN_MS, indexOf } from '../support.ts';

const linesOf = (text: string) => text.split('\n');

describe('a kept sequence', () => {
  const index = indexOf([{}, { discontinuity: true, seconds: 5.76, pdtMs: BEGIN_MS + 6_000 }], { startNumber: 12 });

  it('grows', () => {
    expect(linesOf(recordingPlaylist({ ...index, state: 'running' }))).toEqual([
      '#EXTM3U',
      '#EXT-X-VERSION:3',
      '#EXT-X-TARGETDURATION:6',
      '#EXT-X-PLAYLIST-TYPE:EVENT',
      '#EXT-X-MEDIA-SEQUENCE:12',
      '#EXT-X-DISCONTINUITY-SEQUENCE:0',
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z',
      '#EXTINF:6.00000,',
      'live000012.ts',
      '#EXT-X-DISCONTINUITY',
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:06.000Z',
      '#EXTINF:5.76000,',
      'live000013.ts',
      '',
    ]);
  });

  it.each<[BroadcastState, boolean]>([
    ['starting', false],
    ['running', false],
    ['stopping', false],
    ['stopped', true],
    ['failed', true],
  ])('with the state %s, has ended: %s', (state, isOver) => {
    expect(recordingPlaylist({ ...index, state }).endsWith('\n#EXT-X-ENDLIST\n')).toBe(isOver);
  });
});

describe('a window', () => {
  const window = { kept: false, listSize: 2 };

  it('moves on, and never ends', () => {
    const index = indexOf([{ discontinuity: true }, {}, {}], window);
    const lines = linesOf(recordingPlaylist({ ...index, state: 'failed' }));
    expect(lines.filter((line) => !line.startsWith('#'))).toEqual(['live000001.ts', 'live000002.ts', '']);
    expect(lines).toContain('#EXT-X-MEDIA-SEQUENCE:1');
    expect(lines).toContain('#EXT-X-DISCONTINUITY-SEQUENCE:1');
    expect(lines.filter((line) => /ENDLIST|PLAYLIST-TYPE/.test(line))).toEqual([]);
  });

  it('begins with the next number where it has no segment', () => {
    const index = indexOf([], { ...window, startNumber: 30 });
    expect(linesOf(recordingPlaylist(index))).toContain('#EXT-X-MEDIA-SEQUENCE:30');
  });
});

it('fetches nothing but segments, whatever is in it', () => {
  const index = indexOf([{}, { discontinuity: true }, { seconds: 0.5 }]);
  const fetched = linesOf(recordingPlaylist({ ...index, state: 'stopped' })).filter(
    (line) => line !== '' && !line.startsWith('#'),
  );
  expect(fetched).toHaveLength(3);
  for (const line of fetched) expect(line).toMatch(/^live\d+\.ts$/);
});

it('lists the subtitles as it lists the media', () => {
  const index = indexOf([{}, { discontinuity: true }], { startNumber: 12 });
  expect(recordingPlaylist(index, 'vtt')).toBe(recordingPlaylist(index).replaceAll('.ts\n', '.vtt\n'));
});

it('names both playlists in one for players', () => {
  const segments = [{ bytes: 750_000 }, { bytes: 1_500_000 }];
  expect(linesOf(masterPlaylist(indexOf(segments)))).toEqual([
    ...['#EXTM3U', '#EXT-X-VERSION:3', '#EXT-X-STREAM-INF:BANDWIDTH=2000000', 'segment/live.m3u8', ''],
  ]);
  const subtitles = { url: 'http://media.example/1.srt', headers: {}, language: 'de', seekSeconds: 0 };
  expect(linesOf(masterPlaylist(indexOf(segments, { subtitles })))).toEqual([
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="de",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,URI="segment/live_vtt.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=2000000,SUBTITLES="subtitles"',
    'segment/live.m3u8',
    '',
  ]);
});
