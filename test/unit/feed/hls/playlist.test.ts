/** Playlists by tables, each one read by a strict parser that is not ours. */

import { parse, setOptions, type types } from 'hls-parser';
import { describe, expect, it } from 'vitest';
import {
  type MediaPlaylist,
  mediaPlaylist,
  multivariantPlaylist,
  type PlaylistSegment,
} from '../../../../services/proxy/src/feed/hls/playlist.ts';
import {
  firstTargetDuration,
  grownTargetDuration,
  windowLength,
} from '../../../../services/proxy/src/feed/hls/window.ts';

setOptions({ strictMode: true });

const WALL_MS = Date.UTC(2026, 0, 1, 12);

function segments(count: number, changes: (at: number) => Partial<PlaylistSegment> = () => ({})): PlaylistSegment[] {
  return Array.from({ length: count }, (_, at) => ({
    n: 436_001_234 + at,
    seconds: 2,
    pdtMs: WALL_MS + 2_000 * at,
    discontinuity: false,
    discontinuities: 1,
    ...changes(at),
  }));
}

function read(playlist: MediaPlaylist): { text: string; parsed: types.MediaPlaylist } {
  const text = mediaPlaylist(playlist);
  const parsed = parse(text);
  if (parsed.isMasterPlaylist) throw new Error('this is no media playlist');
  return { text, parsed: parsed as types.MediaPlaylist };
}

const TS: MediaPlaylist = { container: 'ts', targetDuration: 2, independent: true, segments: segments(4) };
const parts = (count: number) =>
  Array.from({ length: count }, (_, p) => ({ seconds: p === 5 ? 0.35 : 0.33, independent: p === 0 }));
const LOW: MediaPlaylist = {
  container: 'fmp4',
  targetDuration: 2,
  independent: true,
  partTarget: 0.36,
  segments: segments(15, () => ({ init: 'a1b2c3d4', parts: parts(6) })),
  open: {
    n: 436_001_249,
    pdtMs: WALL_MS + 30_000,
    discontinuity: false,
    discontinuities: 1,
    init: 'a1b2c3d4',
    parts: parts(2),
  },
};

describe('a media playlist', () => {
  it('of MPEG-TS', () => {
    const { text, parsed } = read({ ...TS, segments: segments(2, (at) => ({ discontinuity: at === 0 })) });
    expect(text).toBe(`#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA-SEQUENCE:436001234
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T12:00:00.000Z
#EXTINF:2.00000,
segment.ts?n=436001234
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T12:00:02.000Z
#EXTINF:2.00000,
segment.ts?n=436001235
`);
    expect(parsed.segments.map(({ uri }) => uri)).toEqual(['segment.ts?n=436001234', 'segment.ts?n=436001235']);
  });

  it('of fragmented mp4 names each initialisation once', () => {
    const { text, parsed } = read({
      ...TS,
      container: 'fmp4',
      segments: segments(5, (at) => ({ init: at < 3 ? 'aaaaaaaa' : 'bbbbbbbb' })),
    });
    expect(parsed.version).toBe(7);
    expect(text.match(/#EXT-X-MAP:.*/g)).toEqual([
      '#EXT-X-MAP:URI="segment.mp4?k=aaaaaaaa"',
      '#EXT-X-MAP:URI="segment.mp4?k=bbbbbbbb"',
    ]);
    expect(parsed.segments.map(({ map }) => map?.uri)).toEqual([
      ...Array(3).fill('segment.mp4?k=aaaaaaaa'),
      ...Array(2).fill('segment.mp4?k=bbbbbbbb'),
    ]);
  });

  it.each([
    ['inside the window', (at: number) => ({ discontinuity: at === 2, discontinuities: at < 2 ? 4 : 5 }), 4],
    ['at its first segment', (at: number) => ({ discontinuity: at === 0, discontinuities: 5 }), 4],
    ['that has left it', () => ({ discontinuities: 5 }), 5],
  ])('counts a discontinuity %s', (_, changes, before) => {
    const { parsed } = read({ ...TS, segments: segments(4, changes) });
    expect(parsed.discontinuitySequenceBase).toBe(before);
  });

  it('says where nobody has media, when open groups are used, and when nothing follows', () => {
    const { text, parsed } = read({
      ...TS,
      independent: false,
      ended: true,
      segments: segments(4, (at) => ({ gap: at === 1 })),
    });
    expect(text).toContain('#EXT-X-GAP\n#EXTINF:2.00000,\nsegment.ts?n=436001235');
    expect(text.match(/EXT-X-GAP/g)).toHaveLength(1);
    expect(text).not.toContain('INDEPENDENT');
    expect(parsed.endlist).toBe(true);
  });

  it('without a segment is none that a parser refuses', () => {
    expect(read({ ...TS, segments: [] }).parsed.segments).toEqual([]);
  });
});

