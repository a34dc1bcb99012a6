/**
 * Recognises a provider that begins each connection with the past, by the keyframes that were sent before. Nothing is
 * then lost and nothing is sent twice.
 */

import { RecentEntries } from '../reading/recent-entries.ts';
import { contentOf } from '../reading/unit-content.ts';
import type { Unit } from '../reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween, wrapTicks } from '../syntax/timestamp.ts';
import type { Overlap } from './input.ts';

/** A connection that surely overlaps repeats a picture within this time. After it, the connection is not waited for. */
const LONGEST_PAST_TICKS = 15 * TICKS_PER_SECOND;

/** What a keyframe at the beginning of a connection is. */
export type Recognised =
  | { readonly kind: 'new' }
  /** It is older than everything that was sent. */
  | { readonly kind: 'past' }
  /** It was sent before, `shift` ticks from the connection's own clock. */
  | { readonly kind: 'repeated'; readonly shift: number };

const NEW: Recognised = { kind: 'new' };
const PAST: Recognised = { kind: 'past' };

export class Repetition {
  readonly #sent = new RecentEntries();
  #overlap: Overlap = 'none';
  /** Where the connection begins, on its own clock; undefined before its first keyframe. */
  #beginDts: number | undefined;

  beginInput(overlap: Overlap): void {
    this.#overlap = overlap;
    this.#beginDts = undefined;
  }

  /** A random access point was sent; `dts` is on the output timeline, not wrapped. */
  sent(unit: Unit, dts: number): void {
    this.#sent.add(unit, dts);
  }

  /** Whether a random access point with this content (see `contentOf`) was sent recently. */
  hasSent(content: number): boolean {
    return this.#sent.knows(content);
  }

  /**
   * @param dts of the keyframe, on the connection's clock
   * @param shift ticks between the clock of the connection before and the output timeline
   */
  recognise(unit: Unit, dts: number, shift: number): Recognised {
    const sameClock = wrapTicks(dts + shift);
    if (this.#sent.has(unit, sameClock)) return { kind: 'repeated', shift: sameClock - dts };
    if (this.#overlap === 'none') return NEW;
    // A connection with its own clock is recognised by its pictures alone, unless they repeat a slate.
    const content = contentOf(unit);
    const sentAt = this.#sent.timeOf(content);
    if (sentAt !== undefined) return { kind: 'repeated', shift: sentAt - dts };
    this.#beginDts ??= dts;
    const mayBePast = this.#overlap === 'surely' && unit.track.kind === 'video' && !this.#sent.knows(content);
    return mayBePast && ticksBetween(this.#beginDts, dts) <= LONGEST_PAST_TICKS ? PAST : NEW;
  }
}
