/**
 * Makes one continuous clock from the clocks of the inputs. Timestamp jumps, restarts and new inputs become a timeline
 * on which every track's DTS only grows. It decides what to add to the timestamps of each unit. It does not touch
 * bytes.
 */

import { TICKS_PER_SECOND, ticksBetween, wrapTicks } from '../syntax/timestamp.ts';

/**
 * How a new input relates to the one before it:
 * `aligned` – the same clock (an FFmpeg restarted on the same source feed). What was already sent is dropped.
 * `resume`  – probably the same clock, ahead by about the time that passed (a reconnected provider); else as `rebase`. The
 *             splicer makes this and `rebase` `aligned` when the input begins with a picture that was sent before.
 * `rebase`  – another clock. It continues by wall clock since the last unit.
 */
export type InputClock = 'aligned' | 'resume' | 'rebase';

export interface Placement {
  /** Ticks to add to this unit's PTS and DTS, and to the PCRs of its PID until the next unit. */
  shift: number;
  /** The unit's DTS on the output timeline, not wrapped. */
  dts: number;
  /** Media is missing before this unit, or the clock was repaired. The jump must be signalled. */
  jump: boolean;
  /**
   * The clock was repaired: nobody knows how much time lies between this unit and the one before. Where media is missing on
   * a clock that goes on, that is known.
   */
  clockJump: boolean;
}

/** A step forward above this (or above four usual steps) is a jump, unless wall clock or another track explains it. */
const MAX_STEP = 1.5 * TICKS_PER_SECOND;
/** Wall clock and media clock of a provider that catches up after a stall may differ by this factor. */
const WALL_FACTOR = 1.5;
/** A longer gap is signalled as a discontinuity even when it is legitimate. */
const SIGNALLED_GAP = 0.5 * TICKS_PER_SECOND;
/** A reconnected provider that is at most this far ahead of the passed time still has the same clock. */
const RESUME_SLACK = 5 * TICKS_PER_SECOND;
/** Tracks of one input are never further apart than this. A larger distance is another jump. */
const NEAR = 10 * TICKS_PER_SECOND;
/** An input begins with no more of the past than this, and its tracks are as far apart as they may be. */
const MAX_PAST = 15 * TICKS_PER_SECOND + NEAR;
/** Sound that is on another clock than the input's waits so long for pictures that tell. */
const DOUBT_MS = 1_000;
/** Step of a track that has not yet shown its own. */
const DEFAULT_STEP = TICKS_PER_SECOND / 25;

type Jump = Pick<Placement, 'jump' | 'clockJump'>;
const NONE: Jump = { jump: false, clockJump: false };
const JUMP: Jump = { jump: true, clockJump: true };

interface TrackClock {
  dts: number;
  step: number;
  shift: number;
  atMs: number;
  /** No unit of the current input has been accepted yet. */
  joining: boolean;
  /** Since when the units of the current input cannot be on its clock, monotonic ms. */
  doubtedMs?: number | undefined;
}

export class Timeline {
  readonly #tracks = new Map<number, TrackClock>();
  readonly #firstDts: number | undefined;
  #shift: number | undefined;
  #clock: InputClock = 'rebase';
  #repaired = false;
  /** The current input has not been placed yet. */
  #fresh = true;
  /** The current input is not on the clock of the one before. */
  #isRebased = false;
  /** Where another worker's part of this timeline ended. */
  #before: { readonly dts: number; readonly atMs: number } | undefined;

  /** @param firstDts time of the first unit, in ticks; undefined keeps the clock of the first input */
  constructor(firstDts: number | undefined) {
    this.#firstDts = firstDts;
  }

  /**
   * The next units come from another input.
   * @param repaired it is a timeline already: what is missing in it is really missing, whenever it arrives
   * @param shift ticks between its clock and the output timeline, if known (not for `rebase`)
   */
  beginInput(clock: InputClock, repaired = false, shift?: number): void {
    this.#clock = clock;
    this.#repaired = repaired;
    if (shift !== undefined) this.#shift = wrapTicks(shift);
    this.#fresh = true;
    for (const track of this.#tracks.values()) {
      track.joining = true;
      track.doubtedMs = undefined;
    }
  }

  /**
   * Another worker has made the timeline so far. Call before the first unit.
   * @param dts of its newest unit, not wrapped
   * @param atMs when that came, monotonic ms
   */
  goOn(dts: number, atMs: number): void {
    this.#before = { dts, atMs };
  }

  /** Ticks between the current input's clock and the output timeline; undefined before the first unit. */
  get shift(): number | undefined {
    return this.#shift;
  }

