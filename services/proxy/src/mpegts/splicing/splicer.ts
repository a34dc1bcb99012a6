/**
 * Makes one MPEG-TS from inputs that follow each other, so that a reader does not notice the change: own PAT and PMT,
 * stable PIDs, continuous counters and one timeline. FFmpeg restarts, reconnected providers, source failovers and
 * relays all use it.
 */

import { ProgramReader } from '../reading/program-reader.ts';
import type { SentPictures } from '../reading/sent-pictures.ts';
import type { TrackSurvey } from '../reading/track-survey.ts';
import { headOf } from '../reading/unit-content.ts';
import type { Track, Unit } from '../reading/units.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import { pictureShape } from '../syntax/picture-shape.ts';
import type { ProgramMap } from '../syntax/psi.ts';
import { ticksBetween, wrapTicks } from '../syntax/timestamp.ts';
import { Arrivals } from './arrivals.ts';
import { BesidePictures } from './beside-pictures.ts';
import { EntryPoints } from './entry-points.ts';
import { beginningOf, type Input } from './input.ts';
import { movedPackets } from './moved-unit.ts';
import { type OutTrack, type PacketsSink, ProgramWriter } from './program-writer.ts';
import { type InputItem, ReorderHold } from './reorder-hold.ts';
import { Repetition } from './repetition.ts';
import { LastSent, type ResumePoint } from './resume-point.ts';
import { Timeline } from './timeline.ts';

export interface SpliceSink {
  /** Whole packets. */
  packets: PacketsSink;
  /**
   * A unit with this DTS follows (90 kHz, the feed's timeline, not wrapped). `shown` is the PTS of a picture, or of sound
   * in a program without pictures; it is undefined for any other unit. `jumped`: the clock of the input has jumped before it.
   * Missing media alone is no jump: a connection that broke and came back on the same clock goes on with the time.
   */
  progress(dts: number, shown: number | undefined, jumped: boolean): void;
  /**
   * From the next packet on the program differs. A reader that was set up for the old one may be unable to continue.
   */
  programChanged(change: ProgramChange): void;
  /** The next packet starts a random access point; `prefix` (PAT, PMT, counters) makes it readable on its own. */
  randomAccess(point: RandomAccess): void;
  /**
   * The output begins here, with a picture that another worker has sent before. Only a reader that has that picture can
   * begin here.
   */
  continuation(point: RandomAccess): void;
}

export interface RandomAccess {
  /** Whole packets to send before the shared bytes. */
  prefix: Buffer;
  /** On the feed's timeline, 90 kHz, not wrapped. */
  dts: number;
  pts: number;
  /** No picture from here on needs one from before it. */
  closed: boolean;
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

export class Splicer {
  /** What comes of the inputs, whether it is sent or not. */
  readonly arrivals = new Arrivals();
  readonly #sink: SpliceSink;
  readonly #options: SplicerOptions;
  readonly #timeline: Timeline;
  readonly #writer: ProgramWriter;
  readonly #hold: ReorderHold;
  #reader: ProgramReader | undefined;
  #nowMs = 0;
  readonly #repetition = new Repetition();
  readonly #entries = new EntryPoints();
  readonly #lastSent = new LastSent();
  readonly #beside = new BesidePictures();
  /** The first packet has been sent. */
  #started = false;
  /** The input may be entered between keyframes. */
  #midPicture = false;
  /** The tracks of the newest program, with their PIDs in the output. */
  #tracks: readonly { readonly track: Track; readonly pid: number }[] = [];
  /** The clock of the pictures has jumped since the last one that was sent; without pictures, that of the sound. */
  #jumped = false;
  /** How often pictures were missing, or their clock has jumped; without pictures, the same of the sound. */
  #breaks = 0;
  /** In the output. */
  #audioPid: number | undefined;
  /** Shape of the current pictures; undefined when it may change without notice. */
  #shape: string | undefined;

  constructor(sink: SpliceSink, options: SplicerOptions) {
    this.#sink = sink;
    this.#options = options;
    this.#timeline = new Timeline(options.firstDts);
    this.#writer = new ProgramWriter((bytes, start, end) => sink.packets(bytes, start, end), this.#timeline);
    this.#hold = new ReorderHold((item) => this.#emit(item));
  }

