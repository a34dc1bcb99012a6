/**
 * What `clock` frames say: how a feed's times relate to those of its source, and which pictures the source feed has sent
 * lately. A frame has only the pictures that the follower has not heard of, so both sides keep count.
 */

import { z } from 'zod';
import type { SourceClock } from '../feed/feed-history.ts';
import { type Fingerprint, SentPictures } from '../mpegts/reading/sent-pictures.ts';
import { ticksShape } from './ticks-shape.ts';

/** A source clock as it travels. */
export interface SaidClock {
  readonly timeline: string;
  readonly shift: number;
  /** Undefined from a worker that does not know it, or that is older. */
  readonly origin?: SaidOrigin | undefined;
}

interface SaidOrigin {
  readonly source: string;
  readonly shift: number;
  /** Pairs of time and content: see `Fingerprint`. */
  readonly sent: readonly (readonly [number, number])[];
  /**
   * Where another shift began for the pictures: the time of the first one, and the shift (see `Fingerprint`). It holds for
   * later frames too. Undefined when none began, or from an older worker.
   */
  readonly shifts?: readonly (readonly [number, number])[] | undefined;
}

const originShape: z.ZodType<SaidOrigin> = z.looseObject({
  source: z.string(),
  shift: ticksShape,
  sent: z.array(z.tuple([ticksShape, z.number().int()])),
  shifts: z
    .array(z.tuple([ticksShape, ticksShape]))
    .optional()
    .catch(undefined),
});

export const clockShape: z.ZodType<SaidClock> = z.looseObject({
  timeline: z.string(),
  shift: ticksShape,
  origin: originShape.optional().catch(undefined),
});

/** The sending side. */
export class ClockNews {
  #clock: SourceClock | undefined;
  #sent: SentPictures | undefined;
  #count = 0;
  /** Of the newest picture that was said. */
  #shift: number | undefined;

  /** @returns the frame that is due before the next media; undefined when there is nothing new */
  of(clock: SourceClock | undefined): { type: 'clock'; clock: SaidClock | undefined } | undefined {
    const origin = clock?.origin;
    const isSame = clock === this.#clock;
    if (isSame && (origin?.sent.count ?? 0) === this.#count) return undefined;
    if (origin?.sent !== this.#sent || clock?.timeline !== this.#clock?.timeline) {
      this.#count = 0;
      this.#shift = undefined;
    }
    const pictures = origin?.sent.after(this.#count) ?? [];
    this.#clock = clock;
    this.#sent = origin?.sent;
    this.#count = origin?.sent.count ?? 0;
    if (clock === undefined) return { type: 'clock', clock };
    const { timeline, shift } = clock;
    const shifts = this.#shiftsOf(pictures);
    const said = origin && {
      source: origin.source,
      shift: origin.shift,
      sent: pictures.map(asPair),
      ...(shifts.length > 0 && { shifts }),
    };
    return { type: 'clock', clock: { timeline, shift, origin: said } };
  }

  #shiftsOf(pictures: readonly Fingerprint[]): [number, number][] {
    const shifts: [number, number][] = [];
    for (const { dts, shift } of pictures) {
      if (shift === undefined || shift === this.#shift) continue;
      shifts.push([dts, shift]);
      this.#shift = shift;
    }
    return shifts;
  }
}

/** The receiving side. */
export class HeardClock {
  #clock: SourceClock | undefined;

  get current(): SourceClock | undefined {
    return this.#clock;
  }

  /** @param nowMs monotonic */
  take(said: SaidClock | undefined, nowMs: number): void {
    if (said === undefined) {
      this.#clock = undefined;
      return;
    }
    const { timeline, shift, origin } = said;
    const known = this.#clock?.timeline === timeline ? this.#clock.origin?.sent : undefined;
    const sent = known ?? new SentPictures();
    if (origin !== undefined) addTo(sent, origin, nowMs);
    const heard = origin && { source: origin.source, shift: origin.shift, sent };
    this.#clock = { timeline, shift, ...(heard && { origin: heard }) };
  }
}

/** A new `SentPictures` has no shift before the first one that is said. */
function addTo(sent: SentPictures, { sent: pictures, shifts = [] }: SaidOrigin, nowMs: number): void {
  let shift = sent.newest?.shift;
  let next = 0;
  for (const [dts, content] of pictures) {
    for (; next < shifts.length && (shifts[next]?.[0] ?? 0) <= dts; next++) shift = shifts[next]?.[1];
    sent.add({ dts, content, shift }, nowMs);
  }
}

function asPair({ dts, content }: Fingerprint): readonly [number, number] {
  return [dts, content];
}
