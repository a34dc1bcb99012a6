/** Files of subtitles as people have them, and the WebVTT that comes of them. */

import { describe, expect, it } from 'vitest';
import { cuesOf } from '../../../../services/proxy/src/broadcasts/subtitles/cues.ts';
import { vttSegment } from '../../../../services/proxy/src/broadcasts/subtitles/vtt-segment.ts';

const read = (text: string | Uint8Array) => cuesOf(typeof text === 'string' ? Buffer.from(text) : text);
const texts = (text: string | Uint8Array) => read(text).map((cue) => cue.text);

const SRT = `1
00:00:01,000 --> 00:00:02,500
Good <b>evening</b>,
ladies & gentlemen

2
00:01:00,040 --> 00:01:02,000
- Who?

3
01:00:00,000 --> 01:00:01,000
The end.
`;

describe('SubRip', () => {
  it('is read, whatever its line ends', () => {
    const expected = [
      { start: 1, end: 2.5, text: 'Good <b>evening</b>,\nladies &amp; gentlemen', settings: '' },
      { start: 60.04, end: 62, text: '- Who?', settings: '' },
      { start: 3_600, end: 3_601, text: 'The end.', settings: '' },
    ];
    for (const end of ['\n', '\r\n', '\r']) expect(read(SRT.replaceAll('\n', end))).toEqual(expected);
    expect(read(`\uFEFF${SRT}`)).toEqual(expected);
  });

  it('is read in the encodings in which it comes', () => {
    const text = '1\n00:00:01,000 --> 00:00:02,000\nGrüße — é\n';
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    const windows = Buffer.from(text.replace('—', '-'), 'latin1');
    expect([texts(text), texts(utf16), texts(windows)]).toEqual([['Grüße — é'], ['Grüße — é'], ['Grüße - é']]);
  });

  it('loses what WebVTT does not have, and nothing that could be taken for a mark is left', () => {
    const lines = [
      '<font color="#ff0000">red</font> <I>and</I> {\\an8}up',
      '1 < 2 && 3 > 2 --> <script>x</script>',
      '<v Bob>',
    ];
    expect(texts(`1\n00:00:01,000 --> 00:00:02,000\n${lines.join('\n')}\n`)).toEqual([
      'red <i>and</i> up\n1 &lt; 2 &amp;&amp; 3 &gt; 2 --&gt; x',
    ]);
  });

  it('is read around what is broken', () => {
    const broken = '1\nno time\nlost\n\n2\n00:00:05,000 --> 00:00:04,000\nends before it begins\n\n';
    expect(texts(`${broken}${SRT}`)).toHaveLength(3);
  });
});

describe('WebVTT', () => {
  it('keeps tags and places', () => {
    const text = `WEBVTT
X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000

NOTE a remark

STYLE
::cue { color: red }

first
00:01.000 --> 00:02.000 line:10% position:20%,line-left size:50% align:start
<v Bob>Hi &amp; <c.loud>hello</c>

00:00:02.000 --> 00:00:03.000 line:-2 vertical:rl
Yes
`;
    expect(read(text)).toEqual([
      {
        ...{ start: 1, end: 2, text: '<v Bob>Hi &amp; <c.loud>hello</c>' },
        settings: 'line:10% position:20%,line-left size:50% align:start',
      },
      { start: 2, end: 3, text: 'Yes', settings: 'line:-2 vertical:rl' },
    ]);
  });
});

it.each(['', 'WEBVTT\n', '<html><body>Please log in</body></html>', '#EXTM3U\n#EXT-X-VERSION:3\n', '\0\0\0\0'])(
  'finds nothing in %j',
  (text) => {
    expect(read(text)).toEqual([]);
  },
);

describe('the WebVTT of a segment', () => {
  const cue = (start: number, end: number, settings = '') => ({ start, end, text: `from ${start}`, settings });
  const cues = [cue(1, 2), cue(5.5, 7, 'line:0'), cue(6, 6.5), cue(11.999, 13), cue(12, 14)];

  it('has every cue that is to be seen in it, in the time of the file, and says where that is', () => {
    expect(vttSegment(cues, { from: 6, seconds: 6, ticks: 666_000 })).toBe(`WEBVTT
X-TIMESTAMP-MAP=LOCAL:00:00:06.000,MPEGTS:666000

00:00:05.500 --> 00:00:07.000 line:0
from 5.5

00:00:06.000 --> 00:00:06.500
from 6

00:00:11.999 --> 00:00:13.000
from 11.999
`);
  });

  it('counts from 0 where the film begins before its subtitles', () => {
    expect(vttSegment([cue(1, 2)], { from: -1.5, seconds: 2, ticks: 90_000 })).toBe(
      'WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:225000\n',
    );
  });

  it('has none of what is over, or not yet there', () => {
    expect(vttSegment(cues, { from: 3_723.4, seconds: 6, ticks: 2 ** 33 - 1 })).toBe(
      'WEBVTT\nX-TIMESTAMP-MAP=LOCAL:01:02:03.400,MPEGTS:8589934591\n',
    );
  });
});
