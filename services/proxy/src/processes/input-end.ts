/** Why an input of a process feed ended: a run of this worker, or the relay from another one. */

import type { RunEnd } from './run.ts';

export type InputEnd =
  /** Nobody wants the feed any more, or nothing can continue what viewers have already read. */
  | { readonly why: 'over' }
  /** The relay ended, and the feed has a new place. */
  | { readonly why: 'placed' }
  /** Another worker makes the feed. */
  | { readonly why: 'moved' }
  /** A prepared run takes over. */
  | { readonly why: 'succeeded' }
  /** The worker ended the run to free its connection for the next source. */
  | { readonly why: 'left' }
  | FailedRun;

/** What came of a run that nothing was ready to follow. */
export interface FailedRun extends Pick<RunEnd, 'sourceError'> {
  /** `hung`: the watch ended it. `not_opened`: there was no run, because its source did not open. */
  readonly why: 'hung' | 'by_itself' | 'not_opened';
  /** How FFmpeg ended; undefined when none ran. */
  readonly exit: RunEnd['exit'];
  /** Media that it added to the feed, in ms. */
  readonly addedMs: number;
}