  /**
   * Another worker has made this output so far. Call before the first unit.
   * @param dts of its newest unit, not wrapped
   * @param atMs when that came, monotonic
   */
  goOn(dts: number, atMs: number): void {
    this.#timeline.goOn(dts, atMs);
  }

  /** Of a source. Empty for other inputs. */
  get sentPictures(): SentPictures {
    return this.#repetition.sent;
  }

  /** The next bytes come from another input. */
  beginInput(input: Input): void {
    const { clock, shift, midPicture, overlap, repaired, spliced } = beginningOf(input);
    this.arrivals.beginInput();
    this.#repetition.beginInput(overlap);
    this.#entries.beginInput();
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
        media: (bytes, offset) => this.arrivals.packet(bytes, offset),
      },
      { survey, contiguous: spliced },
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

  /**
   * Ticks between the current input's clock and the output's; undefined before its first unit, and while it is in doubt. The next
   * connection would take it for known, and its pictures for the past.
   */
  get shift(): number | undefined {
    return this.#timeline.fresh || this.#repetition.isInDoubt ? undefined : this.#timeline.shift;
  }

  /** How often media was missing between two pictures that were sent, or the clock was repaired; without pictures, of the sound. */
  get breaks(): number {
    return this.#breaks;
  }

  /** DTS of the newest picture sent, or of the newest audio without pictures; 33 bits, undefined before the first. */
  get lastDts(): number | undefined {
    const { tracks } = this.#writer;
    const track = tracks.find(({ video }) => video) ?? tracks[0];
    const last = track && this.#timeline.lastDts(track.pid);
    return last === undefined ? undefined : wrapTicks(last);
  }

  /**
   * Audio and video tracks of the newest program, in its order. Until a new input has described its program, these are
   * the tracks of the input before it.
   */
  get tracks(): FeedTrack[] {
    return this.#tracks.flatMap(({ track: { kind, language, narrated, decodable }, pid }) =>
      kind === 'other' ? [] : [{ pid, kind, language, narrated, alive: decodable && this.arrivals.isAlive(pid, kind) }],
    );
  }

