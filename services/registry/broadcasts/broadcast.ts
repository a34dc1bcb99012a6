/**
 * Broadcasts as the registry keeps them: recordings, and the windows of network channels. What was asked for, and how far the worker
 * is that makes it.
 */

import { z } from 'zod';

export const BROADCAST_STATES = ['starting', 'running', 'stopping', 'stopped', 'failed'] as const;
export type BroadcastState = (typeof BROADCAST_STATES)[number];
export const broadcastState = z.enum(BROADCAST_STATES);

export const BROADCAST_KINDS = ['recording', 'channel'] as const;
/** `recording`: everything is kept. `channel`: a window. */
export type BroadcastKind = (typeof BROADCAST_KINDS)[number];

export function kindOfOrder({ kept }: Pick<BroadcastOrder, 'kept'>): BroadcastKind {
  return kept ? 'recording' : 'channel';
}

/** It is over, for whatever reason. */
export function hasEnded(state: BroadcastState): boolean {
  return state === 'stopped' || state === 'failed';
}

/** What a stream is made from. */
export interface BroadcastSource {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent?: string | undefined;
  readonly failoverUrls?: readonly string[] | undefined;
  readonly failoverResolverUrl?: string | undefined;
  /** The template of FFmpeg that makes it; undefined: it is copied. */
  readonly profile?: string | undefined;
  /** Of its sound, with a template: as `languageCode` writes it. */
  readonly audioLanguage?: string | undefined;
}

/** Subtitles that go with a programme. */
export interface BroadcastSubtitles {
  /** The file that has them. */
  readonly url: string;
  /** Sent to whoever has it. */
  readonly headers: Readonly<Record<string, string>>;
  /** As the caller gave it. */
  readonly language?: string | undefined;
  /** Where in the file the programme begins, in s. */
  readonly seekSeconds: number;
}

/** What `start` asked for. */
export interface BroadcastOrder {
  /** Grows with each start of the same broadcast: each is a programme. */
  readonly programme: number;
  /** The stream whose feed it is cut from. */
  readonly streamId: string;
  /** As the caller gave it. */
  readonly streamUrl: string;
  /** What that stream is made from, if it was made for this broadcast. Undefined: a stream that somebody else has created. */
  readonly source?: BroadcastSource | undefined;
  /** A growing sequence; otherwise a window. */
  readonly kept: boolean;
  /** `dvr_mode`, which callbacks repeat. */
  readonly dvrMode: boolean;
  /** `segment_duration`, in s. */
  readonly segmentSeconds: number;
  /** `hls_list_size`: of a window. */
  readonly listSize: number;
  /** `segment_start_number`, of a broadcast that is new. */
  readonly startNumber: number;
  /** The first segment begins with a discontinuity, also that of a new broadcast. */
  readonly discontinuity: boolean;
  /** In s; 0: until it is stopped. */
  readonly durationSeconds: number;
  /** `seek_seconds`: where a source with an end begins. */
  readonly seekSeconds: number;
  readonly subtitles?: BroadcastSubtitles | undefined;
  readonly callbackUrl?: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The programme that follows when this one has ended by itself. */
  readonly following?: Asked | undefined;
  /** Nobody has asked for it but with the programme before it. */
  readonly isAutomatic?: boolean | undefined;
}

/** A programme that has not begun. */
export type Asked = Omit<BroadcastOrder, 'programme'>;

/** A broadcast as it was asked for. */
export interface KeptBroadcast {
  readonly id: string;
  readonly order: BroadcastOrder;
  /** It was asked to end. */
  readonly isStopped: boolean;
}

export interface RecordedSegment {
  /** Of the broadcast, without a hole. */
  readonly n: number;
  /** Under which it is stored. */
  readonly epoch: number;
  readonly seconds: number;
  /** ms since 1970 */
  readonly pdtMs: number;
  readonly discontinuity: boolean;
  readonly bytes: number;
  /** Its subtitles are stored beside it. */
  readonly subtitled?: boolean | undefined;
}

/** Up to where the feed is in the broadcast. Whoever makes the broadcast next goes on there. */
export interface FeedPosition {
  /** Number of the next segment of the feed. */
  readonly next: number;
  /** When the one before it ends, ms since 1970. */
  readonly endMs: number;
}

/** How far it is, as the worker says that makes it. */
export interface BroadcastProgress {
  /** Of its ownership. */
  readonly epoch: number;
  /** Which order this is about. */
  readonly programme: number;
  readonly state: BroadcastState;
  readonly error?: string | undefined;
  /** ms since 1970 */
  readonly startedAtMs: number;
  readonly endedAtMs?: number | undefined;
  /** Number of the next segment. */
  readonly next: number;
  readonly bytes: number;
  readonly seconds: number;
  /** How much there is of the programme of now, in s. */
  readonly programmeSeconds: number;
  /** How many discontinuities there have been. */
  readonly discontinuities: number;
  /** How many segments are listed. Earlier versions do not say it. */
  readonly segments?: number | undefined;
  /** The worker that makes it, or has made it last. Whoever takes note of it knows that. */
  readonly worker?: string | undefined;
  /** The newest segment. Its worker may end before the index has it. */
  readonly last?: RecordedSegment | undefined;
  readonly feed?: FeedPosition | undefined;
  /** Of the FFmpeg that makes its feed, else a number that stays with it. */
  readonly pid: number;
}

