/**
 * Media of a simulation: numbered units, in place of pictures. A unit says who has made it, so that it shows whether a follower goes
 * on with the pictures that it has, or with those of another encoder.
 */

import type { Feed, FeedEnd } from '../../../services/proxy/src/feed/feed.ts';
import type { FeedOutput } from '../../../services/proxy/src/feed/feed-output.ts';
import type { Continuation, Input } from '../../../services/proxy/src/mpegts/splicing/input.ts';
import { TICKS_PER_MS } from '../../../services/proxy/src/mpegts/syntax/timestamp.ts';

/** One unit a quarter of a second. */
export const UNIT_MS = 250;
const UNIT_BYTES = 16;
const NONE = 0xffff_ffff;
const UNIT_TICKS = UNIT_MS * TICKS_PER_MS;

export interface Unit {
  readonly number: number;
  /** The run that has made it. */
  readonly maker: number;
  /** Of a live source: the connection over which its picture came. */
  readonly connection?: number | undefined;
  /** When that is on the source feed's timeline, in ticks. */
  readonly dts?: number | undefined;
}

export function unitBytes({ number, maker, connection = NONE, dts = NONE }: Unit): Buffer {
  const bytes = Buffer.alloc(UNIT_BYTES);
  bytes.writeUInt32BE(number, 0);
  bytes.writeUInt32BE(maker, 4);
  bytes.writeUInt32BE(connection, 8);
  // A source feed begins at 10 s, so it does not come to the limit of 32 bits.
  bytes.writeUInt32BE(dts, 12);
  return bytes;
}

export function unitsIn(bytes: Buffer): Unit[] {
  if (bytes.length % UNIT_BYTES !== 0) throw new Error('the media was cut within a unit');
  const units: Unit[] = [];
  for (let at = 0; at < bytes.length; at += UNIT_BYTES) {
    const connection = bytes.readUInt32BE(at + 8);
    const unit = { number: bytes.readUInt32BE(at), maker: bytes.readUInt32BE(at + 4) };
    units.push(connection === NONE ? unit : { ...unit, connection, dts: bytes.readUInt32BE(at + 12) });
  }
  return units;
}

/** What a simulation is told of the media that goes into a feed. */
export interface MediaWatch {
  /** A new input goes on with the media that is there. `same`: it says that these are its own pictures up to `last`. */
  begins(kind: Input['kind'], same: boolean, last: Unit | undefined): void;
  passes(kind: Input['kind'], unit: Unit): void;
  /** Whether the worker that is followed now has nothing of what comes next after `last`: it has begun the feed later. */
  beginsLater(last: Unit): boolean;
  /** The feed begins with this unit of a live source. */
  starts(unit: Unit & { readonly connection: number }): void;
  /** The feed is over; so many read it. */
  ends(end: FeedEnd, readers: number): void;
}

const NO_PREFIX = Buffer.alloc(0);

export function unitOutput(feed: Feed, watch: MediaWatch): FeedOutput {
  const { ring } = feed;
  let last: Unit | undefined;
  let kind: Input['kind'] = 'source';
  let shift = 0;
  let isAnew = false;
  feed.onEnd(() => feed.end !== undefined && watch.ends(feed.end, feed.readerCount));
  return {
    continuable: true,
    get resumePoint() {
      const next = last && (last.number + 1) * UNIT_TICKS;
      return { videoPts: next, videoDts: next, audioPts: undefined };
    },
    get lastDts() {
      return last && last.number * UNIT_TICKS;
    },
    get shift() {
      return last && shift;
    },
    lastVideoMs: undefined,
    lastAudioMs: undefined,
    breaks: undefined,
    goOn: () => undefined,
    begin: (input) => {
      kind = input.kind;
      const continues: Continuation | undefined = 'continues' in input ? input.continues : undefined;
      // Without a common clock, readers go on at the newest keyframe.
      isAnew =
        kind === 'relay'
          ? last !== undefined && (continues === undefined || watch.beginsLater(last))
          : last === undefined;
      watch.begins(kind, continues?.samePictures === true, last);
    },
    push: (chunk) => {
      for (const unit of unitsIn(chunk)) {
        // As a splicer: what is there already is not sent again.
        if (last !== undefined && unit.number <= last.number) continue;
        watch.passes(kind, unit);
        const { connection } = unit;
        if (isAnew && connection !== undefined) watch.starts({ ...unit, connection });
        isAnew = false;
        last = unit;
        shift = kind === 'run' && unit.dts !== undefined ? unit.number * UNIT_TICKS - unit.dts : 0;
        ring.mark(NO_PREFIX, unit.number * UNIT_MS);
        const bytes = unitBytes(unit);
        ring.append(bytes, 0, bytes.length);
      }
    },
    flush: () => undefined,
    end: () => undefined,
  };
}
