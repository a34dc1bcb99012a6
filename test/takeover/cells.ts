/** The cells of the takeover matrix: what is watched, how much a provider sends again, and what fails. */
import type { LoopName } from '../support/fixtures.ts';
import type { NumberedLoop } from '../support/numbered/loop-map.ts';
import { COPY } from '../support/stage.ts';
import type { FaultName } from './faults.ts';

export interface Kind {
  readonly fixture: NumberedLoop & LoopName;
  /** Undefined: a shared direct stream, without FFmpeg. */
  readonly profile: string | undefined;
  /** Two FFmpegs make other pictures of it. */
  readonly encodes?: true;
}

export const KINDS = {
  direct: { fixture: 'numbered', profile: undefined },
  copy: { fixture: 'numbered', profile: COPY },
  transcode: { fixture: 'numbered', profile: '720p', encodes: true },
  deinterlaced: { fixture: 'numbered-interlaced', profile: '720p', encodes: true },
  bframes: { fixture: 'numbered-bframes', profile: COPY },
  'open-gop': { fixture: 'numbered-open-gop', profile: COPY },
} as const satisfies Record<string, Kind>;

/** Seconds of past media with which the provider begins each connection, at any packet. */
export const BURSTS = [0, 1, 3, 10] as const;

export interface Cell {
  readonly kind: keyof typeof KINDS;
  readonly burst: number;
  readonly fault: FaultName;
  readonly seed: number;
}

export function nameOf({ kind, burst, fault, seed }: Cell): string {
  return `${kind}, ${burst} s again, ${fault}, seed ${seed}`;
}

/** What plays this cell alone. */
export function commandOf({ kind, burst, fault, seed }: Cell): string {
  return `npm run test:takeover -- --seeds 0 --kinds ${kind} --bursts ${burst} --faults ${fault} --seed ${seed}`;
}
