/** What `POST /broadcast/{network_id}/start` asks for, as m3u-editor sends it. */

import { z } from 'zod';
import type { Asked, BroadcastSource } from '../../../../registry/broadcasts/broadcast.ts';
import type { StreamRecord } from '../../../../registry/types.ts';
import { createSource } from '../../broadcasts/broadcast-source.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { bodyFlag, bodyInteger, bodyNumber, emptyIsNone, sourceUrl, textValues } from '../http/fields.ts';
import { subtitleFields, subtitlesOf } from './broadcast-subtitles.ts';
import { broadcastProfile, transcodeFields } from './broadcast-transcode.ts';

/** The profile that changes nothing but the container. */
const COPY = '-i {input_url} -c copy -f mpegts {output_args}';
const NO_PAGE_TRANSCODES =
  'The stream plays a web page, and its media is recorded as it is. Send no `transcode`, or give the URL of the media.';
const MAX_LIST = 1_000;
const MAX_SEGMENT_S = 60;
const MAX_DURATION_S = 30 * 86_400;

const programme = z.object({
  stream_url: sourceUrl.describe(
    'What is recorded. If its path ends in `/stream/{stream_id}` of a stream that is known here, its feed is recorded without another connection.',
  ),
  seek_seconds: bodyNumber
    .pipe(z.number().min(0))
    .default(0)
    .describe('Where a film begins. A live source has no such place.'),
  duration_seconds: bodyNumber
    .pipe(z.number().min(0).max(MAX_DURATION_S))
    .default(0)
    .describe('When the programme ends; 0: when it is stopped.'),
  segment_start_number: bodyInteger
    .pipe(z.int().min(0).max(999_999_999))
    .default(0)
    .describe('Number of the first segment of a broadcast that is new. Those of one that is there go on.'),
  add_discontinuity: bodyFlag.default(false).describe('Whether the first segment begins with a discontinuity.'),
  segment_duration: bodyNumber
    .pipe(z.number().min(1).max(MAX_SEGMENT_S))
    .default(6)
    .describe('Seconds of a segment, nearly: it begins where a segment of the stream does.'),
  hls_list_size: bodyInteger
    .pipe(z.int().min(0).max(MAX_LIST))
    .default(20)
    .describe('Segments of a window. 0: nothing is left out, as with `dvr_mode`.'),
  dvr_mode: bodyFlag.default(false).describe('A recording: its playlist grows, and ends.'),
  callback_url: emptyIsNone(sourceUrl.nullable()).describe('Is told when a programme ends or fails.'),
  headers: z.record(z.string(), z.string()).nullish().describe('Sent to the provider.'),
  metadata: textValues.nullish().describe('Of the stream that is made for it.'),
  ...transcodeFields,
  ...subtitleFields,
  output_dir: z.unknown().optional().describe('Accepted without effect: RECORDINGS says where recordings are.'),
});

export const broadcastStart = programme.extend({
  next_stream_config: z
    .looseObject({ stream_url: sourceUrl })
    .nullish()
    .describe(
      'The programme that begins by itself when this one has ended, with the fields of a start. Of those that it leaves out, the kind of the playlist, the segments, the callback, the headers and the encoding are as here.',
    ),
});

type Start = z.infer<typeof programme>;

/**
 * The order of a broadcast, with that of the programme that follows. Creates the streams that it needs, if there are none.
 * @param stream that is recorded, if it is known without its URL
 * @throws {StreampoolError} 422 for a URL, header or field that is not allowed
 */
export async function orderOf(
  start: z.infer<typeof broadcastStart>,
  services: Services,
  stream?: StreamRecord,
): Promise<Asked> {
  const { next_stream_config: next, ...first } = start;
  if (next == null) return programmeOf(first, services, stream);
  // What is the first programme's alone is not taken over.
  const { seek_seconds, duration_seconds, add_discontinuity, segment_start_number, ...more } = first;
  const { subtitle_url, subtitle_seek_seconds, ...both } = more;
  const read = programme.safeParse({ ...both, ...next });
  if (!read.success) throw new StreampoolError(422, `next_stream_config: ${z.prettifyError(read.error)}`);
  const [order, following] = [await programmeOf(first, services, stream), await programmeOf(read.data, services)];
  if (following.kept !== order.kept) {
    throw new StreampoolError(422, 'next_stream_config: a recording is followed by a recording, a window by a window.');
  }
  return { ...order, following };
}

async function programmeOf(start: Start, services: Services, stream?: StreamRecord): Promise<Asked> {
  const { guard, registry } = services;
  const own = ownStreamId(start.stream_url);
  const known = stream ?? (own === undefined ? undefined : await registry.stream(own));
  if (start.callback_url != null) guard.checkLiteral(new URL(start.callback_url));
  const subtitles = subtitlesOf(start, services);
  const kept = start.dvr_mode || start.hls_list_size === 0;
  return {
    ...(await streamOf(start, known, services)),
    ...{ streamUrl: start.stream_url, kept, dvrMode: start.dvr_mode, listSize: start.hls_list_size },
    ...{ segmentSeconds: start.segment_duration, durationSeconds: start.duration_seconds },
    seekSeconds: start.seek_seconds,
    ...{ startNumber: start.segment_start_number, discontinuity: start.add_discontinuity },
    ...(start.callback_url != null && { callbackUrl: start.callback_url }),
    ...(subtitles !== undefined && { subtitles }),
    metadata: start.metadata ?? {},
  };
}

async function streamOf(
  start: Start,
  known: StreamRecord | undefined,
  { catalogue }: Services,
): Promise<Pick<Asked, 'streamId' | 'source'>> {
  const given = known === undefined ? { url: start.stream_url, headers: start.headers ?? {} } : sourceOf(known);
  // Segments are cut from MPEG-TS: what a profile makes of it otherwise is not recorded, but its source.
  const isOther = known?.profile !== undefined && known.profile.container !== 'mpegts';
  // What has been made of a source already has one sound.
  const isMade = known?.profile !== undefined && !isOther && !start.transcode;
  const audioLanguage = isMade ? undefined : start.preferred_audio_language;
  const isCopied = isOther || audioLanguage !== undefined;
  const profile = start.transcode ? broadcastProfile(start) : isCopied ? COPY : undefined;
  if (known !== undefined && profile === undefined) return { streamId: known.id };
  if (known?.page !== undefined) throw new StreampoolError(422, NO_PAGE_TRANSCODES);
  const source: BroadcastSource = { ...given, ...(profile !== undefined && { profile, audioLanguage }) };
  // Whoever looks for the streams of a provider by metadata finds this one, too.
  const stream = await createSource(catalogue, source, { ...known?.metadata, ...start.metadata });
  return { streamId: stream.id, source };
}

/** What a stream of this cluster is made from: another profile of it shares its connection to the provider. */
function sourceOf({ url, headers, userAgent, failoverUrls, failoverResolverUrl }: StreamRecord): BroadcastSource {
  return { url, headers, userAgent, failoverUrls, ...(failoverResolverUrl !== undefined && { failoverResolverUrl }) };
}

/** The id in the URL of a stream of this cluster: whatever its host, with a prefix or without. */
export function ownStreamId(url: string): string | undefined {
  const [, id] = /\/stream\/([0-9a-f]{32})\/?$/.exec(new URL(url).pathname) ?? [];
  return id;
}
