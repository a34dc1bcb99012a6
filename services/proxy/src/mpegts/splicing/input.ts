/**
 * The kinds of input that a feed has, and how each of them begins. Whoever opens an input says what it is. What follows
 * from that for the splicer stands in one table here.
 */

import type { InputClock } from './timeline.ts';

/** The input is on a clock that the feed knows. What was already sent is not sent again. */
export interface Continuation {
  /** Ticks between its clock and the feed's; undefined when they are those of the input before it. */
  readonly shift?: number | undefined;
  /** Its pictures are exactly those of the input before it, so it may go on between keyframes. */
  readonly samePictures: boolean;
}

export type Input =
  /** A source whose clock nobody knows: the first connection to a provider, or an FFmpeg that opens its source itself. */
  | { readonly kind: 'source' }
  /**
   * The same provider again, here or on the worker that takes the source over. Its clock is probably the one of before,
   * at `shift` ticks from the feed's.
   */
  | { readonly kind: 'reconnection'; readonly shift: number }
  /**
   * Another source of the same channel. Its clock is another one, but its pictures may be the same. `repeats`: a keyframe of it is
   * known to have been sent. It may begin with older pictures, which are left out.
   */
  | { readonly kind: 'other_source'; readonly repeats: boolean }
  /** A connection to the provider that was opened while another worker still read it. */
  | {
      readonly kind: 'prepared_connection';
      readonly shift: number | undefined;
      /** As above. */
      readonly repeats: boolean;
    }
  /** FFmpeg or a copy, made from a source feed. Without `continues`, the source feed's clock is another one. */
  | { readonly kind: 'run'; readonly continues: Continuation | undefined }
  /** The same feed on another worker. Without `continues`, it is on another timeline. */
  | { readonly kind: 'relay'; readonly continues: Continuation | undefined };

/**
 * Whether an input may begin with pictures that were sent before. `surely`: one of them is known to come, and nothing
 * before it is sent.
 */
export type Overlap = 'none' | 'perhaps' | 'surely';

/** How an input begins. */
export interface Beginning {
  readonly clock: InputClock;
  readonly shift: number | undefined;
  /** It may be entered between keyframes, directly after the last unit sent. */
  readonly midPicture: boolean;
  readonly overlap: Overlap;
  /** It is a timeline already, so a gap in it is no jump of a provider's clock. */
  readonly repaired: boolean;
  /** Another splicer has chosen its tracks, and sends them in whole groups of pictures. */
  readonly spliced: boolean;
}

const UNKNOWN = {
  clock: 'rebase',
  shift: undefined,
  midPicture: false,
  overlap: 'none',
  repaired: false,
  spliced: false,
} as const;

const BEGINNINGS: { readonly [K in Input['kind']]: (input: Extract<Input, { kind: K }>) => Beginning } = {
  source: () => UNKNOWN,
  reconnection: ({ shift }) => ({ ...UNKNOWN, clock: 'resume', shift, overlap: 'perhaps' }),
  other_source: ({ repeats }) => ({ ...UNKNOWN, overlap: repeats ? 'surely' : 'perhaps' }),
  prepared_connection: ({ shift, repeats }) => ({
    ...UNKNOWN,
    clock: 'resume',
    shift,
    overlap: repeats ? 'surely' : 'perhaps',
  }),
  run: ({ continues }) => ({ ...continued(continues), repaired: true }),
  relay: ({ continues }) => ({ ...continued(continues), repaired: true, spliced: true }),
};

export function beginningOf(input: Input): Beginning {
  const beginning = BEGINNINGS[input.kind] as (input: Input) => Beginning;
  return beginning(input);
}

function continued(continues: Continuation | undefined): Beginning {
  if (continues === undefined) return UNKNOWN;
  return { ...UNKNOWN, clock: 'aligned', shift: continues.shift, midPicture: continues.samePictures };
}
