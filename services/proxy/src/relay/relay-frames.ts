/**
 * What a relay sends: frames of one type byte, a 32-bit length and a body. Media frames hold the bytes of the ring. The other
 * frames say who sends and how the relay ended. The other side may be an older or a newer worker: a frame of an unknown type is
 * skipped, and a frame with unexpected content is ignored.
 */

import { z } from 'zod';
import { ownerShape } from '../../../registry/shapes.ts';
import type { Owner } from '../../../registry/types.ts';
import type { OwnerHistory } from '../feed/feed-history.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import { newsShape, withEntries } from '../feed/hls/segment-news.ts';
import { clockShape, type SaidClock } from './clock-frames.ts';
import { marksShape, type SaidMarks } from './mark-frames.ts';
import { ticksShape } from './ticks-shape.ts';

/**
 * The version of the frames that this worker speaks. A follower sends its own in the header `X-Relay-Version`, and the hello
 * answers the lower one of both. Version 1 sends no such header, and its relay ends at an unknown type. From version 2 on,
 * unknown types are skipped, so a sender may use new ones. A relay must also work without them.
 */
export const RELAY_VERSION = 2;
export const VERSION_HEADER = 'x-relay-version';

/** The version that both sides speak. @param said the header of the other side */
export function agreedVersion(said: string | string[] | undefined): number {
  const theirs = Number(said);
  return Number.isInteger(theirs) && theirs > 0 ? Math.min(theirs, RELAY_VERSION) : 1;
}

export type RelayEnd =
  /** The feed is over everywhere: no worker takes it over. */
  | { kind: 'ended' }
  | {
      kind: 'failed';
      status: number;
      reason: string;
      message: string;
      /** The provider's own status, where it answered with one. */
      upstreamStatus?: number | undefined;
      retryAfterSeconds?: number | undefined;
    }
  /** Another worker makes the feed from here on: `owner`, if known. */
  | { kind: 'moved'; owner?: Owner | undefined };

export interface RelayHello {
  /** Undefined: 1. */
  version?: number | undefined;
  incarnation: string;
  lineage: OwnerHistory;
  /**
   * Where the feed is, in ticks of its timeline that are not wrapped: times in media begin again after 26.5 hours.
   * Undefined from an older worker, and for a container that has no such times.
   */
  ticks?: number | undefined;
  /** What a follower needs to go on with the source's lists, before any media. Undefined when no marks are known. */
  marks?: SaidMarks | undefined;
}

/** What the provider said of something that was fetched from it. */
export interface FetchedHead {
  /** Of a playlist: its address after redirects. */
  url?: string | undefined;
  /** Of a playlist: how long ago the provider sent it. */
  ageMs?: number | undefined;
  /** Of a playlist: it is another variant than was asked for. */
  isInstead?: boolean | undefined;
  /** The source is no HLS: why that is known. */
  notHls?: string | undefined;
  /** It is no HLS, but DASH. */
  isDash?: boolean | undefined;
  /** Of media. */
  status?: number | undefined;
  /** Of media; names in lower case. */
  headers?: Record<string, string> | undefined;
}

export type RelayFrame =
  | { type: 'head'; head: FetchedHead }
  | { type: 'hello'; hello: RelayHello }
  | { type: 'clock'; clock: SaidClock | undefined }
  | { type: 'segments'; segments: SaidMarks }
  | { type: 'window'; window: SegmentNews }
  /** `whole`: the media up to here ends with complete units, so the reader need not wait for more. */
  | { type: 'data'; bytes: Buffer; whole: boolean }
  | { type: 'end'; end: RelayEnd }
  | { type: 'ping' };

/** `data` and `whole` are followed by media, the others by JSON. */
const TYPES = ['hello', 'data', 'end', 'ping', 'clock', 'whole', 'segments', 'head', 'window'] as const;
const HEADER_BYTES = 5;
/** Larger than any frame that a worker sends. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** The header in front of `length` bytes of media; `whole` if all units that have begun end with them. */
export function dataHeader(length: number, whole: boolean): Buffer {
  return header(whole ? 'whole' : 'data', length);
}

export function encodeFrame(frame: Exclude<RelayFrame, { type: 'data' }>): Buffer {
  const bytes = Buffer.from(JSON.stringify(frame, withEntries));
  return Buffer.concat([header(frame.type, bytes.length), bytes]);
}