export interface ShownBroadcast extends KeptBroadcast {
  /** Undefined: nobody has begun it, or the registry has lost it. */
  readonly progress: BroadcastProgress | undefined;
}

/** As people are told it: what was asked to end is `stopping` until its worker has ended it. */
export function shownState({ isStopped, progress }: ShownBroadcast): BroadcastState {
  const state = progress?.state ?? 'starting';
  return isStopped && !hasEnded(state) ? 'stopping' : state;
}

/** `mine`: it counts. `lost`: another worker makes it, or it was deleted. `unknown`: the registry has lost what it would compare with. */
export type NoteAnswer = 'mine' | 'lost' | 'unknown';

/** The key under which a broadcast is owned, as a feed is. */
export function broadcastKey(id: string): string {
  return `b:${id}`;
}

const count = z.int().nonnegative();

const sourceShape: z.ZodType<BroadcastSource> = z.looseObject({
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  userAgent: z.string().optional(),
  failoverUrls: z.array(z.string()).optional(),
  failoverResolverUrl: z.string().optional(),
  profile: z.string().optional(),
  audioLanguage: z.string().optional(),
});

const subtitlesShape: z.ZodType<BroadcastSubtitles> = z.looseObject({
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  language: z.string().optional(),
  seekSeconds: z.number().nonnegative(),
});

const askedFields = {
  streamId: z.string(),
  streamUrl: z.string(),
  source: sourceShape.optional(),
  kept: z.boolean(),
  dvrMode: z.boolean(),
  segmentSeconds: z.number().positive(),
  listSize: count,
  startNumber: count,
  discontinuity: z.boolean(),
  durationSeconds: z.number().nonnegative(),
  seekSeconds: z.number().nonnegative(),
  subtitles: subtitlesShape.optional(),
  callbackUrl: z.string().optional(),
  metadata: z.record(z.string(), z.string()),
  isAutomatic: z.boolean().optional(),
};
const askedShape: z.ZodType<Asked> = z.looseObject(askedFields);

export const orderShape: z.ZodType<BroadcastOrder> = z.looseObject({
  ...askedFields,
  programme: count,
  following: askedShape.optional(),
});

export const segmentShape: z.ZodType<RecordedSegment> = z.looseObject({
  n: count,
  epoch: count,
  seconds: z.number(),
  pdtMs: z.number(),
  discontinuity: z.boolean(),
  bytes: count,
  subtitled: z.boolean().optional(),
});

export const positionShape: z.ZodType<FeedPosition> = z.looseObject({ next: z.int(), endMs: z.number() });

export const broadcastProgressShape: z.ZodType<BroadcastProgress> = z.looseObject({
  epoch: count,
  programme: count,
  state: broadcastState,
  error: z.string().optional(),
  startedAtMs: z.number(),
  endedAtMs: z.number().optional(),
  next: count,
  bytes: count,
  seconds: z.number().nonnegative(),
  programmeSeconds: z.number().nonnegative(),
  discontinuities: count,
  segments: count.optional(),
  worker: z.string().optional(),
  last: segmentShape.optional(),
  feed: positionShape.optional(),
  pid: z.int().positive(),
});

/** So many there may be, with those that have ended. */
export const MAX_BROADCASTS = 10_000;

/** What the cluster knows of broadcasts. What they consist of stands beside their segments. */
export interface BroadcastBook {
  /**
   * Begins a programme: of a new broadcast, or the next one of a broadcast that is there. What was to end goes on with it.
   * @param after only if the broadcast is at this programme, and is not to end
   * @returns the number of the programme; undefined when there would be more than `MAX_BROADCASTS`, or it is not there
   */
  begin(id: string, order: Asked, after?: number): Promise<number | undefined>;
  /** Writes one back that the registry has lost, as its index has it. One that is there stays as it is. */
  restore(broadcast: KeptBroadcast): Promise<void>;
  /** It is to end. False when there is none. */
  end(id: string): Promise<boolean>;
  /** Forgets one. False when there is none. */
  remove(id: string): Promise<boolean>;
  list(): Promise<ShownBroadcast[]>;
  find(id: string): Promise<ShownBroadcast | undefined>;
  /** The streams from whose feeds something is cut: they are in use, also without a viewer. */
  recorded(): Promise<ReadonlySet<string>>;
  /**
   * Takes note of how far a broadcast is, if the caller makes it: this decides whose segments count.
   * @param progress its epoch is that of the ownership of `broadcastKey(id)`
   */
  note(id: string, progress: BroadcastProgress): Promise<NoteAnswer>;
}
