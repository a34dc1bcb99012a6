/** Where encoders put keyframes: on a grid of the feed's clock, so that FFmpegs that start at different times put them at the same pictures. */

import { type Option, readOptions } from '../arguments/options.ts';
import type { ResolvedProfile } from '../profiles/profiles.ts';
import { resumesExactly } from './resume.ts';

/**
 * Whether an FFmpeg of this profile that reads a source feed puts a keyframe at the first picture of each cell of the grid, whenever
 * it starts. Any other has another grid after each restart.
 */
export function isOnGrid(profile: ResolvedProfile): boolean {
  return resumesExactly(profile).video && mayHaveGrid(profile, askedOf(readOptions(profile.outputOptions)));
}

/**
 * The value of -force_key_frames: a grid on which two processes agree whenever they started, or the source's keyframes. The grid
 * takes the place of the one that a profile asks for in the usual spelling. FFmpeg counts `t` from the first frame it encodes,
 * which is at `firstSeconds` on the clock. That is not wrapped, because a cycle of 33 bits is no multiple of any interval.
 */
export function keyframes(
  profile: ResolvedProfile,
  given: readonly Option[],
  intervalSeconds: number | undefined,
  firstSeconds: number,
): string {
  const asked = askedOf(given);
  const interval = (mayHaveGrid(profile, asked) ? intervalSeconds : undefined) ?? keyframeIntervalOf(asked);
  if (interval === undefined) return 'source';
  // Half a tick allows for rounding.
  const cell = (time: string): string => `floor((${time}+${(firstSeconds + 0.000005).toFixed(6)})/${interval})`;
  return `expr:if(isnan(prev_forced_t),1,not(eq(${cell('t')},${cell('prev_forced_t')})))`;
}

/** Segments are cut from MPEG-TS alone. What a profile asks for in another way stays as it is. */
function mayHaveGrid({ container }: ResolvedProfile, asked: string | undefined): boolean {
  return container === 'mpegts' && (asked === undefined || keyframeIntervalOf(asked) !== undefined);
}

function askedOf(given: readonly Option[]): string | undefined {
  return given.findLast(({ name }) => name === 'force_key_frames')?.value;
}

/** The interval of `expr:gte(t,n_forced*2)`, the usual spelling. */
function keyframeIntervalOf(asked: string | undefined): number | undefined {
  const match = /^expr:\s*gte\(\s*t\s*,\s*n_forced\s*\*\s*(\d+(?:\.\d+)?)\s*\)$/.exec(asked ?? '');
  const interval = Number(match?.[1]);
  return interval > 0 ? interval : undefined;
}
