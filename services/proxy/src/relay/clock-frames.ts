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
}

const originShape: z.ZodType<SaidOrigin> = z.looseObject({
  source: z.string(),
  shift: ticksShape,
  sent: z.array(z.tuple([ticksShape, z.number().int()])),
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

  /** @returns the frame that is due before the next media; undefined when there is nothing new */
  of(clock: SourceClock | undefined): { type: 'clock'; clock: SaidClock | undefined } | undefined {
    const origin = clock?.origin;
    const isSame = clock === this.#clock;
    if (isSame && (origin?.sent.count ?? 0) === this.#count) return undefined;
    if (origin?.sent !== this.#sent || clock?.timeline !== this.#clock?.timeline) this.#count = 0;
    const pictures = origin?.sent.after(this.#count) ?? [];
    this.#clock = clock;
    this.#sent = origin?.sent;
    this.#count = origin?.sent.count ?? 0;
    if (clock === undefined) return { type: 'clock', clock };
    const { timeline, shift } = clock;
    const said = origin && { source: origin.source, shift: origin.shift, sent: pictures.map(asPair) };
    return { type: 'clock', clock: { timeline, shift, origin: said } };
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
    for (const [dts, content] of origin?.sent ?? []) sent.add({ dts, content }, nowMs);
    const heard = origin && { source: origin.source, shift: origin.shift, sent };
    this.#clock = { timeline, shift, ...(heard && { origin: heard }) };
  }
}

function asPair({ dts, content }: Fingerprint): readonly [number, number] {
  return [dts, content];
}
