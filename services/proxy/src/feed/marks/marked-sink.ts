/** Lets marks see what a splicer sends into a source feed. */

import type { RandomAccess, SpliceSink } from '../../mpegts/splicing/splicer.ts';
import type { Marks } from './marks.ts';

/** The same sink. What passes it on the way is taken into what `marks` gives then. */
export function markedSink(sink: SpliceSink, marks: () => Marks): SpliceSink {
  let entry: RandomAccess | undefined;
  return {
    ...sink,
    programChanged: (change) => {
      marks().programChanged();
      sink.programChanged(change);
    },
    randomAccess: (point) => {
      entry = point;
      sink.randomAccess(point);
    },
    progress: (dts, shown, jumped) => {
      if (shown !== undefined) marks().take({ dts, pts: shown, jumped, entry });
      entry = undefined;
      sink.progress(dts, shown, jumped);
    },
  };
}
