/**
 * Cuts a feed into segments. It reads the feed's bytes and marks, in the order in which the ring has them, and depends on
 * nothing else: every worker that reads the same feed makes the same bytes.
 */

import { crc32 } from 'node:zlib';
import type { Counters, SegmentProgram } from '../../mpegts/segmenting/segment-writer.ts';
import type { SoundFrame, SoundUnit } from '../../mpegts/segmenting/sound-reader.ts';
import {
  elementaryOf,
  firstElementaryOf,
  type ScannedUnit,
  UnitScanner,
} from '../../mpegts/segmenting/unit-scanner.ts';
import { isClosed, isKeyframe } from '../../mpegts/syntax/keyframes.ts';
import { hasRandomAccessIndicator } from '../../mpegts/syntax/packet.ts';
import { TICKS_PER_SECOND, unwrapNear } from '../../mpegts/syntax/timestamp.ts';
import type { Mark } from '../marks/mark.ts';
import type { CmafPart, KnownTracks } from './cmaf-segment.ts';
import { type CutDecision, Cuts } from './cuts.ts';
import { FeedProgram, type FeedTrack } from './feed-program.ts';
import { type Containers, OpenSegment } from './open-segment.ts';
import { type PartDecision, PartRule } from './part-rule.ts';
import type { Cut, Done, Part, PartFacts, SegmentEnd } from './segment-events.ts';
import { SILENT_AFTER, Silence, type TrackFrames } from './silence.ts';

export interface SegmenterSink {
  cut(cut: Cut): void;
  /** Before the `done` of its segment. Only with `partTicks`. */
  part?(part: Part): void;
  done(done: Done): void;
  /** The first picture at a mark was no keyframe. */
  fault?(mark: Mark): void;
}

export interface SegmenterOptions {
  /** A time near the first one of the feed's bytes, 90 kHz on the feed's timeline, not wrapped. */
  readonly nearTicks: number;
  /** Those with which the segment before the first one ended. */
  readonly counters?: Counters;
  readonly chunk?: number;
  /** The same for any segment, from who has made the one before it. Undefined: it was made here. */
  readonly endBefore?: (n: number) => SegmentEnd | undefined;
  /** MPEG-TS, if nothing is said. */
  readonly containers?: Containers;
  /**
   * PART-TARGET of fragmented mp4, 90 kHz; undefined: no parts. The first segment has none either. It shows whether the
   * feed can have any.
   */
  readonly partTicks?: number | undefined;
  /** What the feed's owner has decided of parts. Undefined: nothing yet. */
  readonly decided?: () => PartDecision | undefined;
}

/** In ring order: what stands in a segment, as soon as it is certain in which one. */
interface Item {
  readonly unit: ScannedUnit;
  readonly track: FeedTrack;
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  readonly sound: SoundUnit | undefined;
  readonly keyframe: boolean;
  /** The newest segment when the unit came. */
  readonly segment: OpenSegment | undefined;
}

const TS_ONLY: Containers = { ts: true, fmp4: false };
/** Sound may wait this long for pictures that show where the next segment begins. Pictures that late have stopped. */
const LONGEST_WAIT = TICKS_PER_SECOND;
/** A segment closes at the latest when a picture stands this far behind its end. Its sound has come then, or silence has. */
const CLOSES_AFTER = SILENT_AFTER;
/** So long nothing comes in any track before media is missing; four usual steps of the track that goes on, where these are longer. */
const HOLE_TICKS = 0.5 * TICKS_PER_SECOND;
const HOLE_STEPS = 4;
/** Packets of a picture in which its headers begin. */
const HEAD_PACKETS = 8;

export class Segmenter {
  readonly #sink: SegmenterSink;
  readonly #cuts = new Cuts();
  readonly #scanner = new UnitScanner((unit) => this.#take(unit));
  readonly #program = new FeedProgram();
  readonly #containers: Containers;
  readonly #endBefore: (n: number) => SegmentEnd | undefined;
  readonly #parts: PartRule;
  readonly #silence = new Silence();
  /** Parts of the oldest open segment that have been said. */
  #saidParts: PartFacts[] = [];
  #nearTicks: number;
  #counters: Counters;
  #chunk: number;
  #queue: Item[] = [];
  /** Not closed, the oldest first. */
  #open: OpenSegment[] = [];
  /** Where the newest sound of a track went. */
  readonly #soundAt = new Map<FeedTrack, OpenSegment>();
  #hasClosed = false;
  /** Of the segment that was closed last. */
  #lastKnown: KnownTracks | undefined;
  /** DTS of the newest picture. */
  #newestDts = Number.NEGATIVE_INFINITY;
  /** Units of sound that came too late for their segment. */
  lateSounds = 0;

