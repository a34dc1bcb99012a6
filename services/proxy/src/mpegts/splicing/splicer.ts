/**
 * Makes one MPEG-TS out of inputs that come one after another, so that a reader does not notice the change: own PAT and
 * PMT, stable PIDs, continuous counters and one timeline. The same mechanism serves FFmpeg restarts, reconnected
 * providers, source failovers and, later, relays.
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
import { type OutTrack, type PacketsSink, ProgramWriter } from './program-writer.ts';
import { type InputItem, ReorderHold } from './reorder-hold.ts';
import { Rhythm } from './rhythm.ts';
import { type InputClock, Timeline } from './timeline.ts';
import { TrackLife } from './track-life.ts';

export interface SpliceSink {
  /** Whole packets. */
  packets: PacketsSink;
  /** A unit with this DTS (90 kHz, feed's timeline, not wrapped) follows. */
  progress(dts: number): void;
  /** From the next packet on the programme is another: what was set up for the one before may not be able to go on. */
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

/** A track of sound or pictures of the programme under way. */
export interface FeedTrack {
  /** In the output. */
  readonly pid: number;
  readonly kind: 'video' | 'audio';
  readonly language: string | undefined;
  readonly narrated: boolean;
  /** It sends while others do, and what it sends can be decoded. */
  readonly alive: boolean;
}

export interface SplicerOptions {
  /**
   * Hold units back until no earlier picture can follow, so that a cut never leaves a hole among reordered pictures. For
   * FFmpeg's output, which has to be continued exactly; costs up to one run of B-frames of delay.
   */
  holdReordered: boolean;
  /** DTS of the feed's first unit, in ticks; undefined keeps the first input's clock. */
  firstDts: number | undefined;
  /** For what comes from a provider: its packets decide which programme and which tracks there are. */
  survey?: TrackSurvey;
}

/** What is known of a new input. */
export interface InputKind {
  /**
   * It repeats the same pictures (`-c copy` from the same source feed, the same feed on another worker), so it may be entered
   * between keyframes, right behind the last unit sent.
   */
  readonly midPicture?: boolean;
  /** It was made from a source feed: a gap in it is no jump of a provider's clock. */
  readonly repaired?: boolean;
  /** It begins with pictures that were sent already, though its clock may be another. */
  readonly overlaps?: boolean;
  /** It comes from another splicer, in whole groups of pictures: nothing has to be held back. */
  readonly grouped?: boolean;
  /** Ticks between its clock and this output's, where they are known and not those of the input before. */
  readonly shift?: number | undefined;
}

/** Where a new input has to start so that nothing is lost or doubled; 33-bit ticks on the output timeline. */
export interface ResumePoint {
  videoPts: number | undefined;
  audioPts: number | undefined;
}

/** stream_type of AAC in ADTS. */
const ADTS = 0x0f;
/** Intra refresh and open-ended GOPs: without a keyframe for this long, any picture is an entry. */
export const NO_KEYFRAME_MS = 12_000;
/** Sound does not wait for longer than this for an input's first picture: a still may come every quarter of a minute. */
const VIDEO_LATE_MS = 1_200;
/** Units of an input that flows come closer together than this; sound alone comes in pieces of up to 0.7 s. */
const LONGEST_STEP_MS = 1_000;
const MIN_ENTRY_TICKS = TICKS_PER_SECOND / 100;
/**
 * Nor is one wanted so soon behind another, by arrival, unless some media lies between them: a source may send thousands of pictures
 * of one packet at once, and the prefix of each entry has a packet for every track.
 */
