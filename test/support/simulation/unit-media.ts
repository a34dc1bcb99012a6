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

export interface Unit {
  readonly number: number;
  /** The run that has made it. */
  readonly maker: number;
}

export function unitBytes({ number, maker }: Unit): Buffer {
  const bytes = Buffer.alloc(UNIT_BYTES);
  bytes.writeUInt32BE(number, 0);
  bytes.writeUInt32BE(maker, 4);
  return bytes;
}

export function unitsIn(bytes: Buffer): Unit[] {
  if (bytes.length % UNIT_BYTES !== 0) throw new Error('the media was cut within a unit');
  const units: Unit[] = [];
  for (let at = 0; at < bytes.length; at += UNIT_BYTES) {
    units.push({ number: bytes.readUInt32BE(at), maker: bytes.readUInt32BE(at + 4) });
  }
  return units;
}

/** What a simulation is told of the media that goes into a feed. */
export interface MediaWatch {
  /** A new input goes on with the media that is there. `same`: it says that these are its own pictures up to `last`. */
  begins(kind: Input['kind'], same: boolean, last: Unit | undefined): void;
  passes(kind: Input['kind'], unit: Unit): void;
  /** The feed is over; so many read it. */
  ends(end: FeedEnd, readers: number): void;
}

const NO_PREFIX = Buffer.alloc(0);

export function unitOutput(feed: Feed, watch: MediaWatch): FeedOutput {
  const { ring } = feed;
  let last: Unit | undefined;
  let kind: Input['kind'] = 'source';
  feed.onEnd(() => feed.end !== undefined && watch.ends(feed.end, feed.readerCount));
  return {
    continuable: true,
    resumePoint: { videoPts: undefined, audioPts: undefined },
    get lastDts() {
      return last && last.number * UNIT_MS * TICKS_PER_MS;
    },
    get shift() {
      return last && 0;
    },
    lastVideoMs: undefined,
    lastAudioMs: undefined,
    goOn: () => undefined,
    begin: (input) => {
      kind = input.kind;
      const continues: Continuation | undefined = 'continues' in input ? input.continues : undefined;
      watch.begins(kind, continues?.samePictures === true, last);
    },
    push: (chunk) => {
      for (const unit of unitsIn(chunk)) {
        // As a splicer: what is there already is not sent again.
        if (last !== undefined && unit.number <= last.number) continue;
        watch.passes(kind, unit);
        last = unit;
        ring.mark(NO_PREFIX, unit.number * UNIT_MS);
        const bytes = unitBytes(unit);
        ring.append(bytes, 0, bytes.length);
      }
    },
    flush: () => undefined,
    end: () => undefined,
  };
}