  constructor(sink: SegmenterSink, options: SegmenterOptions) {
    const { nearTicks, counters = new Map(), chunk = 0, containers = TS_ONLY, partTicks } = options;
    this.#endBefore = options.endBefore ?? (() => undefined);
    this.#parts = new PartRule(partTicks, options.decided);
    this.#containers = containers;
    this.#sink = sink;
    this.#nearTicks = nearTicks;
    this.#counters = counters;
    this.#chunk = chunk;
  }

  /** Time of the newest unit, 90 kHz on the feed's timeline, not wrapped. */
  get nearTicks(): number {
    return this.#nearTicks;
  }

  /** What the first segment has shown of parts. Undefined: it has not ended. */
  get partDecision(): PartDecision | undefined {
    return this.#parts.decision;
  }

  /** A segment begins at this mark. Say it before its media, with `shift` from the source's clock to the feed's. */
  mark(mark: Mark, shift: number): void {
    this.#cuts.mark(mark, shift);
  }

  /** Takes whole packets. It refers to `bytes`, which must stay as it is until `needsFrom` has passed it. */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#scanner.push(bytes, start, end);
  }

  /** How many bytes were pushed before the first that it still needs. */
  get needsFrom(): number {
    let from = this.#queue[0]?.unit.at ?? this.#scanner.at;
    for (const segment of this.#open) from = Math.min(from, segment.needsFrom);
    return from;
  }

  /** What was pushed ends with whole units. */
  flush(): void {
    this.#scanner.flush();
  }

  /** The feed is over. Its last segment ends with its last picture. */
  end(): void {
    this.#scanner.flush();
    this.#drain(true);
    const last = this.#open.at(-1);
    if (last !== undefined) this.#fill(this.#silence.end(last.endPts, this.#program.tracks.values()));
    while (this.#open.length > 0) this.#closeOldest();
  }

  #take(unit: ScannedUnit): void {
    if (this.#program.isTable(unit)) return;
    const track = this.#program.tracks.get(unit.pid);
    if (track === undefined) return;
    const pts = unit.pts === undefined ? undefined : unwrapNear(unit.pts, this.#nearTicks);
    const dts = unit.dts === undefined ? undefined : unwrapNear(unit.dts, this.#nearTicks);
    if (dts !== undefined && track.kind !== 'other') {
      const newest = this.#open.at(-1);
      const isHole = dts - this.#nearTicks > Math.max(HOLE_TICKS, HOLE_STEPS * track.stepTicks);
      if (isHole && newest !== undefined) newest.hasHole = true;
      this.#nearTicks = Math.max(this.#nearTicks, dts);
    }
    let keyframe = false;
    if (track.leads && unit.starts && pts !== undefined && dts !== undefined) {
      this.#newestDts = Math.max(this.#newestDts, dts);
      keyframe = this.#decide(unit, track, pts);
    }
    if (unit.starts && dts !== undefined) {
      if (track.lastDts !== undefined && dts > track.lastDts) track.stepTicks = dts - track.lastDts;
      if (track.kind === 'video') this.#parts.picture(track.stepTicks);
      track.lastDts = dts;
    }
    const isSound = track.kind === 'audio' && unit.starts && pts !== undefined;
    const sound = isSound ? track.sound.read(elementaryOf(unit), pts) : undefined;
    this.#queue.push({ unit, track, pts, dts, sound, keyframe, segment: this.#open.at(-1) });
    // After each unit, so that it does not matter in which pieces the bytes come.
    this.#drain(false);
  }

  /** Decides what begins at a unit of the track that leads. @returns whether it is a keyframe */
  #decide(unit: ScannedUnit, track: FeedTrack, pts: number): boolean {
    const keyframe = track.kind === 'audio' || isKeyUnit(unit, track);
    const decision = this.#cuts.take({ pts, keyframe });
    const program = this.#program.current;
    if (program !== undefined && (decision.cut !== undefined || decision.fault !== undefined)) {
      this.#begin(decision, pts, program, track.kind === 'audio' || isClosedUnit(unit, track));
    }
    return keyframe;
  }

  #begin({ gaps, cut, fault }: CutDecision, pts: number, program: SegmentProgram, independent: boolean): void {
    if (fault !== undefined) this.#sink.fault?.(fault.mark);
    // Before the first segment there is nothing to leave a gap in.
    const isFirst = this.#open.length === 0 && !this.#hasClosed;
    if (isFirst && cut === undefined) return;
    for (const gap of isFirst ? [] : [...gaps, ...(fault === undefined ? [] : [fault])]) {
      this.#open.push(new OpenSegment(gap.mark, gap.pts, program, true, { ...this.#containers, independent: true }));
    }
    if (cut === undefined) return;
    const { mark } = cut;
    if (this.#open.length > 0 || this.#hasClosed) this.#parts.segmentEnded();
    const before = this.#sending(this.#open.at(-1)?.known ?? this.#lastKnown);
    const cmaf = { partTicks: this.#parts.partTicks, before };
    this.#open.push(new OpenSegment(mark, pts, program, false, { ...this.#containers, cmaf, independent }));
    this.#sink.cut({ list: mark.list, n: mark.n, pts, mark, program, independent });
  }

  /** Tracks that the program has still. */
  #sending(known: KnownTracks | undefined): KnownTracks | undefined {
    const isThere = (track: FeedTrack | undefined) =>
      track !== undefined && this.#program.tracks.get(track.pid) === track;
    if (known === undefined || isThere(known.sound?.track)) return known;
    return { ...known, sound: undefined };
  }

  #drain(isOver: boolean): void {
    let taken = 0;
    for (const item of this.#queue) {
      if (!isOver && this.#mustWait(item)) break;
      taken++;
      if (item.sound !== undefined) this.#sound(item, item.sound);
      else this.#other(item);
      if (item.track.leads && item.track.kind === 'video' && item.dts !== undefined)
        this.#fill(this.#silence.picture(item.dts, this.#program.tracks.values()));
      this.#closeWhatIsOver(item);
      this.#sayParts();
    }
    if (taken > 0) this.#queue.splice(0, taken);
  }

  /** Whether a segment may still begin before the end of a unit of sound. */
  #mustWait({ track, dts, sound }: Item): boolean {
    const last = sound?.frames.at(-1);
    if (last === undefined || dts === undefined || track.leads || !this.#program.has('video')) return false;
    return this.#newestDts < last.pts && this.#nearTicks - dts < LONGEST_WAIT;
  }

  #other({ unit, track, pts, dts, keyframe, segment }: Item): void {
    // A clock goes where the last unit of its PID went.
    const target = track.kind === 'audio' ? this.#soundAt.get(track) : segment;
    if (target === undefined || !this.#open.includes(target)) return;
    if (!track.leads || pts === undefined || dts === undefined) target.add(unit);
    else target.addPicture(unit, track, { pts, dts, keyframe });
  }

  #sound({ unit, track }: Item, { frames, isPlain }: SoundUnit): void {
    const last = frames.at(-1);
    if (last !== undefined) this.#parts.sound(this.#newestDts - last.pts);
    const { before, due } = this.#silence.sound(track, frames);
    this.#fill([{ track, frames: before }]);
    if (due.length < frames.length && this.#hasClosed) this.lateSounds++;
    const groups = this.#bySegment(due);
    for (const [target, group] of groups) {
      if (target !== undefined) {
        if (this.#isBehindHole(target, group)) continue;
        const lastOf = group.at(-1);
        if (track.leads && lastOf !== undefined) target.endPts = lastOf.pts + lastOf.ticks;
        this.#soundAt.set(track, target);
        target.addSound(unit, track, group, isPlain && groups.size === 1 && due.length === frames.length);
      } else if (this.#hasClosed) this.lateSounds++;
    }
  }

  /** Whether sound is between a hole and the picture that goes on after it. The segment before ends with the hole. */
  #isBehindHole(target: OpenSegment, [first]: readonly SoundFrame[]): boolean {
    const isLast = target === this.#open.at(-1);
    return target.hasHole && !isLast && first !== undefined && first.pts - target.endPts > HOLE_TICKS;
  }

  #bySegment(frames: readonly SoundFrame[]): Map<OpenSegment | undefined, SoundFrame[]> {
    const groups = new Map<OpenSegment | undefined, SoundFrame[]>();
    for (const frame of frames) {
      const target = this.#open.findLast((segment) => segment.pts <= Math.round(frame.pts));
      const group = groups.get(target);
      if (group === undefined) groups.set(target, [frame]);
      else group.push(frame);
    }
    return groups;
  }

  #fill(silent: readonly TrackFrames[]): void {
    for (const { track, frames } of silent) {
      for (const [target, group] of this.#bySegment(frames)) {
        if (target === undefined) continue;
        this.#soundAt.set(track, target);
        target.addSilence(track, group);
      }
    }
  }

  /** Ends the oldest segment when all its sound has come, or must have come. */
  #closeWhatIsOver({ track, dts }: Item): void {
    while (this.#open.length > 1) {
      const [oldest, next] = this.#open as [OpenSegment, OpenSegment];
      const isLate = track.leads && track.kind === 'video' && dts !== undefined && dts >= next.pts + CLOSES_AFTER;
      if (!isLate && !(next.hasBegun && this.#hasItsSound(oldest))) return;
      this.#closeOldest();
    }
  }

  /** Whether every track of sound that has sent for a segment has gone on to a later one. */
  #hasItsSound(segment: OpenSegment): boolean {
    if (segment.soundTracks.size === 0) return segment.isGap || !this.#program.has('audio');
    return [...segment.soundTracks].every((track) => this.#soundAt.get(track) !== segment);
  }

  /** Those of a segment are said when the one before it is closed, because their chunks count on from it. */
  #sayParts(): void {
    const [oldest] = this.#open;
    if (oldest?.hasParts === true && this.#saidParts.length === 0)
      this.#chunk = this.#endBefore(oldest.mark.n)?.chunk ?? this.#chunk;
    for (const part of oldest?.parts(this.#chunk) ?? []) {
      this.#chunk++;
      this.#sayPart(oldest as OpenSegment, part);
    }
  }

  #sayPart({ mark }: OpenSegment, { bytes, seconds, independent, init }: CmafPart): void {
    // Sound alone lasts as long as its segment, which is too long for a part.
    if (seconds === 0) return;
    const facts = { seconds, independent, bytes: bytes.length, crc: crc32(bytes) };
    const p = this.#saidParts.push(facts) - 1;
    this.#sink.part?.({ n: mark.n, p, mark, init, facts, bytes });
  }

  #closeOldest(): void {
    const [oldest, next] = this.#open as [OpenSegment, OpenSegment?];
    this.#open.shift();
    this.#hasClosed = true;
    const ticks = next === undefined ? oldest.endPts - oldest.pts : next.mark.pts - oldest.mark.pts;
    const mediaTicks = oldest.hasHole ? Math.max(0, Math.min(ticks, oldest.endPts - oldest.pts)) : undefined;
    const before = this.#endBefore(oldest.mark.n);
    // Its parts have counted on already.
    const from = this.#saidParts.length > 0 ? this.#chunk : (before?.chunk ?? this.#chunk);
    const { ts, fmp4, counters, chunk } = oldest.close(before?.counters ?? this.#counters, from);
    this.#counters = counters;
    this.#chunk = chunk;
    if (oldest.hasParts) for (const part of fmp4?.parts ?? []) this.#sayPart(oldest, part);
    const parts = this.#saidParts;
    this.#saidParts = [];
    this.#lastKnown = oldest.known ?? this.#lastKnown;
    this.#sink.done({
      n: oldest.mark.n,
      mark: oldest.mark,
      independent: oldest.independent,
      seconds: ticks / TICKS_PER_SECOND,
      mediaSeconds: mediaTicks === undefined ? undefined : mediaTicks / TICKS_PER_SECOND,
      gap: oldest.isGap,
      ts: ts === undefined ? undefined : { bytes: ts, crc: crc32(ts) },
      fmp4: fmp4 && { bytes: fmp4.bytes, init: fmp4.init, crc: crc32(fmp4.bytes), parts },
      counters,
      chunk,
    });
  }
}

function isKeyUnit(unit: ScannedUnit, { codec }: FeedTrack): boolean {
  const [first] = unit.pieces;
  // The first packet tells almost always.
  return (
    isKeyframe(codec, firstElementaryOf(unit)) ??
    isKeyframe(codec, elementaryOf(unit, HEAD_PACKETS)) ??
    (first !== undefined && hasRandomAccessIndicator(first.bytes, first.start))
  );
}

function isClosedUnit(unit: ScannedUnit, { codec }: FeedTrack): boolean {
  return isClosed(codec, elementaryOf(unit, HEAD_PACKETS)) ?? isClosed(codec, elementaryOf(unit)) ?? false;
}
