/**
 * Playlists as providers really write them, and as they should not. Each address that has to be replaced stands between `«` and `»`;
 * what has to be left out stands between `‹` and `›`. Everything else has to stay as it is, byte for byte.
 */

export interface CorpusPlaylist {
  readonly what: string;
  /** URL after redirects. */
  readonly base: string;
  readonly imported?: Readonly<Record<string, string>>;
  readonly marked: string;
  /** What the marked addresses mean, in their order: role, and absolute URL. */
  readonly addresses: readonly (readonly [role: string, url: string])[];
}

const BASE = 'http://tv.test/live/ann/secret/7/index.m3u8?token=a%2Bb&lang=en';

export const CORPUS: readonly CorpusPlaylist[] = [
  {
    what: 'tags that nobody knows, comments, ad markers and bit rates',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:0041
## made by http://packager.test/
#EXT-X-PROVIDER-THING
#EXT-X-CUE-OUT:DURATION=30.0
#EXT-OATCLS-SCART:/DAlAAAAAAAAAP/wFAUAAAABf+/+AAAAAH4AAAA=
#EXT-X-BITRATE:1200
#EXTINF:6.000000,Title, with URI="x" in it
«a.ts»
#EXT-X-CUE-OUT-CONT:ElapsedTime=6,Duration=30
#EXTINF:6,
«b.ts»
#EXT-X-CUE-IN
`,
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/a.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/b.ts'],
    ],
  },
  {
    what: 'CRLF, a byte order mark and no end of the last line',
    base: BASE,
    marked: '\uFEFF#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n\r\n#EXTINF:4,\r\n«/x/1.ts»\r\n#EXTINF:4,\r\n«2.ts»',
    addresses: [
      ['segment', 'http://tv.test/x/1.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/2.ts'],
    ],
  },
  {
    what: 'line ends of all kinds, blank lines in front and behind',
    base: BASE,
    marked: '\n\r\n #EXTM3U\r#EXTINF:2,\n«a.ts»\0#EXTINF:2,\r\n\r\n«b.ts»\n\n\n',
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/a.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/b.ts'],
    ],
  },
  {
    what: 'every form of address',
    base: BASE,
    marked: `#EXTM3U
#EXTINF:2,
«http://cdn.test:8080/a.ts?x=1&y=2#part»
#EXTINF:2,
«//other.test/b.ts»
#EXTINF:2,
«/c.ts»
#EXTINF:2,
«../d.ts»
#EXTINF:2,
«?e=5»
#EXTINF:2,
«http://ann:pass@cdn.test/f g.ts»
#EXTINF:2,
«ünïcode.ts»
`,
    addresses: [
      ['segment', 'http://cdn.test:8080/a.ts?x=1&y=2#part'],
      ['segment', 'http://other.test/b.ts'],
      ['segment', 'http://tv.test/c.ts'],
      ['segment', 'http://tv.test/live/ann/secret/d.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/index.m3u8?e=5'],
      ['segment', 'http://ann:pass@cdn.test/f%20g.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/%C3%BCn%C3%AFcode.ts'],
    ],
  },
  {
    what: 'a multivariant playlist with renditions, I-frames, images and session data',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch, Stereo",LANGUAGE="de",DEFAULT=YES,URI="«audio/de»"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="x",INSTREAM-ID="CC1"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="y",URI="«subs.m3u8»"
#EXT-X-SESSION-DATA:DATA-ID="com.example.title",VALUE="http://not.an/address"
#EXT-X-SESSION-DATA:DATA-ID="com.example.more",URI="«more.json»"
#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a"
# a comment in between
«low»
#EXT-X-STREAM-INF:BANDWIDTH=2560000
«high/index.m3u8?a=b»
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="«iframes»"
#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180,CODECS="jpeg",URI="«thumbs»"
`,
    addresses: [
      ['playlist', 'http://tv.test/live/ann/secret/7/audio/de'],
      ['playlist', 'http://tv.test/live/ann/secret/7/subs.m3u8'],
      ['other', 'http://tv.test/live/ann/secret/7/more.json'],
      ['playlist', 'http://tv.test/live/ann/secret/7/low'],
      ['playlist', 'http://tv.test/live/ann/secret/7/high/index.m3u8?a=b'],
      ['playlist', 'http://tv.test/live/ann/secret/7/iframes'],
      ['playlist', 'http://tv.test/live/ann/secret/7/thumbs'],
    ],
  },
  {
    what: 'content steering, which leads around the proxy',
    base: BASE,
    marked: `#EXTM3U
‹#EXT-X-CONTENT-STEERING:SERVER-URI="https://steering.test/x",PATHWAY-ID="A"
›#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID="A"
«a.m3u8»
#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID="B"
«http://b.test/a.m3u8»
`,
    addresses: [
      ['playlist', 'http://tv.test/live/ann/secret/7/a.m3u8'],
      ['playlist', 'http://b.test/a.m3u8'],
    ],
  },
  {
    what: 'keys: for us, for the app, inline, and by name',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://asset-7",KEYFORMAT="com.apple.streamingkeydelivery"
#EXT-X-KEY:METHOD=AES-128,URI="«key?sig=a%2Bb%3D»",IV=0x00000000000000000000000000000001
#EXTINF:2,
«1.ts»
#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AAAA",KEYFORMAT="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="urn:key:9"
#EXT-X-KEY:METHOD=NONE
`,
    addresses: [
      ['key', 'http://tv.test/live/ann/secret/7/key?sig=a%2Bb%3D'],
      ['segment', 'http://tv.test/live/ann/secret/7/1.ts'],
    ],
  },
  {
    what: 'other schemes and what is no address',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-KEY:METHOD=AES-128,URI="«file:///etc/passwd»"
#EXTINF:1,
«ftp://tv.test/a.ts»
#EXTINF:1,
«http://[»
#EXTINF:1,
«javascript:alert(1)»
#EXT-X-KEY:METHOD=AES-128,URI=""
`,
    addresses: [
      ['key', 'file:///etc/passwd'],
      ['segment', 'ftp://tv.test/a.ts'],
      ['segment', 'http://['],
      ['segment', 'javascript:alert(1)'],
    ],
  },
  {
    what: 'low latency: parts, hints, a map that is hinted first, reports and skipped segments',
    base: 'http://tv.test/ll/v1.m3u8?_HLS_msn=273&_HLS_part=2',
    marked: `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=24.0
#EXT-X-PART-INF:PART-TARGET=0.33334
#EXT-X-MEDIA-SEQUENCE:266
#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES="a	b"
#EXT-X-MAP:URI="«init.mp4»",BYTERANGE="900@0"
#EXTINF:4.00008,
«fs271.mp4»
#EXT-X-PART:DURATION=0.33334,URI="«fs272.0.mp4»",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.33334,URI="«fs272.mp4»",BYTERANGE="20000@21000",GAP=YES
#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="«init.mp4»"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="«fs272.2.mp4»",BYTERANGE-START=0
#EXT-X-RENDITION-REPORT:URI="«../1M/live.php»",LAST-MSN=273,LAST-PART=2
`,
    addresses: [
      ['map', 'http://tv.test/ll/init.mp4'],
      ['segment', 'http://tv.test/ll/fs271.mp4'],
      ['segment', 'http://tv.test/ll/fs272.0.mp4'],
      ['segment', 'http://tv.test/ll/fs272.mp4'],
      ['map', 'http://tv.test/ll/init.mp4'],
      ['segment', 'http://tv.test/ll/fs272.2.mp4'],
      ['playlist', 'http://tv.test/1M/live.php'],
    ],
  },
  {
    what: 'the other low latency, with addresses behind a tag',
    base: BASE,
    marked: '#EXTM3U\n#EXTINF:2,\n«1.ts»\n#EXT-X-PREFETCH:«2.ts»\n#EXT-X-PREFETCH:«http://cdn.test/3.ts»\n',
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/1.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/2.ts'],
      ['segment', 'http://cdn.test/3.ts'],
    ],
  },
  {
    what: 'values that it defines',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-DEFINE:NAME="host",VALUE="http://cdn.test"
#EXT-X-DEFINE:NAME="tok-en_1",VALUE="a=1,b"
#EXT-X-STREAM-INF:BANDWIDTH=1,VIDEO="{$host}"
«{$host}/v.m3u8?{$tok-en_1}»
#EXT-X-STREAM-INF:BANDWIDTH=2
«w.m3u8?{$unknown}&x={$tok-en_1}»
`,
    addresses: [
      ['playlist', 'http://cdn.test/v.m3u8?a=1,b'],
      ['playlist', 'http://tv.test/live/ann/secret/7/w.m3u8?{$unknown}&x=a=1,b'],
    ],
  },
  {
    what: 'values of the multivariant playlist',
    base: BASE,
    imported: { auth: 'hdn%2B1', unused: 'x' },
    marked: `#EXTM3U
#EXT-X-DEFINE:IMPORT="auth"
#EXT-X-DEFINE:IMPORT="missing"
#EXT-X-MAP:URI="«init.mp4?{$auth}»"
#EXTINF:2,
«1.m4s?{$auth}&{$unused}»
`,
    addresses: [
      ['map', 'http://tv.test/live/ann/secret/7/init.mp4?hdn%2B1'],
      ['segment', 'http://tv.test/live/ann/secret/7/1.m4s?hdn%2B1&{$unused}'],
    ],
  },
  {
    what: 'interstitials, which the player asks for as presentations of their own',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-DATERANGE:ID="ad",CLASS="com.apple.hls.interstitial",START-DATE="2026-01-01T00:00:00Z",X-ASSET-URI="http://ads.test/ad.m3u8",X-RESUME-OFFSET=0
#EXT-X-DATERANGE:ID="cue",SCTE35-OUT=0xFC30,X-NEXT-URI="«next»"
`,
    addresses: [['other', 'http://tv.test/live/ann/secret/7/next']],
  },
  {
    what: 'headers behind an address',
    base: BASE,
    marked: `#EXTM3U
#EXTINF:2,
«1.ts|User-Agent=Box%2F1&Referer=http%3A%2F%2Fsite.test%2F»
#EXTINF:2,
«2.ts?a|b»
`,
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/1.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/2.ts?a|b'],
    ],
  },
  {
    what: 'blanks around addresses',
    base: BASE,
    marked: '#EXTM3U\n#EXTINF:2,\n«  1.ts\t»\n#EXT-X-MAP: URI="«init.mp4»"\n#EXT-X-KEY:METHOD=AES-128, URI="«k»"\n',
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/1.ts'],
      ['map', 'http://tv.test/live/ann/secret/7/init.mp4'],
      ['key', 'http://tv.test/live/ann/secret/7/k'],
    ],
  },
  {
    what: 'segments with names of other things, and variants without a name',
    base: BASE,
    marked: '#EXTM3U\n#EXTINF:2,\n«1.jpg»\n#EXTINF:2,\n«2.html?x.m3u8»\n#EXTINF:2,\n«nested.M3U8?q»\n',
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/1.jpg'],
      ['segment', 'http://tv.test/live/ann/secret/7/2.html?x.m3u8'],
      ['playlist', 'http://tv.test/live/ann/secret/7/nested.M3U8?q'],
    ],
  },
  {
    what: 'byte ranges with and without an offset',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-MAP:URI="«all.mp4»",BYTERANGE="800@0"
#EXTINF:2,
#EXT-X-BYTERANGE:1000@800
«all.mp4»
#EXTINF:2,
#EXT-X-BYTERANGE:1000
«all.mp4»
#EXT-X-ENDLIST
`,
    addresses: [
      ['map', 'http://tv.test/live/ann/secret/7/all.mp4'],
      ['segment', 'http://tv.test/live/ann/secret/7/all.mp4'],
      ['segment', 'http://tv.test/live/ann/secret/7/all.mp4'],
    ],
  },
  {
    what: 'gaps, discontinuities, dates and an end',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-DISCONTINUITY-SEQUENCE:3
#EXT-X-START:TIME-OFFSET=-12.5,PRECISE=YES
#EXTINF:2.002,
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T22:35:00.123+01:00
«1.ts»
#EXT-X-GAP
#EXTINF:2.002,
«2.ts»
#EXT-X-DISCONTINUITY
#EXTINF:2.002,	
«3.ts»
#EXT-X-ENDLIST`,
    addresses: [
      ['segment', 'http://tv.test/live/ann/secret/7/1.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/2.ts'],
      ['segment', 'http://tv.test/live/ann/secret/7/3.ts'],
    ],
  },
  {
    what: 'attributes whose values look like other attributes',
    base: BASE,
    marked: `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="It says GROUP=x, and more",URI="«a.m3u8»",CHANNELS="2"
#EXT-X-KEY:METHOD=AES-128,KEYFORMATVERSIONS="1",URI="«k1»",KEYFORMAT="identity"
`,
    addresses: [
      ['playlist', 'http://tv.test/live/ann/secret/7/a.m3u8'],
      ['key', 'http://tv.test/live/ann/secret/7/k1'],
    ],
  },
  {
    what: 'nothing but its first line',
    base: BASE,
    marked: '#EXTM3U',
    addresses: [],
  },
];