const MIN_ENTRY_MS = 10;
const MIN_ENTRY_PACKETS = 20;
/** A connection that overlaps is known to repeat a picture; one that has not come by then does not come. */
const LONGEST_PAST_TICKS = 15 * TICKS_PER_SECOND;
/** Audio units are entries where there is no video; one per this many ticks is enough. */
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
  #overlaps = false;
  /** Where the input begins that overlaps, as it has it; undefined before its first picture. */
  #overlapDts: number | undefined;
  /** How long the input has flowed, without its pauses: what did not come while it paused is not missing. */
  #flowMs = 0;
  #lastUnitMs: number | undefined;
  /** In terms of `#flowMs`. */
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
  /** Of the pictures under way; undefined where their shape may change unnoticed. */
  #shape: string | undefined;

  constructor(sink: SpliceSink, options: SplicerOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#timeline = new Timeline(options.firstDts);
    this.#writer = new ProgramWriter((bytes, start, end) => sink.packets(bytes, start, end), this.#timeline);
    this.#hold = new ReorderHold((item) => this.#emit(item));
  }

  /**
   * Bytes from now on come from another input.
   * @param clock how its clock relates to the one before
   */
  beginInput(clock: InputClock, kind: InputKind = {}): void {
    const { midPicture = false, repaired = false, grouped = false, overlaps = false, shift } = kind;
    this.#overlaps = overlaps;
    this.#overlapDts = undefined;
    this.#video.interrupt();
    this.#scrambling = new ScramblingMonitor();
    this.#lastEntryFlowMs = undefined;
    this.#midPicture = midPicture && clock === 'aligned';
    this.#hold.begin(this.#options.holdReordered && !grouped);
    this.#timeline.beginInput(clock, repaired, shift);
    this.#writer.beginInput(clock !== 'aligned');
    this.#beside.beginInput();
    // Another splicer has looked already.
    const survey = grouped ? undefined : this.#options.survey;
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

  /** Takes the current input's bytes; the chunk is given away. `nowMs` is monotonic. */
  push(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#reader?.push(chunk, nowMs);
    this.#hold.expire(nowMs);
  }

  /** What has been pushed ends with whole units: the last ones need not wait for the next to begin. */
  flush(): void {
    this.#reader?.flush();
  }

  /**
   * The current input is over. An orderly end is played out; otherwise what is held and not whole is dropped: reordered
   * pictures whose group is not complete go, whole audio units stay.
   */
  endInput(orderly: boolean): void {
    this.#reader?.settle();
    if (orderly) this.#reader?.flush();
    this.#hold.end(orderly);
    this.#reader = undefined;
  }

  /** Arrival (as given to `push`) of the newest video unit of the current input; undefined before its first. */
  get lastVideoMs(): number | undefined {
    return this.#video.lastMs;
  }

  /** The longest time between two of its pictures lately, in ms; undefined before the second. */
  get videoIntervalMs(): number | undefined {
    return this.#video.intervalMs;
  }

  /** For how long most of the current input's media has been scrambled, in ms. */
  scrambledMs(nowMs: number): number {
    return this.#scrambling.lastsMs(nowMs);
  }

  /** The same for audio. */
  get lastAudioMs(): number | undefined {
    return this.#lastAudioMs;
  }

  /** Ticks between the current input's clock and the output's; undefined before its first unit. */
  get shift(): number | undefined {
    return this.#timeline.fresh ? undefined : this.#timeline.shift;
  }

  /** DTS of the newest picture sent, or of the newest sound where there are no pictures; 33 bits, undefined before the first. */
  get lastDts(): number | undefined {
    const { tracks } = this.#writer;
    const track = tracks.find(({ video }) => video) ?? tracks[0];
    const last = track && this.#timeline.lastDts(track.pid);
    return last === undefined ? undefined : wrapTicks(last);
  }

  /** Sound and pictures of the programme under way, in its order. */
  get tracks(): FeedTrack[] {
    return this.#tracks.flatMap(({ pid: inputPid, kind, language, narrated, decodable }) => {
      const pid = this.#writer.trackOf(inputPid)?.pid;
      if (pid === undefined || kind === 'other') return [];
      return [{ pid, kind, language, narrated, alive: decodable && this.#life.isAlive(pid, kind) }];
    });
  }

  /** Whether a random access point with this content (as `contentOf` has it) was sent lately. */
  hasSent(content: number): boolean {
    return this.#recent.knows(content);
  }

  /** What the next unit of each kind would be, on the output timeline; undefined fields: nothing sent yet. */
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

  /** Where sound goes on: behind the frames of the last unit, which may be one or many. */
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

  /** Whether a unit of an input that is still being entered may be sent. */
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
    // An aligned input goes on at once, but for what it repeats: of sound its times tell that. Any other one, with its pictures.
    if (!this.#started || this.#timeline.clock !== 'aligned') return false;
    return unit.track.kind === 'audio' || !this.#beside.isRepeated(out.pid);
  }

  /** The input has flowed for a while, and not one whole picture has come. */
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
    // A picture each 10 ms can be entered; more of them would only cost.
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
    // Overdue entries stay overdue until a keyframe comes, but one a second is enough of them.
    this.#lastEntryFlowMs = unit.keyframe ? this.#flowMs : this.#flowMs - NO_KEYFRAME_MS + 1_000;
    this.#lastEntryDts = dts;
    this.#lastEntryMs = unit.arrivedMs;
    this.#packetsSinceEntry = 0;
    this.#recent.add(unit, dts);
    const reorder = unit.pts === undefined || unit.dts === undefined ? 0 : ticksBetween(unit.dts, unit.pts);
    this.#sink.randomAccess({ prefix: this.#writer.prefix, dts, pts: dts + reorder });
  }

  /** What FFmpeg makes has the shape that it began with; only a source's changes untold. */
  #noteShape(unit: Unit): void {
    if (this.#options.survey === undefined) return;
    const shape = pictureShape(unit.track.codec, headOf(unit));
    if (shape === undefined) return;
    const before = this.#shape;
    this.#shape = shape;
    if (before !== undefined && before !== shape) this.#sink.programChanged('shape');
  }

  /**
   * A provider that begins each connection with the past repeats itself: then nothing is lost, and nothing sent twice.
   * @returns false for a picture of a past that is longer than what this splicer has seen, which is not to be sent
   */
  #recogniseRepetition(unit: Unit, dts: number): boolean {
    const { fresh, clock, shift } = this.#timeline;
    if (!fresh || clock !== 'resume' || shift === undefined || !unit.keyframe) return true;
    const sameClock = this.#recent.has(unit, wrapTicks(dts + shift));
    // A connection with a clock of its own is known by its pictures alone, unless they show a slate over and over.
    const content = this.#overlaps ? contentOf(unit) : undefined;
    const seenAt = content === undefined ? undefined : this.#recent.timeOf(content);
    const at = sameClock ? wrapTicks(dts + shift) : seenAt;
    if (at === undefined) {
      this.#overlapDts ??= dts;
      const isPast = content !== undefined && !this.#recent.knows(content) && unit.track.kind === 'video';
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