  get clock(): InputClock {
    return this.#clock;
  }

  /** No unit of the current input has been placed yet. */
  get fresh(): boolean {
    return this.#fresh;
  }

  /** Ticks from one unit of a track to the next. */
  stepOf(pid: number): number | undefined {
    return this.#tracks.get(pid)?.step;
  }

  /** DTS of a track's newest unit, on the output timeline, not wrapped. */
  lastDts(pid: number): number | undefined {
    return this.#tracks.get(pid)?.dts;
  }

  /** Whether a unit with this DTS on the input's clock has the time of its track's newest unit. */
  isLast(pid: number, dts: number): boolean {
    const last = this.#tracks.get(pid)?.dts;
    return this.#shift !== undefined && last !== undefined && wrapTicks(dts + this.#shift) === wrapTicks(last);
  }

  /** The next expected DTS of a track, on the output timeline, not wrapped: its last one plus its usual step. */
  nextDts(pid: number): number | undefined {
    const track = this.#tracks.get(pid);
    return track === undefined ? undefined : track.dts + track.step;
  }

  /**
   * Places an audio or video unit.
   * @param pid output PID of its track
   * @param dts 33-bit ticks on the input's clock
   * @param nowMs monotonic arrival time
   * @param anchor a track whose units are never dropped at a jump. For video the first unit after it is a keyframe.
   * @returns undefined when the unit must not be sent, because its time has already been sent
   */
  place(pid: number, dts: number, nowMs: number, anchor: boolean): Placement | undefined {
    if (this.#fresh) this.#placeInput(dts, nowMs);
    const shift = this.#shift as number;
    const track = this.#tracks.get(pid);
    if (track === undefined) return this.#begin(pid, dts, nowMs, anchor);
    if (track.joining) return this.#join(track, dts, nowMs, anchor);
    const ahead = this.#ahead(track, dts, track.shift);
    const isUsual = this.#isUsual(track, ahead, track.shift, nowMs);
    // Another track of this input may have jumped before this one. The unit belongs to the clock that it fits better.
    const hasMoved = track.shift !== shift;
    const followed = this.#ahead(track, dts, shift);
    const fitsBetter = !isUsual || Math.abs(followed - track.step) < Math.abs(ahead - track.step);
    if (hasMoved && fitsBetter && this.#isUsual(track, followed, shift, nowMs)) {
      return this.#accept(track, shift, followed, nowMs, JUMP);
    }
    if (isUsual) return this.#accept(track, track.shift, ahead, nowMs, NONE);
    if (hasMoved && Math.abs(followed) < NEAR) {
      if (followed > 0) return this.#accept(track, shift, followed, nowMs, JUMP);
      if (!anchor) return undefined;
    } else if (ahead <= 0 && ahead > -1.5 * track.step) {
      // One unit is out of order by about a frame: a muxer's rounding, not a new clock.
      return this.#accept(track, track.shift, 1, nowMs, NONE, 1 - ahead);
    }
    return this.#jump(track, dts, nowMs);
  }

  /**
   * Whether the next input, if it is on the clock of the one before, goes on after all that was sent, about as far as
   * time has passed. Another clock hardly does.
   * @param dts of its first unit, 33-bit ticks on its clock
   */
  resumes(dts: number, nowMs: number): boolean {
    const latest = this.#latest();
    if (latest === undefined || this.#shift === undefined) return false;
    const ahead = ticksBetween(wrapTicks(latest.dts), wrapTicks(dts + this.#shift));
    return ahead > 0 && isNear(ahead, elapsedTicks(latest.atMs, nowMs));
  }

  /** Moves a timestamp of a track that sets no clock (subtitles, a PCR) to the output timeline, 33 bits. */
  translate(pid: number, ticks: number): number | undefined {
    const shift = this.#tracks.get(pid)?.shift ?? this.#shift;
    return shift === undefined ? undefined : wrapTicks(ticks + shift);
  }

  /** Places the first unit of a track. The clock may have jumped between the other tracks and this one. */
  #begin(pid: number, dts: number, nowMs: number, anchor: boolean): Placement | undefined {
    const shift = this.#shift as number;
    const latest = this.#latest() ?? { dts: wrapTicks(dts + shift), atMs: nowMs };
    const ahead = ticksBetween(wrapTicks(latest.dts), wrapTicks(dts + shift));
    if (this.#repaired || Math.abs(ahead) < NEAR || isNear(ahead, elapsedTicks(latest.atMs, nowMs))) {
      const out = latest.dts + ahead;
      this.#tracks.set(pid, { dts: out, step: DEFAULT_STEP, shift, atMs: nowMs, joining: false });
      return { shift, dts: out, jump: false, clockJump: false };
    }
    const track = { dts: latest.dts, step: DEFAULT_STEP, shift, atMs: latest.atMs, joining: true };
    this.#tracks.set(pid, track);
    return this.#join(track, dts, nowMs, anchor);
  }

  #placeInput(dts: number, nowMs: number): void {
    this.#fresh = false;
    this.#isRebased = false;
    if (this.#clock === 'aligned' && this.#shift !== undefined) return;
    const latest = this.#latest();
    if (latest === undefined) {
      this.#shift = this.#firstDts === undefined ? 0 : wrapTicks(this.#firstDts - dts);
      return;
    }
    if (this.#clock === 'resume' && this.resumes(dts, nowMs)) return;
    this.#isRebased = true;
    this.#shift = wrapTicks(latest.dts + Math.max(latest.step ?? DEFAULT_STEP, elapsedTicks(latest.atMs, nowMs)) - dts);
  }

  #join(track: TrackClock, dts: number, nowMs: number, anchor: boolean): Placement | undefined {
    const shift = this.#shift as number;
    const ahead = this.#ahead(track, dts, shift);
    if (!this.#repaired && !isNear(ahead, elapsedTicks(track.atMs, nowMs))) {
      // The clock has jumped. If it is that of all tracks, the pictures tell by how much.
      track.doubtedMs ??= nowMs;
      if (!anchor && nowMs - track.doubtedMs < DOUBT_MS) return undefined;
      track.joining = false;
      return this.#jump(track, dts, nowMs);
    }
    if (ahead <= 0) return undefined;
    track.joining = false;
    const jump = this.#clock !== 'aligned' || ahead > 1.5 * track.step;
    return this.#accept(track, shift, ahead, nowMs, { jump, clockJump: this.#isRebased });
  }

  /** The unit is on another clock than those before it: it comes as long after them as time has passed. */
  #jump(track: TrackClock, dts: number, nowMs: number): Placement {
    const onward = Math.max(track.step, Math.round(((nowMs - track.atMs) * TICKS_PER_SECOND) / 1000));
    this.#shift = wrapTicks(track.dts + onward - dts);
    return this.#accept(track, this.#shift, onward, nowMs, JUMP);
  }

  #ahead(track: TrackClock, dts: number, shift: number): number {
    return ticksBetween(wrapTicks(track.dts), wrapTicks(dts + shift));
  }

  /** Whether `shift` gives a unit a likely time: a little ahead of its track's last unit, or of the present time. */
  #isUsual(track: TrackClock, ahead: number, shift: number, nowMs: number): boolean {
    if (ahead <= 0) return false;
    if (this.#repaired) return true;
    let passed = ((nowMs - track.atMs) * TICKS_PER_SECOND * WALL_FACTOR) / 1000;
    // A track that was silent returns to the time of the others.
    for (const other of this.#tracks.values()) {
      if (other.shift === shift) passed = Math.max(passed, other.dts - track.dts);
    }
    return ahead <= Math.max(MAX_STEP, 4 * track.step) + passed;
  }

  #accept(
    track: TrackClock,
    shift: number,
    ahead: number,
    nowMs: number,
    { jump, clockJump }: Jump,
    correction = 0,
  ): Placement {
    const gap = ahead > Math.max(SIGNALLED_GAP, 4 * track.step);
    if (!jump && !gap && correction === 0) track.step = ahead;
    track.dts += ahead;
    track.shift = shift;
    track.atMs = nowMs;
    return { shift: wrapTicks(shift + correction), dts: track.dts, jump: jump || gap, clockJump };
  }

  #latest(): (Pick<TrackClock, 'dts' | 'atMs'> & { readonly step?: number }) | undefined {
    let latest: (Pick<TrackClock, 'dts' | 'atMs'> & { readonly step?: number }) | undefined = this.#before;
    for (const track of this.#tracks.values()) if (latest === undefined || track.dts > latest.dts) latest = track;
    return latest;
  }
}

/** Whether a unit `ahead` ticks after what was sent last, which is negative for the past, can be on the same clock. */
export function isNear(ahead: number, elapsed: number): boolean {
  return ahead > -MAX_PAST && ahead <= elapsed * WALL_FACTOR + RESUME_SLACK;
}

export function elapsedTicks(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.round(((nowMs - sinceMs) * TICKS_PER_SECOND) / 1000));
}
