/**
 * What a page resolver is started with. The page's URL, cookies and the way to the gateway are no arguments, because everybody on the
 * machine can read those: streamlink finds them in a file, yt-dlp on its standard input. Pure.
 */
import type { PageResolver } from './page-resolver.ts';
import type { ResolverArguments } from './resolver-arguments.ts';

export interface ResolverOrder {
  readonly resolver: PageResolver;
  /** Of the page; checked by `isSourceUrl`, so it has no line breaks. */
  readonly url: string;
  readonly asked: ResolverArguments;
  /** In Netscape's format; checked. */
  readonly cookies: string | undefined;
  /** yt-dlp: of a list only what its page says, and all of it. */
  readonly isFlatList?: boolean;
  /** Streamlink only: it puts out the media itself. */
  readonly isPiped?: boolean;
}

export interface ResolverCommand {
  readonly args: readonly string[];
  readonly stdin: string;
  /** What it reads at `Surroundings.file`; undefined: nothing. */
  readonly file: string | undefined;
  /** It starts an FFmpeg, with named pipes to that. */
  readonly isMuxing: boolean;
}

export interface Surroundings {
  /** A file that only it can read. */
  readonly file: string;
  /** Of the gateway, with the token. */
  readonly proxyUrl: string;
  readonly ffmpegPath: string;
}

export function resolverCommand(order: ResolverOrder, surroundings: Surroundings): ResolverCommand {
  return order.resolver === 'streamlink' ? streamlink(order, surroundings) : ytdlp(order, surroundings);
}

/**
 * Its file of settings has `name=value` in each line, without quotes. It says all streams, and `readStreamlink` chooses; or it puts out
 * the one that it is told, with pictures and sound in one MPEG-TS.
 */
function streamlink(
  { url, asked, cookies, isPiped }: ResolverOrder,
  { file, proxyUrl, ffmpegPath }: Surroundings,
): ResolverCommand {
  const lines = [
    // What follows white space would be parameters of its request.
    `url=${asked.scheme ?? ''}${url.replace(/\s/g, '%20')}`,
    `http-proxy=${proxyUrl}`,
    ...cookiesFor(cookies ?? '', new URL(url)).map(({ name, value }) => `http-cookie=${name}=${value}`),
  ];
  const how =
    isPiped === true
      ? ['--stdout', `--ffmpeg-ffmpeg=${ffmpegPath}`, '--ffmpeg-fout=mpegts', `--default-stream=${asked.quality}`]
      : // With an FFmpeg it says of HLS with sound apart only that it would put that together, and not where it is.
        ['--json', '--ffmpeg-ffmpeg=/nonexistent'];
  return {
    args: [
      ...['--loglevel=error', '--auto-version-check=no', '--ffmpeg-no-validation'],
      ...how,
      ...asked.options,
      `--config=${file}`,
    ],
    stdin: '',
    file: `${lines.join('\n')}\n`,
    isMuxing: isPiped === true,
  };
}

/** Its settings are words as a shell reads them. */
function ytdlp(order: ResolverOrder, { file, proxyUrl }: Surroundings): ResolverCommand {
  const { url, asked, cookies, isFlatList = false } = order;
  return {
    args: [
      ...['--ignore-config', '--config-locations=-', '--dump-single-json', '--no-warnings', '--no-progress'],
      ...['--no-cache-dir', isFlatList ? '--flat-playlist' : '--no-playlist'],
      ...asked.options,
      `--format=${asked.quality}`,
      ...(cookies === undefined ? [] : [`--cookies=${file}`]),
    ],
    stdin: `--proxy ${quoted(proxyUrl)}\n${quoted(url)}\n`,
    file: cookies,
    isMuxing: false,
  };
}

/** One word for a shell. `new URL` leaves `'` in a query as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", '%27')}'`;
}

interface Cookie {
  readonly name: string;
  readonly value: string;
}

/** Those that the page's own host gets. Streamlink sends what it is given to every host, so no others are given. */
export function cookiesFor(text: string, page: URL): Cookie[] {
  const host = page.hostname.toLowerCase();
  return text.split(/\r?\n/).flatMap((line) => {
    const content = line.replace(/^#HttpOnly_/, '');
    const [domain = '', subdomains = '', path = '', secure = '', , name = '', value = ''] = content.split('\t');
    const own = domain.toLowerCase().replace(/^\./, '');
    if (content.startsWith('#') || own === '' || name === '') return [];
    const isOfHost = host === own || (subdomains.toUpperCase() === 'TRUE' && host.endsWith(`.${own}`));
    const isOfPath =
      path === '/' || path === '' || page.pathname === path || page.pathname.startsWith(`${path.replace(/\/$/, '')}/`);
    const isSafe = secure.toUpperCase() !== 'TRUE' || page.protocol === 'https:';
    // A line break or an edge of white space would be another setting, or lost.
    const isPlain = /^[\x21-\x7e]+$/.test(name) && /^[\x21-\x7e]*$/.test(value) && !name.includes('=');
    return isOfHost && isOfPath && isSafe && isPlain ? [{ name, value }] : [];
  });
}
