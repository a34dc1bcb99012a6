// The line at start about detections that have no effect on streams that nobody measures.
import { expect, it } from 'vitest';
import { unmeasuredWarning } from '../../../services/proxy/src/config/unmeasured-warning.ts';

const OFF = { silenceDetection: false, blackDetection: false, freezeDetection: false, shareDirectStreams: false };

it.each([
  [{}, undefined],
  [{ silenceDetection: true }, ['ENABLE_SILENCE_DETECTION']],
  [{ blackDetection: true, freezeDetection: true }, ['BLACK_DETECTION', 'FREEZE_DETECTION']],
  [{ silenceDetection: true, shareDirectStreams: true }, undefined],
])('%j: names %j', (on, names) => {
  const said = unmeasuredWarning({ ...OFF, ...on });
  expect(said?.match(/[A-Z]+_DETECTION|ENABLE_[A-Z_]+/g) ?? undefined).toEqual(names);
});
