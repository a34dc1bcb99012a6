/** Looks at a source before a stream is made of it: asks for it, reads some seconds of it, and says what it is. */

import { type Clock, systemClock } from '../../../../shared/clock.ts';
import { secretsOf } from '../../../../shared/masking/mask.ts';
import type { MediaFacts } from '../../../../shared/media-facts.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import { PACKET_SIZE } from '../../mpegts/syntax/packet.ts';
import type { EgressGuard } from '../../upstream/egress/egress-guard.ts';
import { openUpstream, requireSuccess } from '../../upstream/http/open-upstream.ts';
import { BodyReader } from '../../upstream/messages/body-reader.ts';
import { parseContentLength } from '../../upstream/messages/byte-range.ts';
import { attributesOf } from '../../upstream/playlists/attribute-list.ts';
import type { SourceAddress } from '../../upstream/provider/source-address.ts';
import {
  FIRST_BYTES_WANTED,
  isChannelList,
  kindOfResponse,
  type SourceKind,
  speaksOfFile,
  transportStreamLayout,
} from '../../upstream/provider/source-kind.ts';
import { MediaReading } from '../../viewers/direct-media.ts';

/** How long a source may take to answer. */
const ANSWER_MS = 5_000;
/** It is read for so long at most. */
const READ_MS = 3_000;
const MOST_BYTES = 8 * 1024 * 1024;
/** Names of a list of channels that are shown. */
const NAMED = 5;

export interface FoundSource {
  readonly kind: 'mpegts' | 'hls' | 'dash' | 'file' | 'other';
  /** Bytes and ms that were read; 0 of a playlist or manifest, which is short. */
  readonly bytes: number;
  readonly tookMs: number;
  /** Of HLS: how many variants there are, and the largest size of theirs, as the playlist says. */
  readonly variants?: number | undefined;
  readonly resolution?: string | undefined;
  /** Of MPEG-TS, as far as what was read shows it. */
  readonly media?: MediaFacts | undefined;
  /** Of a file, if the provider says it. */
  readonly fileBytes?: number | undefined;
}

export type Look =
  | ({ readonly state: 'found' } & FoundSource)
  /** A list of channels, each with an address of its own. */
  | { readonly state: 'list'; readonly channels: number; readonly names: readonly string[] }
  /** Why it does not play, with credentials masked. */
  | { readonly state: 'failed'; readonly reason: string };

/**
 * Opens a source and closes it. Whoever calls holds a place among the provider's connections.
 *
 * @param signal ends it early
 */
export async function lookAt(
  address: SourceAddress,
  guard: EgressGuard,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<Look> {
  const { url, headers, userAgent } = address;
  try {
    const response = await openUpstream({
      ...{ url, headers, userAgent, guard, signal, clock },
      connectTimeoutMs: ANSWER_MS,
      headersTimeoutMs: ANSWER_MS,
    });
    try {
      requireSuccess(response);
      const reader = new BodyReader(response.body, response.url, clock);
      const firstBytes = await reader.peek(FIRST_BYTES_WANTED, READ_MS);
      const length = parseContentLength(response.headers['content-length']);
      const kind = kindOfResponse({
        ...{ firstBytes, contentLength: length, secrets: secretsOf(url, headers) },
        contentType: response.headers['content-type'],
        isNamedFile: speaksOfFile(response),
      });
      return await judged(kind, firstBytes, length, () => read(reader, clock));
    } finally {
      response.body.destroy();
      await response.closed;
    }
  } catch (error) {
    if (error instanceof SourceError && error.reason === 'stopped') {
      return { state: 'failed', reason: `The source did not answer within ${ANSWER_MS / 1_000} s.` };
    }
    if (error instanceof StreampoolError) return { state: 'failed', reason: error.message };
    throw error;
  }
}

interface ReadBytes {
  readonly pieces: readonly Buffer[];
  readonly bytes: number;
  readonly tookMs: number;
}

async function judged(
  { kind, ...more }: SourceKind,
  firstBytes: Buffer,
  fileBytes: number | undefined,
  readOn: () => Promise<ReadBytes>,
): Promise<Look> {
  if (kind === 'dash') return { state: 'found', kind, bytes: 0, tookMs: 0 };
  if (kind === 'not_media') {
    if (isChannelList(firstBytes.toString('utf8'))) return channelsOf(textOf(await readOn()));
    return { state: 'failed', reason: 'detail' in more ? more.detail : '' };
  }
  const whole = await readOn();
  const { bytes, tookMs } = whole;
  if (kind === 'hls') return { state: 'found', kind, bytes, tookMs, ...variantsOf(textOf(whole)) };
  if (kind === 'finite') return { state: 'found', kind: 'file', bytes, tookMs, fileBytes };
  return { state: 'found', kind, bytes, tookMs, media: kind === 'mpegts' ? mediaOf(whole) : undefined };
}

function mediaOf({ pieces }: ReadBytes): MediaFacts | undefined {
  const all = Buffer.concat(pieces);
  const layout = transportStreamLayout(all.subarray(0, FIRST_BYTES_WANTED));
  if (layout?.packetBytes !== PACKET_SIZE) return undefined;
  const end = all.length - ((all.length - layout.offset) % PACKET_SIZE);
  // What has come is all that there will be, whenever it came.
  const reading = new MediaReading(0);
  reading.push(all.subarray(layout.offset, end), 0);
  return reading.facts;
}

/** What comes within the time, from the first byte on. A source that breaks off has still shown what it is. */
async function read(reader: BodyReader, clock: Clock): Promise<ReadBytes> {
  const sinceMs = clock.monotonicMs();
  const pieces: Buffer[] = [];
  let bytes = 0;
  const passedMs = () => clock.monotonicMs() - sinceMs;
  while (bytes < MOST_BYTES && passedMs() < READ_MS) {
    const piece = await reader.read(Math.max(1, READ_MS - passedMs())).catch((error: unknown) => {
      if (error instanceof SourceError) return undefined;
      throw error;
    });
    if (piece === undefined) break;
    pieces.push(piece);
    bytes += piece.length;
  }
  return { pieces, bytes, tookMs: Math.round(passedMs()) };
}

function textOf({ pieces }: ReadBytes): string {
  return Buffer.concat(pieces).toString('utf8');
}

function channelsOf(text: string): Look {
  const titles = [...text.matchAll(/^#EXTINF:[^\r\n]*/gim)].map(([line]) =>
    line.slice(line.lastIndexOf(',') + 1).trim(),
  );
  return { state: 'list', channels: titles.length, names: titles.filter((title) => title !== '').slice(0, NAMED) };
}

function variantsOf(text: string): Pick<FoundSource, 'variants' | 'resolution'> {
  const lines = [...text.matchAll(/^#EXT-X-STREAM-INF:[^\r\n]*/gm)].map(([line]) => attributesOf(line));
  if (lines.length === 0) return {};
  const pixels = (size: string): number => size.split('x').reduce((product, side) => product * (Number(side) || 0), 1);
  const [largest] = lines
    .flatMap((attributes) => attributes.get('RESOLUTION') ?? [])
    .sort((a, b) => pixels(b) - pixels(a));
  return { variants: lines.length, resolution: largest };
}
