/**
 * Lets what FFmpeg hands on in bursts flow evenly. From HLS with segments of 6 s it hands on 18 s at once, and then 6 s again and
 * again: viewers would get as much at once, and no segment of ours in between.
 */

import { finished, type Readable } from 'node:stream';
import type { Clock } from '../../../../shared/clock.ts';
import { pauseBy } from '../../async.ts';
import { pcrOf } from '../../mpegts/syntax/packet.ts';
import { Packetizer } from '../../mpegts/syntax/packetizer.ts';
import { TICKS_PER_MS, TICKS_PER_SECOND, ticksBetween } from '../../mpegts/syntax/timestamp.ts';
import { MediaQueue } from '../../relay/media-queue.ts';

export interface PacerOptions {
  /** How much media passes at once, before the clock holds it back. */
  readonly aheadMs: number;
  readonly clock: Clock;
}

/** What may wait here. Beyond that FFmpeg waits, and reads its input later. */
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** A larger step of the PCR is a jump of the clock, as one backwards is. */
const MAX_STEP = 10 * TICKS_PER_SECOND;
/** The distance of two PCRs that a jump is between. */
const USUAL_STEP = 0.04 * TICKS_PER_SECOND;
/**
 * While more than half of what may wait does, time goes by that much faster. A source whose clock is faster than ours would else
 * fill it in some hours, and one that begins with much at once would be behind for good.
 */
const CATCH_UP = 1.05;

/** The same bytes, each not before it is due. When the output ends, what is left of it comes at once. */
export async function* paced(output: Readable, { aheadMs, clock }: PacerOptions): AsyncGenerator<Buffer> {
  let heldBytes = 0;
  let failure: Error | null | undefined;
  const over = new AbortController();
  const held = new MediaQueue({
    maxBytes: MAX_HELD_BYTES,
    pause: () => void output.pause(),
    resume: () => void output.resume(),
  });
  output.on('data', (chunk: Buffer) => {
    heldBytes += chunk.length;
    held.push(chunk);
  });
  // An FFmpeg that had nothing to say may be gone already.
  finished(output, { writable: false }, (error) => {
    failure = error;
    over.abort();
    held.end();
  });
  const pace = new Pace(aheadMs * TICKS_PER_MS);
  const clocks = new ClockReader();
  try {
    for await (const chunk of held) {
      if (chunk === 'whole') continue;
      const pcr = clocks.firstIn(chunk);
      if (pcr !== undefined) {
        pace.reached(pcr, clock.monotonicMs(), heldBytes > MAX_HELD_BYTES / 2);
        for (let ms = pace.dueInMs(clock.monotonicMs()); ms > 0 && !over.signal.aborted; ) {
          await pauseBy(clock, ms, over.signal);
          ms = pace.dueInMs(clock.monotonicMs());
        }
      }
      heldBytes -= chunk.length;
      yield chunk;
    }
    if (failure) throw failure;
  } finally {
    output.destroy();
  }
}

/** Finds PCRs in bytes that may end in the middle of a packet. */
class ClockReader {
  readonly #packetizer = new Packetizer();

  /** The first one that becomes readable with these bytes. */
  firstIn(chunk: Buffer): number | undefined {
    let first: number | undefined;
    this.#packetizer.push(chunk, (bytes, offset) => {
      first ??= pcrOf(bytes, offset);
    });
    return first;
  }
}

/** When media is due, by its PCR. Times are ticks since the first one, without jumps. */
class Pace {
  readonly #aheadTicks: number;
  #rate = 1;
  /** The newest PCR, as it was read, and its time. */
  #pcr: number | undefined;
  #ticks = 0;
  /** What would play now, if it had begun with the first PCR. */
  #played = 0;
  #playedMs = 0;

  constructor(aheadTicks: number) {
    this.#aheadTicks = aheadTicks;
  }

  /** @param isMuch whether much waits behind it */
  reached(pcr: number, nowMs: number, isMuch: boolean): void {
    const step = this.#pcr === undefined ? 0 : ticksBetween(this.#pcr, pcr);
    this.#ticks += step < 0 || step > MAX_STEP ? USUAL_STEP : step;
    this.#pcr = pcr;
    // What is late would be followed by as much at once.
    this.#played = Math.min(this.#playedAt(nowMs), this.#ticks);
    this.#playedMs = nowMs;
    this.#rate = isMuch ? CATCH_UP : 1;
  }

  /** How long the newest has to wait; 0 or less: it is due. */
  dueInMs(nowMs: number): number {
    return (this.#ticks - this.#aheadTicks - this.#playedAt(nowMs)) / TICKS_PER_MS / this.#rate;
  }

  #playedAt(nowMs: number): number {
    return this.#played + (nowMs - this.#playedMs) * TICKS_PER_MS * this.#rate;
  }
}