  /** What the next unit of each kind would be, on the output timeline. */
  get resumePoint(): ResumePoint {
    const video = this.#writer.tracks.find((track) => track.video);
    return this.#lastSent.resumePoint(this.#timeline, video?.pid, this.#audioPid);
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
    this.#tracks = tracks.flatMap((track) => {
      const pid = this.#writer.trackOf(track.pid)?.pid;
      return pid === undefined ? [] : [{ track, pid }];
    });
    const audio = tracks.find((track) => track.kind === 'audio');
    this.#audioPid = audio && this.#writer.trackOf(audio.pid)?.pid;
    if (!others || !this.#started) return;
    this.#entries.programChanged();
    this.#sink.programChanged('tracks');
  }

  #emitUnit(unit: Unit): void {
    const nowMs = unit.arrivedMs;
    this.#entries.flow(nowMs);
    const out = this.#writer.trackOf(unit.track.pid);
    if (out === undefined) return;
    this.arrivals.unit(unit.track, out, nowMs);
    if (out.video) this.#entries.sawPicture();
    const isPicture = out.video || (unit.track.kind === 'audio' && this.#writer.inputVideo === undefined);
    if (isPicture && unit.dts !== undefined && this.#isPast(unit, unit.dts)) return;
    if (out.waiting && !this.#mayEnter(unit, out)) return;
    let shift: number | undefined;
    if (unit.dts === undefined || unit.track.kind === 'other') {
      shift = this.#timeline.shift;
    } else {
      const placement = this.#timeline.place(out.pid, unit.dts, nowMs, out.video);
      if (placement === undefined) {
        if (out.video) this.#beside.pictureRepeated(this.#timeline.isLast(out.pid, unit.dts));
        return;
      }
      if (out.video) this.#beside.pictureSent();
      if (placement.jump) out.signal = true;
      if (isPicture && this.#started && (placement.jump || unit.gap)) this.#breaks++;
      if (placement.clockJump && isPicture) this.#jumped = true;
      shift = placement.shift;
      this.#markEntry(unit, out, placement.dts);
      if (!this.#started) return;
      if (this.#isUndecodable(unit, out, shift)) return;
      // Only a source repeats itself. What FFmpeg makes of it is known by its times.
      if (isPicture && this.#options.survey !== undefined) this.#repetition.remember(unit, placement);
      if (isPicture) this.#sink.progress(placement.dts, placement.dts + reorderOf(unit), this.#takeJump());
      else this.#sink.progress(placement.dts, undefined, false);
    }
    if (!this.#started) return;
    out.waiting = false;
    if (out.video && unit.pts !== undefined && shift !== undefined) {
      this.#lastSent.picture(wrapTicks(unit.pts + shift));
    }
    if (out.pid === this.#audioPid) this.#lastSent.audio(unit);
    if (unit.gap) out.signal = true;
    if (unit.track.kind === 'other') this.#beside.sent(out.pid);
    const packets = shift === undefined ? unit.packets : movedPackets(unit, out.pid, shift);
    this.#entries.sent(packets.length);
    this.#writer.write(out, packets);
  }

  #takeJump(): boolean {
    const jumped = this.#jumped;
    this.#jumped = false;
    return jumped;
  }

  /** FFmpeg's output and other splicers have no such pictures. */
  #isUndecodable(unit: Unit, out: OutTrack, shift: number): boolean {
    if (!out.video || unit.pts === undefined || this.#options.survey === undefined) return false;
    const pts = wrapTicks(unit.pts + shift);
    const isEntry = out.waiting && unit.keyframe && !this.#midPicture;
    if (isEntry) this.#entries.enteredAt(pts);
    return !isEntry && this.#entries.isLeading(pts);
  }

  /** Whether a unit may be sent while its input is still being entered. */
  #mayEnter(unit: Unit, out: OutTrack): boolean {
    this.#entries.sawWaiting();
    const { isOverdue, isVideoLate } = this.#entries;
    if (out.video) return unit.keyframe || this.#midPicture || isOverdue;
    const video = this.#writer.inputVideo;
    if (video === undefined || !video.waiting || isOverdue || isVideoLate) return true;
    // An aligned input continues at once, except for what it repeats; audio shows that by its times. Any other input
    // continues with its pictures.
    if (!this.#started || this.#timeline.clock !== 'aligned') return false;
    return unit.track.kind === 'audio' || !this.#beside.isRepeated(out.pid);
  }

  #markEntry(unit: Unit, out: OutTrack, dts: number): void {
    const hasVideo = this.#writer.inputVideo !== undefined;
    const isEntry = this.#entries.take(unit, dts, { isVideo: out.video, hasVideo });
    if (!isEntry && (this.#started || !out.video || !this.#midPicture)) return;
    if (!this.#started) this.#writer.writeTables();
    this.#started = true;
    if (out.video && unit.keyframe) this.#noteShape(unit);
    const { prefix } = this.#writer;
    const point = { prefix, dts, pts: dts + reorderOf(unit), closed: unit.closed };
    if (isEntry) this.#sink.randomAccess(point);
    else this.#sink.continuation(point);
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

  /** Whether a picture must not be sent, because it is older than everything that this splicer has seen. */
  #isPast(unit: Unit, dts: number): boolean {
    const look = this.#repetition.look(unit, dts, this.#timeline);
    if (look === 'continued') {
      this.#midPicture = true;
      this.#writer.isContinued();
    } else if (look === 'played_again') {
      this.#midPicture = false;
      this.#entries.beginInput();
      this.#writer.isAnother();
    }
    return look === 'past';
  }

  #emitClock(track: Track, packet: PacketRef): void {
    const out = this.#writer.trackOf(track.pid);
    if (out !== undefined && this.#started) this.#writer.write(out, [packet]);
  }
}

/** Ticks from DTS to PTS. */
function reorderOf({ pts, dts }: Unit): number {
  return pts === undefined || dts === undefined ? 0 : ticksBetween(dts, pts);
}
