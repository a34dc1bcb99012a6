/** Finds where a recording's media jumps forward: how far, and whether the stream signalled it. */

import type { MediaGap, PidVerdict, Verdict } from './verdict.ts';

export interface Jump extends MediaGap {
  /** A discontinuity was signalled since the previous unit. */
  signalled: boolean;
}

/** The DTS steps of a stream that exceed its verdict's `gapMs`. */
export function jumpsOf(pid: PidVerdict): Jump[] {
  return pid.gaps.map((gap) => {
    const before = pid.pes.findLast((pes) => pes.packetIndex < gap.packetIndex)?.packetIndex ?? 0;
    const signalled = pid.signalledDiscontinuities.some(
      ({ packetIndex }) => packetIndex > before && packetIndex <= gap.packetIndex,
    );
    return { ...gap, signalled };
  });
}

/** The one jump of a recording's video; undefined when there is none. */
export function videoJump({ video }: Verdict): Jump | undefined {
  const [jump, ...more] = video === undefined ? [] : jumpsOf(video);
  if (more.length > 0) throw new Error(`${more.length + 1} jumps: ${JSON.stringify([jump, ...more])}`);
  return jump;
}
