/** Which variant and which sound of an HLS master FFmpeg is shown. */
import { describe, expect, test } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';
import { wantedVariant } from '../../../../services/proxy/src/processes/wanted-variant.ts';
import { withOneVariant as atUrl } from '../../../../services/proxy/src/upstream/gateway/hls-variant.ts';

const withOneVariant = (text: string, asked: Parameters<typeof atUrl>[1]) =>
  atUrl(text, asked, 'http://tv.test/a/master.m3u8');

const SIZES = {
  low: 'BANDWIDTH=900000,RESOLUTION=640x360',
  mid: 'BANDWIDTH=1800000,RESOLUTION=1280x720',
  midRich: 'BANDWIDTH=2800000,RESOLUTION=1280x720',
  high: 'BANDWIDTH=4500000,RESOLUTION=1920x1080',
  sound: 'BANDWIDTH=64000,CODECS="mp4a.40.2"',
  soundRich: 'BANDWIDTH=128000,CODECS="mp4a.40.2"',
  dark: 'BANDWIDTH=9000000,RESOLUTION=3840x2160,VIDEO-RANGE=PQ,CODECS="hvc1.2.4,mp4a.40.2"',
  unknown: 'BANDWIDTH=700000',
  unknownRich: 'BANDWIDTH=1700000',
};
type Name = keyof typeof SIZES;

const master = (...names: Name[]) =>
  ['#EXTM3U', ...names.flatMap((name) => [`#EXT-X-STREAM-INF:${SIZES[name]}`, `${name}/index.m3u8`])].join('\n');

function wanted(profile: string, languages: readonly string[] = [], attempt = 0) {
  const resolved = resolveProfile({ profile, variables: {}, inputUrl: 'http://a/b' }, NO_HARDWARE);
  return wantedVariant(resolved, languages, attempt);
}

/** The addresses that are left. */
const left = (playlist: string) => playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const template = (output: string) => `-i {input_url} -c:v libx264 ${output} -c:a aac -f mpegts {output_args}`;

describe('the variant that fits', () => {
  test.each<[string, Name[], string, Name]>([
    ['the best, named last', ['low', 'mid', 'high'], 'default', 'high'],
    ['the best, named first', ['high', 'mid', 'low'], 'default', 'high'],
    ['the best, named in the middle', ['low', 'high', 'mid'], '1080p', 'high'],
    ['the smallest that fills a smaller output', ['low', 'mid', 'high'], '720p', 'mid'],
    ['the richest of one size', ['mid', 'midRich', 'high'], '720p', 'midRich'],
    ['the best where none fills the output', ['low', 'mid'], '1080p', 'mid'],
    ['the size of -s', ['high', 'mid', 'low'], template('-s 640x360'), 'low'],
    ['the size of a scaler', ['high', 'mid', 'low'], template('-vf yadif,scale=-2:720,format=yuv420p'), 'mid'],
    ['the best behind an expression', ['low', 'high'], template("-vf scale='min(1280,iw)':-2"), 'high'],
    ['no sound alone', ['sound', 'low', 'mid'], 'default', 'mid'],
    ['sound alone', ['high', 'sound', 'soundRich'], 'audio', 'soundRich'],
    ['the smallest picture for sound', ['high', 'low', 'mid'], 'audio', 'low'],
    ['sound alone where there is nothing else', ['sound', 'soundRich'], 'default', 'soundRich'],
    ['no picture that needs tone mapping', ['dark', 'mid'], 'default', 'mid'],
    ['such a picture where there is no other', ['dark'], 'default', 'dark'],
    ['the bandwidth where no size is told', ['unknown', 'unknownRich'], '720p', 'unknownRich'],
  ])('%s', (_, names, profile, name) => {
    expect(left(withOneVariant(master(...names), wanted(profile)))).toEqual([`${name}/index.m3u8`]);
  });

  test('is followed by the next one after each failure', () => {
    const tries = [0, 1, 2, 3].map((attempt) =>
      left(withOneVariant(master('low', 'mid', 'high'), wanted('720p', [], attempt))),
    );
    expect(tries.flat()).toEqual(['mid', 'high', 'low', 'mid'].map((name) => `${name}/index.m3u8`));
  });

  test('is the one whose address is wanted, and the best of the others where that is not there or has failed', () => {
    const tries = (name: string, attempt = 0) => {
      const address = `http://tv.test/a/${name}/index.m3u8`;
      return left(withOneVariant(master('low', 'mid', 'high'), { ...wanted('720p', [], attempt), address }));
    };
    expect([tries('low'), tries('gone'), tries('low', 1), tries('low', 2)].flat()).toEqual(
      ['low', 'mid', 'mid', 'high'].map((name) => `${name}/index.m3u8`),
    );
  });

  test('leaves a media playlist as it is', () => {
    const playlist = '#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXTINF:4,\r\n1.ts\r\n';
    expect(withOneVariant(playlist, wanted('default'))).toBe(playlist);
  });
});

describe('the sound of a variant', () => {
  const media = (group: string, name: string, more = '') =>
    `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="${group}",NAME="${name}, too",URI="${name}.m3u8"${more}`;
  const groups = [
    '#EXTM3U',
    media('aac', 'narrated', ',LANGUAGE="en",CHARACTERISTICS="public.accessibility.describes-video"'),
    media('aac', 'french', ',LANGUAGE="fr-CA"'),
    media('aac', 'english', ',LANGUAGE="en",DEFAULT=YES'),
    media('other', 'elsewhere', ',LANGUAGE="fr",DEFAULT=YES'),
    '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="x",URI="subs.m3u8"',
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes.m3u8"',
    '#EXT-X-STREAM-INF:BANDWIDTH=1800000,RESOLUTION=1280x720,AUDIO="aac",SUBTITLES="subs"',
    'video.m3u8',
  ].join('\n');
  const uris = (playlist: string) => [...playlist.matchAll(/URI="(\w+)\.m3u8"/g)].map(([, name]) => name);

  test.each([
    ['the default', 'default', [], ['english']],
    ['a preferred language', 'default', ['deu', 'fra'], ['french']],
    ['none for pictures alone', template('-an'), [], []],
    [
      'all where the profile takes more than the first',
      '-i {input_url} -map 0 -c copy {output_args}',
      [],
      ['narrated', 'french', 'english', 'subs'],
    ],
  ])('%s', (_, profile, languages, names) => {
    const playlist = withOneVariant(groups, wanted(profile, languages));
    expect(uris(playlist)).toEqual(names);
    expect(left(playlist)).toEqual(['video.m3u8']);
  });
});
