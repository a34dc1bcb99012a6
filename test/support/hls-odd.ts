/** Entries that lead to the files of an `HlsProvider` in the ways in which providers do. */

import { readFile } from 'node:fs/promises';
import { type HlsAnswer, hlsForm } from './hls-provider.ts';

const NUMBERS = [0, 1, 2, 3];

/** Beside its files, in `ts/` and the other folders. */
export const ODD: HlsAnswer = async ({ path, query }, response) => {
  const said = (type: string, text: string): true => {
    response.writeHead(200, { 'content-type': type }).end(text);
    return true;
  };
  const playlist = (...lines: string[]): true => said('application/x-mpegurl', `#EXTM3U\n${lines.join('\n')}\n`);
  const movedTo = (location: string): true => {
    response.writeHead(302, { location }).end();
    return true;
  };
  const { host = '' } = response.req.headers;
  const segments = (name: (n: number) => string) => [
    '#EXT-X-TARGETDURATION:2',
    ...NUMBERS.flatMap((n) => ['#EXTINF:2,', name(n)]),
    '#EXT-X-ENDLIST',
  ];
  switch (path) {
    case '/extensionless':
      return playlist(
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000',
        'variant?token=a%2Bb',
        '#EXT-X-STREAM-INF:BANDWIDTH=1',
        'other',
      );
    case '/variant':
      if (query !== '?token=a%2Bb') return false;
      return playlist(...segments((n) => `segment/${n}?x=%2B`));
    case '/other':
      return playlist(...segments((n) => `segment/${n}`));
    case '/moved/index.m3u8':
      return movedTo('/ts/index.m3u8');
    case '/slashes.m3u8':
      return playlist(...segments((n) => `//${host}/ts/seg${n}.ts`));
    case '/absolute.m3u8':
      return playlist(...segments((n) => `http://${host}/ts/seg${n}.ts`));
    case '/relative.m3u8':
      return playlist(...segments((n) => `./none/../ts/seg${n}.ts`));
    case '/ranges/without-offsets.m3u8': {
      // Each range begins where the one before has ended.
      const whole = await readFile(`${await hlsForm('ranges')}/index.m3u8`, 'utf8');
      return said('application/x-mpegurl', whole.replace(/(#EXT-X-BYTERANGE:\d+)@[1-9]\d*/g, '$1'));
    }
    case '/trick.m3u8':
      return playlist(
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000',
        'ts/index.m3u8',
        '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI="iframes/index.m3u8"',
      );
    case '/titled.m3u8':
      return playlist(
        ...['one', 'two'].map(
          (name) =>
            `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${name}",AUTOSELECT=YES,URI="/renditions/sound.m3u8?${name}"`,
        ),
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="titles",DEFAULT=YES,AUTOSELECT=YES,LANGUAGE="en",URI="titles.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=1000000,AUDIO="a",SUBTITLES="s"',
        '/renditions/picture.m3u8',
      );
    case '/titles.m3u8':
      // Names that say nothing.
      return playlist(...segments((n) => `titles/${n}`));
  }
  const [, folder, number = ''] = /^\/(segment|titles)\/(\d)$/.exec(path) ?? [];
  if (folder === 'segment') return movedTo(`/ts/seg${number}.ts`);
  if (folder !== 'titles') return false;
  const [from, to] = [2 * Number(number), 2 * Number(number) + 1];
  return said('text/plain', `WEBVTT\n\n00:00:0${from}.500 --> 00:00:0${to}.500\ntitle ${number}\n`);
};