describe('a playlist of low latency', () => {
  it('lists the parts of the last three target durations, and what comes next', () => {
    const { text, parsed } = read(LOW);
    expect(parsed.version).toBe(9);
    expect(parsed.partTargetDuration).toBe(0.36);
    expect(parsed.lowLatencyCompatibility).toMatchObject({
      canBlockReload: true,
      canSkipUntil: 12,
      partHoldBack: 1.08,
    });
    const listed = parsed.segments.filter((segment) => segment.parts.length > 0);
    expect(listed.map(({ mediaSequenceNumber }) => mediaSequenceNumber)).toEqual([
      436_001_247, 436_001_248, 436_001_249,
    ]);
    expect(text.trimEnd().split('\n').slice(-4)).toEqual([
      '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T12:00:30.000Z',
      '#EXT-X-PART:DURATION=0.33,URI="segment.m4s?n=436001249&p=0",INDEPENDENT=YES',
      '#EXT-X-PART:DURATION=0.33,URI="segment.m4s?n=436001249&p=1"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="segment.m4s?n=436001249&p=2"',
    ]);
  });

  it('hints at the first part of a segment that has not begun', () => {
    const { text } = read({ ...LOW, open: { ...(LOW.open as NonNullable<MediaPlaylist['open']>), parts: [] } });
    expect(text.trimEnd().split('\n').at(-1)).toBe('#EXT-X-PRELOAD-HINT:TYPE=PART,URI="segment.m4s?n=436001249&p=0"');
  });

  it('leaves out what is further from the end than six target durations', () => {
    const whole = read(LOW).text.split('\n');
    const { text, parsed } = read({ ...LOW, skips: true });
    expect(parsed.skip).toBe(9);
    const [head, rest = ''] = text.split('#EXT-X-SKIP:SKIPPED-SEGMENTS=9\n');
    expect(head).toBe(`${whole.slice(0, 8).join('\n')}\n`);
    // Behind it stands what the whole list has, and no initialisation that the reader knows.
    expect(whole.join('\n').endsWith(rest)).toBe(true);
    expect(rest.startsWith('#EXT-X-PROGRAM-DATE-TIME')).toBe(true);
    expect(rest.match(/#EXTINF/g)).toHaveLength(6);
  });

  it('leaves out nothing of a short list', () => {
    expect(mediaPlaylist({ ...LOW, segments: LOW.segments.slice(-6), skips: true })).not.toContain('SKIP:');
  });

  it('names a part that nobody has', () => {
    const open = {
      ...(LOW.open as NonNullable<MediaPlaylist['open']>),
      parts: [{ seconds: 0.33, independent: true, gap: true }],
    };
    expect(read({ ...LOW, open }).text).toContain('INDEPENDENT=YES,GAP=YES');
  });
});

describe('the entry', () => {
  const entry = {
    uri: '../0123-abcd/playlist.m3u8',
    bandwidth: 4_000_000,
    codecs: ['avc1.64001f', 'mp4a.40.2'],
    size: { width: 1280, height: 720 },
    frameRate: 30_000 / 1_001,
    independent: true,
  };

  it('has one variant, with a tenth more than the peak', () => {
    const text = multivariantPlaylist(entry);
    const { variants } = parse(text) as types.MasterPlaylist;
    expect(variants).toHaveLength(1);
    expect(variants[0]).toMatchObject({
      uri: entry.uri,
      bandwidth: 4_400_000,
      codecs: 'avc1.64001f,mp4a.40.2',
      resolution: { width: 1280, height: 720 },
    });
    expect(text).toContain('FRAME-RATE=29.970');
  });

  it('says nothing of what it does not know', () => {
    const text = multivariantPlaylist({ uri: 'playlist.m3u8', bandwidth: 0, codecs: [], independent: false });
    expect(text).toBe('#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-STREAM-INF:BANDWIDTH=1\nplaylist.m3u8\n');
    expect((parse(text) as types.MasterPlaylist).variants).toHaveLength(1);
  });
});

describe('the window', () => {
  it.each([
    [[2, 2, 2, 2, 2, 2], { segments: 4 }, 2, 4],
    [[2, 2, 2], { segments: 15 }, 2, 3],
    [[2, 2, 2, 2, 2, 2], { seconds: 8 }, 2, 4],
    [[2, 2, 2, 2, 2, 2], { seconds: 7 }, 2, 4],
    // Three target durations stay, whatever is asked.
    [[2, 2, 2, 2, 2, 2], { segments: 1 }, 2, 3],
    [[10, 2, 2, 2, 2, 2], { seconds: 4 }, 4, 6],
    [[], { segments: 15 }, 2, 0],
  ] as const)('of %j is %j long at %d s', (seconds, size, target, expected) => {
    expect(windowLength(seconds, size, target)).toBe(expected);
  });

  it.each([
    ['clock', 2, undefined, 2],
    ['clock', 2.5, undefined, 3],
    ['source', 2, undefined, 4],
    ['source', 2, 3.2, 4],
    ['source', 2, 10, 10],
    ['source', 3, 5.5, 6],
  ] as const)('begins with a target duration: %s list, %d s, longest step %d s', (list, seconds, step, expected) => {
    expect(firstTargetDuration(list, seconds, step)).toBe(expected);
  });

  it('has a target duration that only grows', () => {
    expect([2, 4.4, 4.5, 1].map((seconds) => grownTargetDuration(4, seconds))).toEqual([4, 4, 5, 4]);
  });
});
