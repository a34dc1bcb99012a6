/** What `resolver_args` may say. m3u-proxy runs commands from that field; here nothing on the list of attacks gets through. */
import { describe, expect, it } from 'vitest';
import { StreampoolError } from '../../../services/proxy/src/errors.ts';
import type { PageResolver } from '../../../services/proxy/src/page-resolvers/page-resolver.ts';
import { readResolverArguments } from '../../../services/proxy/src/page-resolvers/resolver-arguments.ts';

describe('what may stand there', () => {
  it.each<[PageResolver, string | null | undefined, string, string[]]>([
    ['streamlink', undefined, 'best', []],
    ['streamlink', null, 'best', []],
    ['streamlink', '  ', 'best', []],
    ['streamlink', '720p,480p,worst', '720p,480p,worst', []],
    ['streamlink', '"1080p60,best"', '1080p60,best', []],
    ['streamlink', '--default-stream 720p', '720p', []],
    ['streamlink', '--default-stream=audio_only', 'audio_only', []],
    ['streamlink', 'best --hls-audio-select de,en-US', 'best', ['--hls-audio-select=de,en-US']],
    ['streamlink', "--locale 'de_DE' best", 'best', ['--locale=de_DE']],
    ['streamlink', '--stream-types=hls,http best', 'best', ['--stream-types=hls,http']],
    ['streamlink', '--stream-sorting-excludes ">720p" best', 'best', ['--stream-sorting-excludes=>720p']],
    ['streamlink', 'best --hls-live-edge 3 --twitch-disable-ads --ringbuffer-size 32M', 'best', []],
    ['ytdlp', undefined, 'bestvideo+bestaudio/best', []],
    ['ytdlp', 'best', 'best', []],
    [
      'ytdlp',
      'bestvideo[height<=720]+bestaudio/best[language=de]',
      'bestvideo[height<=720]+bestaudio/best[language=de]',
      [],
    ],
    ['ytdlp', '-f b*[vcodec^=avc1]', 'b*[vcodec^=avc1]', []],
    ['ytdlp', '--format "bv+ba" -S res:720,+size', 'bv+ba', ['--format-sort=res:720,+size']],
    ['ytdlp', 'best --no-playlist --retries 3 --quiet', 'best', []],
  ])('%s %j', (resolver, text, quality, options) => {
    expect(readResolverArguments(resolver, text)).toEqual({ quality, options });
  });

  it("is one of streamlink's schemes before anything else, for streamlink alone", () => {
    const expected = { quality: '720p', options: [], scheme: 'dash://' };
    expect(readResolverArguments('streamlink', 'dash:// 720p')).toEqual(expected);
    expect(() => readResolverArguments('streamlink', 'best dash://')).toThrow(/second quality/);
    expect(() => readResolverArguments('streamlink', 'file:// best')).toThrow(/no quality/);
    expect(() => readResolverArguments('ytdlp', 'dash:// best')).toThrow(/second quality|no quality/);
  });

  it('is named by the error', () => {
    expect(() => readResolverArguments('ytdlp', '--exec id')).toThrow(/'--exec' is not among.*--format-sort/);
    expect(() => readResolverArguments('streamlink', '--hls-live-edge many')).toThrow(/may not be 'many'/);
    expect(() => readResolverArguments('streamlink', '720p 480p')).toThrow(/second quality/);
  });
});

