/** The judge of what a plain HTTP client received. It shares no MPEG-TS code with the worker, so that the two check each other. */
export {
  type Container,
  containerOf,
  type MatroskaStructure,
  type Mp4Structure,
  matroskaStructure,
  mp4Structure,
} from './containers.ts';
export { type ContentFaults, contentFaults } from './content.ts';
export { type DecodeOptions, decodeErrors, withoutLastPes } from './decode.ts';
export { type CleanExpectation, expectClean, type FrameFaults, faultsOf, missingOrDoubledFrames } from './expect.ts';
export { arrivalOf, judgeTs } from './judge.ts';
export { type Jump, jumpsOf, videoJump } from './jump.ts';
export { isKeyframe } from './keyframes.ts';
export type * from './verdict.ts';