function header(type: (typeof TYPES)[number], length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes[0] = TYPES.indexOf(type);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

const finite = z.number();

const helloShape: z.ZodType<RelayHello> = z.looseObject({
  version: finite.optional(),
  incarnation: z.string(),
  ticks: ticksShape.optional().catch(undefined),
  marks: marksShape.optional().catch(undefined),
  lineage: z.looseObject({
    timeline: z.string(),
    epoch: finite,
    changes: z.array(
      z
        .looseObject({ epoch: finite, afterDts: finite.optional() })
        .transform((change) => ({ ...change, afterDts: change.afterDts })),
    ),
  }),
});

/** An unknown end record still means that the feed continues elsewhere or is over: the registry knows which. */
const endShape: z.ZodType<RelayEnd> = z
  .discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('ended') }),
    z.looseObject({
      kind: z.literal('failed'),
      status: z.number().int().min(400).max(599).catch(502),
      reason: z.string().catch('ffmpeg'),
      message: z.string().catch('The worker that makes the stream does not say why it failed.'),
      upstreamStatus: z.number().optional().catch(undefined),
      retryAfterSeconds: z.number().optional().catch(undefined),
    }),
    z.looseObject({ kind: z.literal('moved'), owner: ownerShape.optional().catch(undefined) }),
  ])
  .catch({ kind: 'moved' });

const headShape: z.ZodType<FetchedHead> = z.looseObject({
  url: z.string().optional(),
  ageMs: finite.optional(),
  isInstead: z.boolean().optional(),
  notHls: z.string().optional(),
  isDash: z.boolean().optional(),
  status: z.number().int().min(100).max(599).optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

/** A frame without media, from its JSON; undefined when the content is not valid. */
function readFrame(type: Exclude<(typeof TYPES)[number], 'data' | 'whole'>, text: string): RelayFrame | undefined {
  let said: Partial<Record<'hello' | 'clock' | 'segments' | 'window' | 'end' | 'head', unknown>> | null;
  try {
    said = JSON.parse(text);
  } catch {
    said = null;
  }
  switch (type) {
    case 'hello': {
      const { data } = helloShape.safeParse(said?.hello);
      return data && { type, hello: data };
    }
    case 'clock':
      return { type, clock: clockShape.safeParse(said?.clock).data };
    case 'segments': {
      const { data } = marksShape.safeParse(said?.segments);
      return data && { type, segments: data };
    }
    case 'window': {
      const { data } = newsShape.safeParse(said?.window);
      return data && { type, window: data };
    }
    case 'end':
      return { type, end: endShape.parse(said?.end) };
    case 'head': {
      const { data } = headShape.safeParse(said?.head);
      return data && { type, head: data };
    }
    case 'ping':
      return { type };
  }
}

/** Turns bytes in pieces of any size into frames. Passes media on in the pieces in which it comes. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #mediaLeft = 0;
  #isWhole = false;
  /** Bytes left of a frame with an unknown type. */
  #skipLeft = 0;

  /** @throws Error when the bytes are not frames */
  push(chunk: Buffer, onFrame: (frame: RelayFrame) => void): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    for (;;) {
      if (this.#skipLeft > 0) {
        const skipped = Math.min(this.#skipLeft, bytes.length);
        this.#skipLeft -= skipped;
        bytes = bytes.subarray(skipped);
      }
      if (this.#mediaLeft > 0) {
        if (bytes.length === 0) break;
        const part = bytes.subarray(0, this.#mediaLeft);
        this.#mediaLeft -= part.length;
        bytes = bytes.subarray(part.length);
        onFrame({ type: 'data', bytes: part, whole: this.#isWhole && this.#mediaLeft === 0 });
        continue;
      }
      if (bytes.length < HEADER_BYTES) break;
      const type = TYPES[bytes[0] as number];
      const length = bytes.readUInt32BE(1);
      if (length > MAX_FRAME_BYTES) throw new Error('the relay sent something that is not a frame');
      if (type === undefined) {
        this.#skipLeft = length;
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      if (type === 'data' || type === 'whole') {
        this.#mediaLeft = length;
        this.#isWhole = type === 'whole';
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      if (bytes.length < HEADER_BYTES + length) break;
      const frame = readFrame(type, bytes.toString('utf8', HEADER_BYTES, HEADER_BYTES + length));
      bytes = bytes.subarray(HEADER_BYTES + length);
      if (frame !== undefined) onFrame(frame);
    }
    this.#rest = Buffer.from(bytes);
  }
}
