/** The cells of the takeover matrix: what is watched, how much a provider sends again, and what fails. */
import type { LoopName } from '../support/fixtures.ts';
import type { NumberedLoop } from '../support/numbered/loop-map.ts';
import { COPY } from '../support/stage.ts';

export interface Kind {
  readonly fixture: NumberedLoop & LoopName;
  /** Undefined: a shared direct stream, without FFmpeg. */
  readonly profile: string | undefined;
}

export const KINDS = {
  direct: { fixture: 'numbered', profile: undefined },
  copy: { fixture: 'numbered', profile: COPY },
  transcode: { fixture: 'numbered', profile: '720p' },
  deinterlaced: { fixture: 'numbered-interlaced', profile: '720p' },
  bframes: { fixture: 'numbered-bframes', profile: COPY },
  'open-gop': { fixture: 'numbered-open-gop', profile: COPY },
} as const satisfies Record<string, Kind>;

/** Seconds of past media with which the provider begins each connection, at any packet. */
export const BURSTS = [0, 1, 3, 10] as const;

/**
 * What fails: the owner is killed, stopped, or told to end; the provider drops the connection, and its next one has the same
 * clock or another.
 */
export const FAULTS = ['kill', 'stop', 'drain', 'drop', 'drop-clock'] as const;

/**
 * Faults that only their name chooses: the provider drops the connection and the next one 2 to 3 s later; the owner's FFmpeg dies;
 * Redis dies and is back after five seconds, empty.
 */
export const OTHER_FAULTS = ['drop-twice', 'ffmpeg', 'redis'] as const;

export interface Cell {
  readonly kind: keyof typeof KINDS;
  readonly burst: number;
  readonly fault: (typeof FAULTS)[number] | (typeof OTHER_FAULTS)[number];
  readonly seed: number;
}

export function nameOf({ kind, burst, fault, seed }: Cell): string {
  return `${kind}, ${burst} s again, ${fault}, seed ${seed}`;
}
