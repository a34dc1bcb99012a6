/** POST /streams and POST /transcode: create streams. */

import { z } from 'zod';
import type { CreateAnswer, StreamPage, StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import { isShared } from '../../streams/sharing.ts';
import type { EgressGuard } from '../../upstream/egress/egress-guard.ts';
import { listedAs, listedByName } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/services.ts';
import type { PlaybackAccess } from '../access/playback-access.ts';
import {
  bodyFlag,
  divideScheme,
  emptyIsNone,
  optionalIsoTime,
  pageUrl,
  sourceUrl,
  textValues,
} from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { type Disclosure, disclosureFor, hasFailover } from '../views/stream-views.ts';
import { hlsWarnings } from './hls-warnings.ts';
import { silenceFields, silenceOrderOf } from './silence-fields.ts';

const NO_DASH_PROFILES =
  'A source that is DASH (.mpd) cannot be transcoded. POST /streams passes it on, without a profile.';

const source = {
  url: sourceUrl.describe('URL of the media.'),
  failover_urls: z.array(sourceUrl).max(100).nullish().describe('Tried in this order when the source fails.'),
  failover_resolver_url: sourceUrl.nullish().describe('Asked for the next URL when the source fails.'),
  user_agent: emptyIsNone(z.string().max(1024).nullable()).describe('User-Agent towards the provider.'),
  metadata: textValues.nullish().describe('Any names and values; clients can search streams by them.'),
  headers: z.record(z.string(), z.string()).nullish().describe('Sent to the provider.'),
  strict_live_ts: bodyFlag.nullish().describe('Accepted without effect: live MPEG-TS is always repaired.'),
  use_sticky_session: bodyFlag
    .nullish()
    .describe(
      'Whether a reconnect goes to the server that the first redirect led to, until that server fails. HLS always does.',
    ),
  ...silenceFields,
};

const streamOrder = z.object({
  ...source,
  share: bodyFlag
    .nullish()
    .describe('Whether the viewers of a live stream share one connection; SHARE_DIRECT_STREAMS when absent.'),
});

const transcodeOrder = z.object({
  ...source,
  url: pageUrl.describe('URL of the media; with a resolver, of a web page.'),
  profile: z
    .string()
    .min(1)
    .max(16_384)
    .default('default')
    .describe('A name, or an FFmpeg template that begins with -.'),
  profile_variables: textValues.nullish().describe('Values for the variables of the profile.'),
  output_format: z
    .string()
    .max(64)
    .nullish()
    .describe('mpegts, mp4, mov, matroska, webm, flv, mpeg, ogg, adts, mp3 or hls.'),
  resolver: z
    .enum(['streamlink', 'ytdlp'])
    .nullish()
    .describe('The program that finds the media of the page that `url` names.'),
  resolver_args: z.string().nullish().describe('A quality, and options of a list; best when absent.'),
  cookies: z.string().nullish().describe('For the page, in the format of Netscape.'),
  cookies_path: z.string().nullish().describe('The same in a file below COOKIES_DIR.'),
});

const created = {
  stream_id: z.string(),
  primary_url: z.string(),
  failover_urls: z.array(z.string()),
  user_agent: z.string(),
  stream_endpoint: z.string().describe('Where it plays; with PLAYBACK_AUTH=signed until `playback_expires_at`.'),
  playlist_url: z.string().nullable(),
  direct_url: z.string(),
  playback_expires_at: z.string().nullable().describe('null: the playback URLs do not expire.'),
  message: z.string(),
  warnings: z.array(z.string()).optional().describe('What the request asked for and the worker will not do.'),
  existing: z.boolean().describe('Whether the stream existed already; it keeps what its creator asked for.'),
  metadata: z.record(z.string(), z.string()).optional(),
};

const streamCreated = z.object({ ...created, stream_type: z.enum(['direct', 'hls', 'dash']) });

const transcodeCreated = z.object({
  ...created,
  stream_type: z.literal('transcoded'),
  format: z.string(),
  profile: z.string(),
  profile_variables: z.record(z.string(), z.string()),
  ffmpeg_args: z.array(z.string()),
});

const pageCreated = z.object({
  ...created,
  stream_type: z.literal('resolver'),
  format: z.string(),
  resolver: z.string(),
  resolver_args: z.string(),
});

const anyOrder = z.object(source);

type Order = z.infer<typeof anyOrder>;

export function createRoutes(
  app: Api,
  { catalogue, guard, config, pageResolvers }: Services,
  access: PlaybackAccess,
): void {
  const disclosure = disclosureFor(config.apiToken);
  const tags = ['Streams'];

  const createPage = async (body: z.infer<typeof transcodeOrder>, resolver: StreamPage['resolver']) => {
    // What yt-dlp has by itself, `bestvideo+bestaudio`, is often of codecs that MPEG-TS does not hold.
    const asked = body.resolver_args?.trim() || 'best';
    const { scheme, url } = divideScheme(body.url);
    const args = scheme === '' ? asked : `${scheme} ${asked}`;
    const cookies = body.cookies ?? undefined;
    const cookiesPath = body.cookies_path ?? undefined;
    await pageResolvers.check({ resolver, url, args, cookies, cookiesPath });
    const page = { resolver, args, cookies, cookiesPath };
    const answer = await catalogue.createPage({ ...orderOf({ ...body, url }), page });
    const { url: endpoint, expiresAtMs } = access.urlOf(answer.stream);
    return {
      ...common(answer, body.metadata, disclosure),
      ...warned(warningsOf({ ...body, cookies: null, cookies_path: null }, guard)),
      stream_type: 'resolver' as const,
      stream_endpoint: endpoint,
      playlist_url: null,
      direct_url: endpoint,
      playback_expires_at: optionalIsoTime(expiresAtMs),
      format: 'mpegts',
      resolver,
      resolver_args: args,
      message: answer.existing
        ? 'Stream exists already; it keeps its first metadata and failovers'
        : `Stream created successfully (${resolver})`,
    };
  };

  app.post(
    '/streams',
    {
      schema: {
        tags,
        summary: 'Create a direct stream: the media is passed on unchanged.',
        body: streamOrder,
        response: { 200: streamCreated },
      },
    },
    async ({ body }) => {
      const answer = await catalogue.createDirect({ ...orderOf(body), share: body.share ?? undefined });
      const type = listedAs(answer.stream, answer.stream.url) ?? ('direct' as const);
      const { url: endpoint, expiresAtMs } = access.urlOf(answer.stream);
      return {
        ...common(answer, body.metadata, disclosure),
        ...warned([...warningsOf(body, guard), ...silenceWarnings(body, answer.stream, config)]),
        stream_type: type,
        stream_endpoint: endpoint,
        playlist_url: endpoint,
        direct_url: endpoint,
        playback_expires_at: optionalIsoTime(expiresAtMs),
        message: `Stream ${answer.existing ? 'exists already' : 'created successfully'} (${type})`,
      };
    },
  );

  app.post(
    '/transcode',
    {
      schema: {
        tags,
        summary: 'Create a transcoded stream; its viewers share one FFmpeg.',
        body: transcodeOrder,
        response: { 200: z.union([transcodeCreated, pageCreated]) },
      },
    },
    async ({ body }) => {
      if (body.resolver != null) return createPage(body, body.resolver);
      const { scheme } = divideScheme(body.url);
      if (scheme !== '') throw new StreampoolError(422, `A URL with ${scheme} needs resolver: streamlink.`);
      if (listedByName(body.url) === 'dash') throw new StreampoolError(400, NO_DASH_PROFILES);
      const answer = await catalogue.createTranscoded({
        ...orderOf(body),
        profile: body.profile,
        profileVariables: body.profile_variables ?? undefined,
        outputFormat: body.output_format ?? undefined,
      });
      const { stream, existing, asked } = answer;
      const profile = profileOf(stream);
      // One stream plays both ways, so each caller is told the way that it asked for.
      const hls = asked.hls && profile.container === 'mpegts';
      const { url: endpoint, expiresAtMs } = access.urlOf(stream, { hls });
      return {
        ...common(answer, body.metadata, disclosure),
        ...warned([...warningsOf(body, guard), ...hlsWarnings(asked, profile, config.hlsSegmentTimeMs)]),
        stream_type: 'transcoded' as const,
        stream_endpoint: endpoint,
        playlist_url: hls ? endpoint : null,
        direct_url: endpoint,
        playback_expires_at: optionalIsoTime(expiresAtMs),
        format: hls ? 'hls' : profile.container,
        profile: profile.name,
        profile_variables: profile.variables,
        ffmpeg_args: [...profile.args],
        message: existing
          ? 'Transcoded stream exists already; it keeps its first profile, metadata and failovers'
          : `Transcoded stream created successfully (${profile.name})`,
      };
    },
  );
}

function orderOf(body: Order) {
  return {
    url: body.url,
    failoverUrls: body.failover_urls ?? undefined,
    failoverResolverUrl: body.failover_resolver_url ?? undefined,
    userAgent: body.user_agent ?? undefined,
    headers: body.headers ?? undefined,
    stickySession: body.use_sticky_session ?? undefined,
    metadata: body.metadata ?? undefined,
    silence: silenceOrderOf(body),
  };
}

/** What the request asks for and the worker will not do; the stream plays without it. */
function warningsOf(body: Order & { cookies?: unknown; cookies_path?: unknown }, guard: EgressGuard): string[] {
  const warnings: string[] = [];
  for (const name of ['cookies', 'cookies_path'] as const) {
    if (body[name] != null) {
      warnings.push(`${name} has no effect without a resolver.`);
    }
  }
  const refused = (url: string, consequence: string) => {
    const reason = guard.refusal(new URL(url));
    if (reason !== undefined) warnings.push(`${consequence}: ${reason}`);
  };
  for (const [index, url] of (body.failover_urls ?? []).entries()) {
    refused(url, `failover_urls[${index}] will not be opened`);
  }
  if (body.failover_resolver_url != null) {
    refused(body.failover_resolver_url, 'failover_resolver_url will not be asked');
  }
  return warnings;
}

/** What is passed on to each viewer alone is measured by nobody. By the setting alone it matters only where there is another source. */
function silenceWarnings(
  { enable_silence_detection: asked }: Order,
  stream: StreamRecord,
  { shareDirectStreams, silenceDetection }: Pick<Services['config'], 'shareDirectStreams' | 'silenceDetection'>,
): string[] {
  const isOn = asked ?? (silenceDetection && hasFailover(stream));
  if (!isOn || isShared(stream, shareDirectStreams)) return [];
  return [
    `${asked === true ? 'enable_silence_detection' : 'ENABLE_SILENCE_DETECTION'} has no effect on this stream: its viewers share no connection. Use POST /transcode, or share: true for live MPEG-TS.`,
  ];
}

function warned(warnings: readonly string[]): { readonly warnings?: string[] } {
  return warnings.length === 0 ? {} : { warnings: [...warnings] };
}

/**
 * The fields that all creations answer. For a stream that existed already, another client may have created it: its fields are
 * shown as lists show them. For a new one, metadata is shown without what the profile adds.
 */
function common(
  { stream, existing }: CreateAnswer,
  metadata: Record<string, string> | null | undefined,
  disclosure: Disclosure,
) {
  const urlOf = (url: string): string => (existing ? disclosure.url(url) : url);
  return {
    stream_id: stream.id,
    primary_url: stream.url,
    failover_urls: stream.failoverUrls.map(urlOf),
    user_agent: stream.userAgent,
    existing,
    ...(metadata == null ? {} : { metadata: existing ? disclosure.metadata(stream.metadata) : metadata }),
  };
}

function profileOf(stream: StreamRecord) {
  if (stream.profile !== undefined) return stream.profile;
  throw new Error(`stream ${stream.id} was created with a profile and has none`);
}
