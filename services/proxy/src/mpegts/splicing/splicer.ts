/**
 * Makes one MPEG-TS from inputs that follow each other, so that a reader does not notice the change: own PAT and PMT,
 * stable PIDs, continuous counters and one timeline. FFmpeg restarts, reconnected providers, source failovers and
 * relays all use it.
 */

import { elementaryBytes, headOf, ProgramReader } from '../reading/program-reader.ts';
import { contentOf, RecentEntries } from '../reading/recent-entries.ts';
import { packetsOf } from '../reading/track-reader.ts';
import type { TrackSurvey } from '../reading/track-survey.ts';
import type { Track, Unit } from '../reading/units.ts';
import { adtsTicks } from '../syntax/adts.ts';
import { movedSection } from '../syntax/clock-sections.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import { pictureShape } from '../syntax/picture-shape.ts';
import { type ProgramMap, packetizeSection } from '../syntax/psi.ts';
import { ScramblingMonitor } from '../syntax/scrambling.ts';
import { TICKS_PER_SECOND, ticksBetween, wrapTicks, writeTimestamp } from '../syntax/timestamp.ts';
import { BesidePictures } from './beside-pictures.ts';
import { beginningOf, type Input, type Overlap } from './input.ts';
import { type OutTrack, type PacketsSink, ProgramWriter } from './program-writer.ts';
import { type InputItem, ReorderHold } from './reorder-hold.ts';
import { Rhythm } from './rhythm.ts';
import { Timeline } from './timeline.ts';
import { TrackLife } from './track-life.ts';

export interface SpliceSink {
  /** Whole packets. */
  packets: PacketsSink;
  /** A unit with this DTS follows (90 kHz, the feed's timeline, not wrapped). */
  progress(dts: number): void;
  /**
   * From the next packet on the program differs. A reader that was set up for the old one may be unable to continue.
   */
  programChanged(change: ProgramChange): void;
  /** The next packet starts a random access point; `prefix` (PAT, PMT, counters) makes it readable on its own. */
  randomAccess(point: RandomAccess): void;
}

export interface RandomAccess {
  /** Whole packets to send before the shared bytes. */
  prefix: Buffer;
  /** On the feed's timeline, 90 kHz, not wrapped. */
  dts: number;
  pts: number;
}

/** Other tracks, or pictures of another size or aspect ratio in the same track. */
export type ProgramChange = 'tracks' | 'shape';

/** An audio or video track of the current program. */
export interface FeedTrack {
  /** PID in the output. */
  readonly pid: number;
  readonly kind: 'video' | 'audio';
  readonly language: string | undefined;
  readonly narrated: boolean;
  /** It sends while others do, and FFmpeg can decode it. */
  readonly alive: boolean;
}

export interface SplicerOptions {
  /**
   * Hold units back until no earlier picture can follow, so that a cut never leaves a hole among reordered pictures.
   * FFmpeg's output needs this, because the next run continues it exactly. Costs a delay of up to one run of B-frames.
   */
  holdReordered: boolean;
  /** DTS of the feed's first unit, in ticks; undefined keeps the first input's clock. */
  firstDts: number | undefined;
  /** For a provider's input: its packets decide which program and which tracks there are. */
  survey?: TrackSurvey;
}

/** Where a new input has to start so that nothing is lost or repeated; 33-bit ticks on the output timeline. */
export interface ResumePoint {
  videoPts: number | undefined;
  audioPts: number | undefined;
}

/** stream_type of AAC in ADTS. */
const ADTS = 0x0f;
/** Without a keyframe for this long (intra refresh, open-ended GOPs), any picture is an entry. */
const NO_KEYFRAME_MS = 12_000;
/** Audio waits at most this long for an input's first picture: a still may come only every 15 s. */
const VIDEO_LATE_MS = 1_200;
/** Units of a flowing input come closer together than this. Audio alone comes in pieces of up to 0.7 s. */
const LONGEST_STEP_MS = 1_000;
const MIN_ENTRY_TICKS = TICKS_PER_SECOND / 100;
/**
 * The shortest arrival time between two entries, unless enough packets lie between them. A source may send thousands of
 * one-packet pictures at once, and the prefix of each entry has a packet for every track.
 */
