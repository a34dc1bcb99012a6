/** What a page resolver is started with: nothing secret among its arguments, and nothing of a page in its settings but one URL. */
import { describe, expect, it } from 'vitest';
import { readResolverArguments } from '../../../services/proxy/src/page-resolvers/resolver-arguments.ts';
import {
  cookiesFor,
  type ResolverOrder,
  resolverCommand,
} from '../../../services/proxy/src/page-resolvers/resolver-command.ts';

const URL_OF_PAGE = "https://anna:secret@tv.test/watch?q=it's&token=secret";
const COOKIES = '.tv.test\tTRUE\t/\tTRUE\t0\tid\tsecret\n';
const PROXY = 'http://page:secret@127.0.0.1:1';
const AROUND = { file: '/f', proxyUrl: PROXY, ffmpegPath: '/usr/bin/ffmpeg' };

const order = (resolver: ResolverOrder['resolver'], more: Partial<ResolverOrder> = {}): ResolverOrder => ({
  ...{ resolver, url: URL_OF_PAGE, asked: readResolverArguments(resolver, undefined), cookies: COOKIES },
  ...more,
});

describe.each(['streamlink', 'ytdlp'] as const)('%s', (resolver) => {
  const { args, stdin, file } = resolverCommand(order(resolver), AROUND);

  it('has no secret among its arguments', () => {
    expect(args.join(' ')).not.toMatch(/secret|tv\.test|127\.0\.0\.1/);
    expect(`${stdin}${file}`).toMatch(/secret/);
  });

  it('gets the page and the way to the gateway', () => {
    const text = resolver === 'streamlink' ? file : stdin;
    expect(text).toContain(PROXY);
    expect(text).toContain('https://anna:secret@tv.test/watch?q=it');
  });

  it('takes what the caller asked as whole words', () => {
    const asked = { quality: 'best', options: ['--x=a b'] };
    expect(resolverCommand(order(resolver, { asked }), AROUND).args).toContain('--x=a b');
  });
});

it('quotes what yt-dlp reads as a shell does', () => {
  expect(resolverCommand(order('ytdlp'), AROUND).stdin.split('\n')).toEqual([
    `--proxy '${PROXY}'`,
    "'https://anna:secret@tv.test/watch?q=it%27s&token=secret'",
    '',
  ]);
});

it('gives streamlink one setting a line', () => {
  expect(resolverCommand(order('streamlink'), AROUND).file?.split('\n')).toEqual([
    `url=${URL_OF_PAGE}`,
    `http-proxy=${PROXY}`,
    'http-cookie=id=secret',
    '',
  ]);
});

it("puts streamlink's scheme before the URL, and no parameters after it", () => {
  const asked = { quality: 'best', options: [], scheme: 'hls://' };
  const url = 'http://tv.test/a.m3u8?b= verify=False';
  const { file } = resolverCommand(order('streamlink', { asked, url }), AROUND);
  expect(file?.split('\n')[0]).toBe('url=hls://http://tv.test/a.m3u8?b=%20verify=False');
});

it('lets streamlink put out MPEG-TS itself, with a folder for its pipes and the same secrets in its file', () => {
  const { args, file, isMuxing } = resolverCommand(order('streamlink', { isPiped: true }), AROUND);
  expect(args).toEqual(expect.arrayContaining(['--stdout', '--ffmpeg-fout=mpegts', '--default-stream=best']));
  expect(args).not.toContain('--json');
  expect(args.join(' ')).not.toMatch(/secret|tv\.test|127\.0\.0\.1/);
  expect(file).toEqual(resolverCommand(order('streamlink'), AROUND).file);
  expect([isMuxing, resolverCommand(order('streamlink'), AROUND).isMuxing]).toEqual([true, false]);
});

it('gives yt-dlp a cookies file only when there are cookies, and asks for whole lists only then', () => {
  const without = resolverCommand(order('ytdlp', { cookies: undefined, isFlatList: true }), AROUND);
  expect(without.file).toBeUndefined();
  expect(without.args).toContain('--flat-playlist');
  expect(without.args.some((each) => each.startsWith('--cookies'))).toBe(false);
  expect(resolverCommand(order('ytdlp'), AROUND).args).toEqual(
    expect.arrayContaining(['--no-playlist', '--cookies=/f', '--format=bestvideo+bestaudio/best']),
  );
});

describe('cookiesFor', () => {
  const line = (fields: string) => fields.split(' ').join('\t');
  it.each([
    ['tv.test FALSE / FALSE 0 a 1', 'http://tv.test/x', true],
    ['.tv.test TRUE / FALSE 0 a 1', 'http://www.tv.test/x', true],
    ['tv.test FALSE / FALSE 0 a 1', 'http://www.tv.test/x', false],
    ['.tv.test TRUE / FALSE 0 a 1', 'http://eviltv.test/x', false],
    ['.other.test TRUE / FALSE 0 a 1', 'http://tv.test/x', false],
    ['tv.test FALSE /x FALSE 0 a 1', 'http://tv.test/x/y', true],
    ['tv.test FALSE /x FALSE 0 a 1', 'http://tv.test/xy', false],
    ['tv.test FALSE / TRUE 0 a 1', 'http://tv.test/x', false],
    ['tv.test FALSE / TRUE 0 a 1', 'https://tv.test/x', true],
    ['#HttpOnly_tv.test FALSE / FALSE 0 a 1', 'http://tv.test/x', true],
    ['# tv.test FALSE / FALSE 0 a 1', 'http://tv.test/x', false],
    ['tv.test FALSE / FALSE 0 a\u0085 1', 'http://tv.test/x', false],
  ])('%j at %s: %s', (text, page, isSent) => {
    expect(cookiesFor(line(text), new URL(page))).toEqual(isSent ? [{ name: 'a', value: '1' }] : []);
  });
});
