/**
 * Reads what a page resolver says: the addresses of a page's media, and what their servers want to hear. Sources of the formats:
 * Streamlink's documentation of `--json`; yt-dlp's README, "Output template" and "Embedding", for the fields of `-J`. Pure.
 */
import { z } from 'zod';
import { maskText } from '../../../shared/masking/mask.ts';
import { SourceError } from '../errors.ts';
import { isSourceUrl } from '../upstream/egress/source-url.ts';
import { NAMES, type PageResolver } from './page-resolver.ts';

export interface MediaAddress {
  readonly url: string;
  /** The variant that is wanted, where `url` is that of a master playlist. Its sound may be apart. */
  readonly variant?: string;
  readonly kind: 'hls' | 'http';
  /** Without those that belong to a connection; `userAgent` is apart. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
}

export interface FoundMedia {
  /** One, or pictures and sound apart: then an FFmpeg puts them together. */
  readonly addresses: readonly [MediaAddress, ...MediaAddress[]];
  readonly title: string | undefined;
  /** When the first of them stops working, ms since 1970, where its address says so. */
  readonly expiresAtMs: number | undefined;
}

const headers = z.record(z.string(), z.string()).nullish();

const streamlinkStream = z.object({
  type: z.string(),
  url: z.string().nullish(),
  method: z.string().nullish(),
  /** Of HLS: the playlist of all variants. */
  master: z.string().nullish(),
  headers,
});
const streamlinkAnswer = z.object({
  error: z.string().nullish(),
  metadata: z.object({ title: z.string().nullish() }).nullish(),
  streams: z.record(z.string(), streamlinkStream).nullish(),
});

const format = z.object({
  url: z.string().nullish(),
  protocol: z.string().nullish(),
  http_headers: headers,
});
const entry = format.extend({ title: z.string().nullish(), requested_formats: z.array(format).nullish() });
const ytdlpAnswer = entry.extend({ entries: z.array(entry.nullable()).nullish() });

/** What a request brings along by itself. */
const OF_A_CONNECTION = ['connection', 'accept-encoding', 'host', 'content-length', 'transfer-encoding', 'range'];

/**
 * @param stdout of `streamlink --json` for all streams of a page
 * @param quality names of streams, the best first
 * @returns `piped` when only streamlink itself can put out the media, such as that of a manifest of DASH
 * @throws {SourceError} when it found nothing that can be played, with what it said
 */
export function readStreamlink(stdout: string, quality: string): FoundMedia | 'piped' {
  const answer = parsed('streamlink', streamlinkAnswer, stdout);
  if (answer.error != null) throw failed('streamlink', answer.error);
  const streams = answer.streams ?? {};
  const names = Object.keys(streams);
  if (names.length === 0) throw failed('streamlink', 'the page has no stream');
  const wanted = quality.toLowerCase().split(',');
  const name = wanted.find((each) => Object.hasOwn(streams, each));
  const found = name === undefined ? undefined : streams[name];
  if (found === undefined) {
    throw failed('streamlink', `the page has no stream ${quality}; it has ${names.slice(0, 20).join(', ')}`);
  }
  const isPlayedByName = found.type === 'hls' || found.type === 'http';
  if (found.url == null || !isPlayedByName || (found.method ?? 'GET') !== 'GET') return 'piped';
  return media(
    'streamlink',
    [{ ...placeOf(found.url, found.master), isHls: found.type === 'hls', headers: found.headers }],
    answer.metadata?.title,
  );
}

/** @param stdout of `yt-dlp -J`; of a list, the first entry counts */
export function readYtdlp(stdout: string): FoundMedia {
  const answer = parsed('ytdlp', ytdlpAnswer, stdout);
  const first = answer.entries == null ? answer : answer.entries.find((each) => each !== null);
  if (first == null) throw failed('ytdlp', 'the page is a list without an entry');
  const formats = first.requested_formats?.length ? first.requested_formats : [first];
  if (formats.length > 2) throw failed('ytdlp', `its format has ${formats.length} parts, and two can be put together`);
  const addresses = formats.map(({ url, protocol, http_headers }) => {
    const isHls = /^m3u8/.test(protocol ?? '');
    if (url == null || !(isHls || /^https?$/.test(protocol ?? 'https'))) {
      throw failed(
        'ytdlp',
        `its format comes by ${protocol ?? 'no protocol'}, which is not played; ask for HLS or a file, or let streamlink find it`,
      );
    }
    return { url, isHls, headers: http_headers };
  });
  return media('ytdlp', addresses, first.title);
}

function placeOf(url: string, master: string | null | undefined): Pick<Said, 'url' | 'variant'> {
  return master == null || master === url ? { url } : { url: master, variant: url };
}

interface Said {
  readonly url: string;
  readonly variant?: string;
  readonly isHls: boolean;
  readonly headers: Readonly<Record<string, string>> | null | undefined;
}

function media(resolver: PageResolver, said: readonly Said[], title: string | null | undefined): FoundMedia {
  const addresses = said.map((each): MediaAddress => {
    // The page decides what stands here, so it is checked as a caller's would be. The guard checks where it leads.
    if (!isSourceUrl(each.url) || !isSourceUrl(each.variant ?? each.url))
      throw failed(resolver, 'it found an address that no source may have');
    const entries = Object.entries(each.headers ?? {});
    const kept = entries.filter(
      ([name, value]) => !OF_A_CONNECTION.includes(name.toLowerCase()) && isHeader(name, value),
    );
    return {
      url: each.url,
      ...(each.variant === undefined ? {} : { variant: new URL(each.variant).href }),
      kind: each.isHls ? 'hls' : 'http',
      headers: Object.fromEntries(kept.filter(([name]) => name.toLowerCase() !== 'user-agent')),
      userAgent: kept.find(([name]) => name.toLowerCase() === 'user-agent')?.[1],
    };
  });
  const ends = addresses.flatMap(({ url, variant }) => expiryOf(variant ?? url) ?? expiryOf(url) ?? []);
  return {
    addresses: addresses as [MediaAddress, ...MediaAddress[]],
    title: title ?? undefined,
    expiresAtMs: ends.length === 0 ? undefined : Math.min(...ends),
  };
}

function isHeader(name: string, value: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Many services write into an address when it ends: seconds since 1970, in a parameter or, at YouTube, in the path. */
const EXPIRY = /[?&/](?:expires?|exp|e|token_expires|validto)[=/](1\d{9})(?=[&/#]|$)/i;

/** ms since 1970; undefined: the address does not say. */
export function expiryOf(url: string): number | undefined {
  const [, seconds] = EXPIRY.exec(url) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

/** Longer ones are cut: a page may say what it likes. */
const MOST_SAID = 300;

/** What a resolver could not do, for people. @param said by the program or of its answer */
export function failed(resolver: PageResolver, said: string): SourceError {
  const words = maskText(said.replace(/\s+/g, ' ').trim());
  const short = words.length > MOST_SAID ? `${words.slice(0, MOST_SAID)}…` : words;
  return new SourceError('refused', `${NAMES[resolver]} found no media: ${short.replace(/\.$/, '')}.`);
}

function parsed<T>(resolver: PageResolver, schema: z.ZodType<T>, stdout: string): T {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw failed(resolver, 'it answered with something other than JSON');
  }
  const read = schema.safeParse(answer);
  if (!read.success) throw failed(resolver, 'its answer is not as its documentation says');
  return read.data;
}