const MIN_ENTRY_MS = 10;
const MIN_ENTRY_PACKETS = 20;
/** A connection that surely overlaps repeats a picture within this time. After it, the connection is not waited for. */
const LONGEST_PAST_TICKS = 15 * TICKS_PER_SECOND;
/** Without video, audio units are entries. One per this many ticks is enough. */
const AUDIO_ENTRY_TICKS = 0.2 * TICKS_PER_SECOND;

export class Splicer {
  readonly #sink: SpliceSink;
  readonly #options: SplicerOptions;
  readonly #timeline: Timeline;
  readonly #writer: ProgramWriter;
  readonly #hold: ReorderHold;
  #reader: ProgramReader | undefined;
  #nowMs = 0;
  readonly #recent = new RecentEntries();

  #started = false;
  #midPicture = false;
  #overlap: Overlap = 'none';
  /** Where the overlapping input begins, on its own clock; undefined before its first picture. */
  #overlapDts: number | undefined;
  /** How long the input has flowed, without its pauses. Media that did not come during a pause is not missing. */
  #flowMs = 0;
  #lastUnitMs: number | undefined;
  /** On the clock of `#flowMs`. */
  #lastEntryFlowMs: number | undefined;
  #lastVideoFlowMs: number | undefined;
  readonly #video = new Rhythm();
  #scrambling = new ScramblingMonitor();
  #lastAudioMs: number | undefined;
  #lastEntryDts: number | undefined;
  #lastEntryMs = 0;
  #packetsSinceEntry = 0;
  #lastVideoPts: number | undefined;
  #audioPid: number | undefined;
  /** The last unit sent of that PID. */
  #lastAudio: Unit | undefined;
  #tracks: readonly Track[] = [];
  readonly #life = new TrackLife();
  readonly #beside = new BesidePictures();
  /** Shape of the current pictures; undefined when it may change without notice. */
  #shape: string | undefined;

  constructor(sink: SpliceSink, options: SplicerOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#timeline = new Timeline(options.firstDts);
    this.#writer = new ProgramWriter((bytes, start, end) => sink.packets(bytes, start, end), this.#timeline);
    this.#hold = new ReorderHold((item) => this.#emit(item));
  }

