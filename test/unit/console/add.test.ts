// What the form of a new stream asks for, the command that does the same, and what is said of a source.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { type Look, sentenceOf } from '../../../services/console/src/add/look.ts';
import { badHeaders, commandOf, EMPTY, lookOf, orderOf } from '../../../services/console/src/add/order.ts';

const URL_ONE = 'http://tv.example/live/user/pass/1.ts';

describe('the order', () => {
  it('is a direct stream without a profile', () => {
    expect(orderOf({ ...EMPTY, url: ` ${URL_ONE} `, variables: { crf: '1' } })).toEqual({
      path: '/streams',
      body: { url: URL_ONE },
    });
  });

  it('has all that was given, and nothing that was not', () => {
    const form = {
      ...{ url: URL_ONE, name: 'BBC One', profile: '720p', variables: { video_bitrate: '3M', audio_bitrate: ' ' } },
      ...{ backups: `${URL_ONE}2\n\n  ${URL_ONE}3`, userAgent: 'VLC/3', headers: 'Referer: https://a.example/\nX-A:b' },
    };
    expect(orderOf(form)).toEqual({
      path: '/transcode',
      body: {
        ...{ url: URL_ONE, profile: '720p', profile_variables: { video_bitrate: '3M' } },
        ...{ failover_urls: [`${URL_ONE}2`, `${URL_ONE}3`], user_agent: 'VLC/3', metadata: { name: 'BBC One' } },
        headers: { Referer: 'https://a.example/', 'X-A': 'b' },
      },
    });
    expect(lookOf(form)).toEqual({
      ...{ url: URL_ONE, user_agent: 'VLC/3' },
      headers: { Referer: 'https://a.example/', 'X-A': 'b' },
    });
  });

  it('says which lines are no headers', () => {
    expect(badHeaders({ ...EMPTY, headers: 'A: b\nno header\nX Y: z\nEmpty:' })).toEqual([
      'no header',
      'X Y: z',
      'Empty:',
    ]);
  });
});

describe('the command', () => {
  const order = orderOf({ ...EMPTY, url: `${URL_ONE}?a=1&b=2`, name: `it's "$HOME" \`id\` \\ \u{1f4fa}` });

  it('gives a shell exactly what the page sends', () => {
    const command = commandOf(order, 'http://proxy.example:8085/m3u-proxy', false);
    // A function in place of curl prints what it was given, each between zero bytes.
    const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
    const given = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
    expect(given.slice(0, 4)).toEqual([
      'http://proxy.example:8085/m3u-proxy/streams',
      '-H',
      'Content-Type: application/json',
      '-d',
    ]);
    expect(JSON.parse(given[4] ?? '')).toEqual(order.body);
    expect(given).toHaveLength(5);
  });

  it('names the token without having it', () => {
    expect(commandOf(order, 'http://proxy.example', true)).toContain('-H "X-API-Token: $API_TOKEN"');
  });
});

describe('what is said of a source', () => {
  const found = {
    state: 'found' as const,
    ...{ bytes: 1_500_000, took_ms: 3_000, variants: null, resolution: null, file_bytes: null },
    ...{ video_codec: null, fps: null, audio_codec: null, audio_channels: null },
  };

  it.each<[Look, string, RegExp]>([
    [{ ...found, kind: 'mpegts' }, 'good', /live stream of MPEG-TS\. It sent 1\.5 MB in 3,000 ms/],
    [{ ...found, kind: 'mpegts', bytes: 500_000 }, 'good', /500 kB/],
    [
      { ...found, kind: 'mpegts', resolution: '1920x1080', fps: 25, video_codec: 'h264', audio_codec: 'aac' },
      'good',
      /MPEG-TS\. 1920x1080 at 25 fps h264 \+ aac\. It sent/,
    ],
    [{ ...found, kind: 'mpegts', audio_codec: 'mp2', audio_channels: 'stereo' }, 'good', /MPEG-TS\. mp2 stereo\. It/],
    [{ ...found, kind: 'hls', variants: 3, resolution: '1920x1080' }, 'good', /3 variants, the largest 1920x1080/],
    [{ ...found, kind: 'hls' }, 'good', /^HLS\.$/],
    [{ ...found, kind: 'dash' }, 'good', /^DASH\. It plays without a profile only\.$/],
    [{ ...found, kind: 'file', file_bytes: 700_000_000 }, 'good', /700 MB/],
    [{ ...found, kind: 'other' }, 'good', /choose a profile/],
    [{ state: 'list', channels: 1_200, names: ['A', '<b>'] }, 'bad', /1,200 channels, such as A, <b>\).*m3u-editor/],
    [{ state: 'playing', streams: ['BBC One'] }, 'good', /already: BBC One\./],
    [{ state: 'full', streams: ['BBC One', 'BBC Two'] }, 'warn', /full.*: BBC One, BBC Two\./],
    [{ state: 'full', streams: [] }, 'warn', /what plays\.$/],
    [
      { state: 'failed', reason: 'The source answered 404\u202e.' },
      'bad',
      /It does not play\. The source answered 404�/,
    ],
  ])('%o', (look, tone, text) => {
    const said = sentenceOf(look);
    expect(said.tone).toBe(tone);
    expect(said.text).toMatch(text);
  });
});
