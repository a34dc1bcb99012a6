/** Where a new input has to start so that nothing is lost or repeated. */

import { elementaryBytes } from '../reading/unit-content.ts';
import type { Unit } from '../reading/units.ts';
import { adtsTicks } from '../syntax/adts.ts';
import { ticksBetween, wrapTicks } from '../syntax/timestamp.ts';
import type { Timeline } from './timeline.ts';

/** Of each kind, what its next unit would be; 33-bit ticks on the output timeline. Undefined while nothing was sent. */
export interface ResumePoint {
  readonly videoPts: number | undefined;
  readonly audioPts: number | undefined;
  /** When the next picture would be decoded. */
  readonly videoDts?: number | undefined;
}

/** stream_type of AAC in ADTS. */
const ADTS = 0x0f;

/** Remembers what was sent last. */
export class LastSent {
  #videoPts: number | undefined;
  #audio: Unit | undefined;

  /** @param pts 33-bit ticks on the output timeline */
  picture(pts: number): void {
    if (this.#videoPts === undefined || ticksBetween(this.#videoPts, pts) > 0) this.#videoPts = pts;
  }

  audio(unit: Unit): void {
    this.#audio = unit;
  }

  /** The PIDs are those of the output. */
  resumePoint(timeline: Timeline, videoPid: number | undefined, audioPid: number | undefined): ResumePoint {
    const step = videoPid === undefined ? undefined : timeline.stepOf(videoPid);
    const audio = audioPid === undefined ? undefined : this.#nextAudioDts(timeline, audioPid);
    const next = videoPid === undefined ? undefined : timeline.nextDts(videoPid);
    return {
      videoDts: next === undefined ? undefined : wrapTicks(next),
      videoPts: this.#videoPts === undefined || step === undefined ? undefined : wrapTicks(this.#videoPts + step),
      audioPts: audio === undefined ? undefined : wrapTicks(audio),
    };
  }

  /** Audio continues after the frames of the last unit, which may hold one or many. */
  #nextAudioDts(timeline: Timeline, pid: number): number | undefined {
    const next = timeline.nextDts(pid);
    const last = this.#audio;
    if (next === undefined || last?.track.type !== ADTS) return next;
    const ticks = adtsTicks(elementaryBytes(last));
    return ticks === undefined ? next : next - (timeline.stepOf(pid) ?? 0) + ticks;
  }
}