  /** The next bytes come from another input. */
  beginInput(input: Input): void {
    const { clock, shift, midPicture, overlap, repaired, spliced } = beginningOf(input);
    this.#overlap = overlap;
    this.#overlapDts = undefined;
    this.#video.interrupt();
    this.#scrambling = new ScramblingMonitor();
    this.#lastEntryFlowMs = undefined;
    this.#midPicture = midPicture;
    this.#hold.begin(this.#options.holdReordered && !spliced);
    this.#timeline.beginInput(clock, repaired, shift);
    this.#writer.beginInput(clock !== 'aligned');
    this.#beside.beginInput();
    const survey = spliced ? undefined : this.#options.survey;
    survey?.begin();
    this.#reader = new ProgramReader(
      {
        program: (map, tracks, changed) => this.#take({ kind: 'tables', map, tracks, changed }),
        unit: (unit) => this.#take({ kind: 'unit', unit }),
        clock: (track, packet) => this.#take({ kind: 'clock', track, packet }),
        media: (bytes, offset) => this.#scrambling.count(bytes, offset),
      },
      survey,
    );
  }

  /** Takes the current input's bytes. The caller gives the chunk away. `nowMs` is monotonic. */
  push(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#reader?.push(chunk, nowMs);
    this.#hold.expire(nowMs);
  }

  /** The pushed bytes end with whole units, so the last ones need not wait for the next to begin. */
  flush(): void {
    this.#reader?.flush();
  }

  /**
   * The current input is over. An orderly end is played out. Otherwise incomplete held units are dropped: reordered
   * pictures of an incomplete group go, whole audio units stay.
   */
  endInput(orderly: boolean): void {
    this.#reader?.settle();
    if (orderly) this.#reader?.flush();
    this.#hold.end(orderly);
    this.#reader = undefined;
  }

  /** Arrival (as given to `push`) of the newest video unit of the current input; undefined before the first. */
  get lastVideoMs(): number | undefined {
    return this.#video.lastMs;
  }

  /** The longest recent time between two of its pictures, in ms; undefined before the second. */
  get videoIntervalMs(): number | undefined {
    return this.#video.intervalMs;
  }

  /** How long most of the current input's media has been scrambled, in ms. */
  scrambledMs(nowMs: number): number {
    return this.#scrambling.lastsMs(nowMs);
  }

  /** Arrival of the newest audio unit; undefined before the first. */
  get lastAudioMs(): number | undefined {
    return this.#lastAudioMs;
  }

  /** Ticks between the current input's clock and the output's; undefined before its first unit. */
  get shift(): number | undefined {
    return this.#timeline.fresh ? undefined : this.#timeline.shift;
  }

  /** DTS of the newest picture sent, or of the newest audio without pictures; 33 bits, undefined before the first. */
  get lastDts(): number | undefined {
    const { tracks } = this.#writer;
    const track = tracks.find(({ video }) => video) ?? tracks[0];
    const last = track && this.#timeline.lastDts(track.pid);
    return last === undefined ? undefined : wrapTicks(last);
  }

  /** Audio and video tracks of the current program, in its order. */
  get tracks(): FeedTrack[] {
    return this.#tracks.flatMap(({ pid: inputPid, kind, language, narrated, decodable }) => {
      const pid = this.#writer.trackOf(inputPid)?.pid;
      if (pid === undefined || kind === 'other') return [];
      return [{ pid, kind, language, narrated, alive: decodable && this.#life.isAlive(pid, kind) }];
    });
  }

  /** Whether a random access point with this content (see `contentOf`) was sent recently. */
  hasSent(content: number): boolean {
    return this.#recent.knows(content);
  }

  /** What the next unit of each kind would be, on the output timeline. Fields are undefined while nothing was sent. */
  get resumePoint(): ResumePoint {
    const video = this.#writer.tracks.find((track) => track.video);
    const step = video === undefined ? undefined : this.#timeline.stepOf(video.pid);
    const audio = this.#nextAudioDts();
    return {
      videoPts:
        this.#lastVideoPts === undefined || step === undefined ? undefined : wrapTicks(this.#lastVideoPts + step),
      audioPts: audio === undefined ? undefined : wrapTicks(audio),
    };
  }

  /** Where audio continues: after the frames of the last unit, which may hold one or many. */
  #nextAudioDts(): number | undefined {
    if (this.#audioPid === undefined) return undefined;
    const next = this.#timeline.nextDts(this.#audioPid);
    const last = this.#lastAudio;
    if (next === undefined || last?.track.type !== ADTS) return next;
    const ticks = adtsTicks(elementaryBytes(last));
    return ticks === undefined ? next : next - (this.#timeline.stepOf(this.#audioPid) ?? 0) + ticks;
  }

  #take(item: InputItem): void {
    this.#hold.add(item, this.#nowMs, this.#writer.inputVideo !== undefined);
  }

  #emit(item: InputItem): void {
    if (item.kind === 'tables') this.#emitTables(item.map, item.tracks, item.changed);
    else if (item.kind === 'clock') this.#emitClock(item.track, item.packet);
    else this.#emitUnit(item.unit);
  }

  #emitTables(map: ProgramMap, tracks: readonly Track[], changed: boolean): void {
    if (changed || !this.#writer.isDescribed) this.#adoptProgram(map, tracks);
    if (this.#started) this.#writer.writeTables();
  }

  #adoptProgram(map: ProgramMap, tracks: readonly Track[]): void {
    const others = this.#writer.adopt(map, tracks);
    this.#tracks = tracks;
    const audio = tracks.find((track) => track.kind === 'audio');
    this.#audioPid = audio && this.#writer.trackOf(audio.pid)?.pid;
    if (!others || !this.#started) return;
    this.#lastEntryDts = undefined;
    this.#sink.programChanged('tracks');
  }

  #emitUnit(unit: Unit): void {
    const nowMs = unit.arrivedMs;
    this.#flow(nowMs);
    const out = this.#writer.trackOf(unit.track.pid);
    if (out !== undefined) this.#life.note(out.pid, nowMs);
    if (out === undefined || !this.#mayEnter(unit, out, nowMs)) return;
    let shift: number | undefined;
    if (unit.dts === undefined || unit.track.kind === 'other') {
      shift = this.#timeline.shift;
    } else {
      if (!this.#recogniseRepetition(unit, unit.dts)) return;
      const placement = this.#timeline.place(out.pid, unit.dts, nowMs, out.video);
      if (placement === undefined) {
        if (out.video) this.#beside.pictureRepeated(this.#isLast(out, unit.dts));
        return;
      }
      if (out.video) this.#beside.pictureSent();
      if (placement.jump) out.signal = true;
      shift = placement.shift;
      this.#markEntry(unit, out, placement.dts);
      if (!this.#started) return;
      this.#sink.progress(placement.dts);
    }
    if (!this.#started) return;
    out.waiting = false;
    if (out.video && unit.pts !== undefined && shift !== undefined) {
      const pts = wrapTicks(unit.pts + shift);
      if (this.#lastVideoPts === undefined || ticksBetween(this.#lastVideoPts, pts) > 0) this.#lastVideoPts = pts;
    }
    if (out.pid === this.#audioPid) this.#lastAudio = unit;
    if (unit.gap) out.signal = true;
    if (unit.track.kind === 'other') this.#beside.sent(out.pid);
    if (shift !== undefined) rewriteTimestamps(unit, shift);
    const { section } = unit;
    const moved = section === undefined || shift === undefined ? undefined : movedSection(section, shift);
    const packets = moved === undefined ? unit.packets : packetsOf(packetizeSection(moved, out.pid, 0));
    this.#packetsSinceEntry += packets.length;
    this.#writer.write(out, packets);
  }

  #isLast({ pid }: OutTrack, dts: number): boolean {
    const { shift } = this.#timeline;
    const last = this.#timeline.lastDts(pid);
    return shift !== undefined && last !== undefined && wrapTicks(dts + shift) === wrapTicks(last);
  }

  #flow(nowMs: number): void {
    const sinceMs = nowMs - (this.#lastUnitMs ?? nowMs);
    this.#flowMs += Math.min(Math.max(0, sinceMs), LONGEST_STEP_MS);
    this.#lastUnitMs = nowMs;
  }

  /** Whether a unit may be sent while its input is still being entered. */
  #mayEnter(unit: Unit, out: OutTrack, nowMs: number): boolean {
    if (out.video) {
      this.#video.beat(nowMs);
      this.#lastVideoFlowMs = this.#flowMs;
    } else if (unit.track.kind === 'audio') this.#lastAudioMs = nowMs;
    if (!out.waiting) return true;
    this.#lastEntryFlowMs ??= this.#flowMs;
    const overdue = this.#flowMs - this.#lastEntryFlowMs > NO_KEYFRAME_MS;
    if (out.video) return unit.keyframe || this.#midPicture || overdue;
    const video = this.#writer.inputVideo;
    if (video === undefined || !video.waiting || overdue || this.#isVideoLate) return true;
    // An aligned input continues at once, except for what it repeats; audio shows that by its times. Any other input
    // continues with its pictures.
    if (!this.#started || this.#timeline.clock !== 'aligned') return false;
    return unit.track.kind === 'audio' || !this.#beside.isRepeated(out.pid);
  }

  /** The input has flowed for a while without one whole picture. */
  get #isVideoLate(): boolean {
    return (
      this.#lastVideoFlowMs === undefined && this.#flowMs - (this.#lastEntryFlowMs ?? this.#flowMs) > VIDEO_LATE_MS
    );
  }

  #markEntry(unit: Unit, out: OutTrack, dts: number): void {
    const overdue = this.#flowMs - (this.#lastEntryFlowMs ?? this.#flowMs) > NO_KEYFRAME_MS;
    const hasVideo = this.#writer.inputVideo !== undefined;
    const lastVideoFlowMs = this.#lastVideoFlowMs ?? Number.NEGATIVE_INFINITY;
    const videoGone = !hasVideo || this.#flowMs - lastVideoFlowMs > NO_KEYFRAME_MS;
    // One entry per 10 ms is enough; more would only cost.
    const isTooSoon =
      this.#lastEntryDts !== undefined &&
      (Math.abs(dts - this.#lastEntryDts) < MIN_ENTRY_TICKS ||
        (unit.arrivedMs - this.#lastEntryMs < MIN_ENTRY_MS && this.#packetsSinceEntry < MIN_ENTRY_PACKETS));
    const entry = out.video
      ? (unit.keyframe || overdue) && !isTooSoon
      : unit.track.kind === 'audio' &&
        videoGone &&
        (this.#lastEntryDts === undefined || dts - this.#lastEntryDts > AUDIO_ENTRY_TICKS);
    if (!entry) return;
    if (!this.#started) this.#start();
    if (out.video && unit.keyframe) this.#noteShape(unit);
    // Without a keyframe, entries stay overdue until one comes. One entry a second is enough.
    this.#lastEntryFlowMs = unit.keyframe ? this.#flowMs : this.#flowMs - NO_KEYFRAME_MS + 1_000;
    this.#lastEntryDts = dts;
    this.#lastEntryMs = unit.arrivedMs;
    this.#packetsSinceEntry = 0;
    this.#recent.add(unit, dts);
    const reorder = unit.pts === undefined || unit.dts === undefined ? 0 : ticksBetween(unit.dts, unit.pts);
    this.#sink.randomAccess({ prefix: this.#writer.prefix, dts, pts: dts + reorder });
  }

  /** FFmpeg's output keeps the shape that it began with. Only a source changes it without notice. */
  #noteShape(unit: Unit): void {
    if (this.#options.survey === undefined) return;
    const shape = pictureShape(unit.track.codec, headOf(unit));
    if (shape === undefined) return;
    const before = this.#shape;
    this.#shape = shape;
    if (before !== undefined && before !== shape) this.#sink.programChanged('shape');
  }

  /**
   * Handles a provider that begins each connection with the past: it repeats itself, so nothing is lost and nothing is
   * sent twice.
   * @returns false for a picture that must not be sent, because it is older than everything this splicer has seen
   */
  #recogniseRepetition(unit: Unit, dts: number): boolean {
    const { fresh, clock, shift } = this.#timeline;
    if (!fresh || clock !== 'resume' || shift === undefined || !unit.keyframe) return true;
    const sameClock = this.#recent.has(unit, wrapTicks(dts + shift));
    // A connection with its own clock is recognised by its pictures alone, unless they repeat a slate.
    const content = this.#overlap === 'none' ? undefined : contentOf(unit);
    const seenAt = content === undefined ? undefined : this.#recent.timeOf(content);
    const at = sameClock ? wrapTicks(dts + shift) : seenAt;
    if (at === undefined) {
      this.#overlapDts ??= dts;
      const isPast =
        this.#overlap === 'surely' &&
        content !== undefined &&
        !this.#recent.knows(content) &&
        unit.track.kind === 'video';
      return !isPast || ticksBetween(this.#overlapDts, dts) > LONGEST_PAST_TICKS;
    }
    this.#timeline.beginInput('aligned', false, at - dts);
    this.#midPicture = true;
    for (const track of this.#writer.tracks) track.signal = false;
    return true;
  }

  #start(): void {
    this.#started = true;
    this.#writer.writeTables();
  }

  #emitClock(track: Track, packet: PacketRef): void {
    const out = this.#writer.trackOf(track.pid);
    if (out !== undefined && this.#started) this.#writer.write(out, [packet]);
  }
}

function rewriteTimestamps(unit: Unit, shift: number): void {
  const first = unit.packets[0];
  if (first === undefined || shift === 0) return;
  if (unit.pts !== undefined && unit.ptsOffset !== undefined) {
    writeTimestamp(first.bytes, first.offset + unit.ptsOffset, unit.pts + shift);
  }
  if (unit.dts !== undefined && unit.dtsOffset !== undefined) {
    writeTimestamp(first.bytes, first.offset + unit.dtsOffset, unit.dts + shift);
  }
}