/** Each of them would run a program, read or write a file, load code, lead past the proxy, or change what is asked. */
const HOSTILE: readonly [PageResolver, string][] = [
  // Programs that the tool would run.
  ['ytdlp', '--exec id'],
  ['ytdlp', '--exec=id'],
  ['ytdlp', '--exec-before-download "touch /tmp/x"'],
  ['ytdlp', '--exe id'],
  ['ytdlp', '--downloader aria2c'],
  ['ytdlp', '--external-downloader curl --external-downloader-args "-o /tmp/x"'],
  ['ytdlp', '--ffmpeg-location /tmp/evil'],
  ['ytdlp', '--postprocessor-args "ffmpeg:-f x"'],
  ['ytdlp', '--use-postprocessor Exec:exec_cmd=id'],
  ['ytdlp', '--netrc-cmd id'],
  ['ytdlp', '--js-runtimes node:/tmp/evil'],
  ['ytdlp', '--print-to-file title /etc/cron.d/x'],
  ['streamlink', '--player sh'],
  ['streamlink', '-p sh'],
  ['streamlink', '-a "-c id" best'],
  ['streamlink', '--player-args "-c id"'],
  ['streamlink', '--play sh'],
  ['streamlink', '--ffmpeg-ffmpeg /tmp/evil'],
  ['streamlink', '--rtmp-rtmpdump /tmp/evil'],
  ['streamlink', '--webbrowser-executable /tmp/evil'],
  // Shells.
  ['streamlink', 'best; id'],
  ['streamlink', 'best&&id'],
  ['streamlink', 'best|sh'],
  ['streamlink', '$(id)'],
  ['streamlink', '`id`'],
  ['ytdlp', 'best;id'],
  ['ytdlp', 'best`id`'],
  ['ytdlp', '$(id)|sh'],
  ['ytdlp', 'best\n--exec id'],
  ['ytdlp', 'best\r--exec id'],
  ['streamlink', 'best\0--player sh'],
  ['streamlink', 'best\t--player\tsh'],
  // Files, and what is kept in them.
  ['streamlink', '-o /tmp/x best'],
  ['streamlink', '--output=/tmp/x'],
  ['streamlink', '-r /tmp/x'],
  ['streamlink', '--logfile /tmp/x'],
  ['streamlink', '--config /etc/passwd'],
  ['streamlink', '@/etc/passwd'],
  ['streamlink', 'best @/etc/shadow'],
  ['streamlink', '--http-cookies-file /etc/passwd'],
  ['streamlink', '--plugin-dirs /tmp/evil'],
  ['streamlink', '--plugin-dir=/tmp/evil best'],
  ['ytdlp', '-o /tmp/x'],
  ['ytdlp', '-P /tmp'],
  ['ytdlp', '-a /etc/passwd'],
  ['ytdlp', '--batch-file /etc/passwd'],
  ['ytdlp', '--load-info-json /etc/passwd'],
  ['ytdlp', '--cookies /etc/passwd'],
  ['ytdlp', '--cookies-from-browser firefox'],
  ['ytdlp', '--config-locations /tmp/evil'],
  ['ytdlp', '--plugin-dirs /tmp/evil'],
  ['ytdlp', '--netrc'],
  ['ytdlp', '--enable-file-urls'],
  ['ytdlp', '--cache-dir /tmp/x'],
  ['ytdlp', '--client-certificate /etc/ssl/key.pem'],
  ['ytdlp', '--write-info-json'],
  // Ways past the gateway, and other pages than the one that was asked for.
  ['streamlink', '--http-proxy http://evil:1'],
  ['streamlink', '--https-proxy=http://evil:1'],
  ['streamlink', '--http-ignore-env'],
  ['streamlink', '--http-no-ssl-verify'],
  ['streamlink', '--interface eth0'],
  ['streamlink', '--url http://169.254.169.254/'],
  ['streamlink', 'http://169.254.169.254/ best'],
  ['streamlink', '--player-external-http'],
  ['ytdlp', '--proxy http://evil:1'],
  ['ytdlp', '--proxy='],
  ['ytdlp', '--geo-verification-proxy http://evil:1'],
  ['ytdlp', '--no-check-certificates'],
  ['ytdlp', '--source-address 10.0.0.1'],
  ['ytdlp', 'best http://169.254.169.254/'],
  ['ytdlp', '-- http://169.254.169.254/'],
  ['ytdlp', '-U'],
  ['ytdlp', '--update-to evil/repo@x'],
  ['ytdlp', '--extractor-args "generic:x=y"'],
  ['ytdlp', '--add-header "Host: evil"'],
  // Values that would become options, and spellings that another reader might take apart.
  ['ytdlp', '-f --exec id'],
  ['ytdlp', '-f -U'],
  ['ytdlp', '--format=--exec'],
  ['ytdlp', '-f"best" --exec=id'],
  ['ytdlp', '-fbest'],
  ['streamlink', '--default-stream --player=sh'],
  ['streamlink', '--default-stream "best --player sh"'],
  ['streamlink', '--stream-types hls --stream-types=--player'],
  ['streamlink', '--locale de_DE/../../x'],
  ['streamlink', '--hls-audio-select *;id'],
  ['streamlink', `best,${'a'.repeat(2000)}`],
  ['ytdlp', '\u2014exec id'],
];

describe('an attack', () => {
  it('is on a list of more than sixty', () => {
    expect(HOSTILE.length).toBeGreaterThan(60);
    expect(new Set(HOSTILE.map(String)).size).toBe(HOSTILE.length);
  });

  it.each(HOSTILE)('%s %j is refused', (resolver, text) => {
    const read = () => readResolverArguments(resolver, text);
    expect(read).toThrow(StreampoolError);
    expect(read).toThrow(/^resolver_args is refused: /);
  });

  it('made at random gives nothing but options of the list, with values that are no options', () => {
    let state = 20_261_130;
    const next = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % below;
    };
    const parts = [
      'best',
      '720p',
      '--',
      '-f',
      '=',
      ' ',
      '"',
      "'",
      '--exec',
      '--locale',
      'de_DE',
      '/etc/passwd',
      '--hls-audio-select',
      '@',
      'de',
    ];
    for (let round = 0; round < 20_000; round += 1) {
      const resolver = next(2) === 0 ? 'ytdlp' : 'streamlink';
      const text = Array.from({ length: 1 + next(8) }, () => parts[next(parts.length)] ?? '').join('');
      let read: ReturnType<typeof readResolverArguments> | undefined;
      try {
        read = readResolverArguments(resolver, text);
      } catch (error) {
        expect(error).toBeInstanceOf(StreampoolError);
      }
      if (read === undefined) continue;
      expect(read.quality).toMatch(/^[^-@ "][^ "@]*$/);
      for (const option of read.options) expect(option).toMatch(/^--(?:locale|hls-audio-select)=[^-@/ "][^/ "@]*$/);
    }
  });
});
