/** What the owner of a feed says about its segments, and what the segmenter hands over with it. */

import type { Counters, SegmentProgram } from '../../mpegts/segmenting/segment-writer.ts';
import type { Mark, MarkList } from '../marks/mark.ts';
import type { Init } from './cmaf-segment.ts';

/** What segments are made as: MPEG-TS, or fragmented mp4. */
export type Container = (typeof CONTAINERS)[number];
export const CONTAINERS = ['ts', 'fmp4'] as const;

/** A segment begins. */
export interface Cut {
  readonly list: MarkList;
  readonly n: number;
  /** Of the picture that it begins with, 90 kHz on the feed's timeline, not wrapped. */
  readonly pts: number;
  readonly mark: Mark;
  readonly program: SegmentProgram;
  /** No picture in it needs one from before it. */
  readonly independent: boolean;
}

/** What is said of a part of a segment. */
export interface PartFacts {
  readonly seconds: number;
  /** A player can begin with it. */
  readonly independent: boolean;
  /** Of its media. */
  readonly bytes: number;
  readonly crc: number;
}

/** A part of a segment has ended. */
export interface Part {
  readonly n: number;
  readonly p: number;
  /** Where its segment begins. */
  readonly mark: Mark;
  /** What its segment needs. */
  readonly init: Init;
  readonly facts: PartFacts;
  readonly bytes: Buffer;
}

/** With what a segment ended, so that the next one goes on from there. */
export interface SegmentEnd {
  /** The next counter of each PID. */
  readonly counters: Counters;
  /** Number of the last chunk of fragmented mp4. */
  readonly chunk: number;
}

/** Fragmented mp4 of a segment. */
export interface DoneCmaf {
  readonly bytes: Buffer;
  readonly crc: number;
  readonly init: Init;
  /** Its media is theirs, one behind the other. Empty: it has none. */
  readonly parts: readonly PartFacts[];
}

/** A segment has ended. */
export interface Done extends SegmentEnd {
  readonly n: number;
  /** Where it begins. */
  readonly mark: Mark;
  /** No picture in it needs one from before it. */
  readonly independent: boolean;
  /** From its mark to the next one. */
  readonly seconds: number;
  /** How much media there is up to a hole in the feed, in s. Undefined: there is no hole in it. */
  readonly mediaSeconds?: number | undefined;
  /** The feed has nothing for this number. */
  readonly gap: boolean;
  /** MPEG-TS, if it is made. */
  readonly ts: { readonly bytes: Buffer; readonly crc: number } | undefined;
  /** Fragmented mp4, if it is made. */
  readonly fmp4: DoneCmaf | undefined;
}
