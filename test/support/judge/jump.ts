/** Where a recording's media jumps forward: how far, and whether the stream said so. */

import type { MediaGap, PidVerdict, Verdict } from './verdict.ts';

export interface Jump extends MediaGap {
  /** A discontinuity was announced since the unit before. */
  signalled: boolean;
}

/** The steps of a stream's DTS that are longer than its verdict's `gapMs`. */
export function jumpsOf(pid: PidVerdict): Jump[] {
  return pid.gaps.map((gap) => {
    const before = pid.pes.findLast((pes) => pes.packetIndex < gap.packetIndex)?.packetIndex ?? 0;
    const signalled = pid.signalledDiscontinuities.some(
      ({ packetIndex }) => packetIndex > before && packetIndex <= gap.packetIndex,
    );
    return { ...gap, signalled };
  });
}

/** The one jump of a recording's pictures; undefined when they go on without one. */
export function videoJump({ video }: Verdict): Jump | undefined {
  const [jump, ...more] = video === undefined ? [] : jumpsOf(video);
  if (more.length > 0) throw new Error(`${more.length + 1} jumps: ${JSON.stringify([jump, ...more])}`);
  return jump;
}
