/** The line at start about detections that are on for streams whose sound and pictures nobody measures. */

import type { Config } from './config.ts';

type Detections = Pick<Config, 'silenceDetection' | 'blackDetection' | 'freezeDetection' | 'shareDirectStreams'>;

/** Undefined when none is on, or all live MPEG-TS is shared. */
export function unmeasuredWarning(config: Detections): string | undefined {
  const names = [
    ...(config.silenceDetection ? ['ENABLE_SILENCE_DETECTION'] : []),
    ...(config.blackDetection ? ['BLACK_DETECTION'] : []),
    ...(config.freezeDetection ? ['FREEZE_DETECTION'] : []),
  ];
  if (names.length === 0 || config.shareDirectStreams) return undefined;
  return (
    `No effect on direct streams whose viewers have a connection each: ${names.join(', ')}. ` +
    'SHARE_DIRECT_STREAMS=true has them share one for live MPEG-TS.'
  );
}
