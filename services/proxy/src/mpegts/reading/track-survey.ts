/**
 * Decides which program of a provider's input is played, and which of its tracks have data. Tables are not enough: they
 * announce tracks that are not on air, and a receiver passes on tables of programs that it does not send. So packets
 * decide. A new program is watched for a moment before it is played. A track that has sent nothing by then is left out
 * until it sends.
 */

import { classifyStream, type TrackKind } from '../syntax/elementary.ts';
import { hasPayload, PACKET_SIZE, payloadOffset, startsUnit } from '../syntax/packet.ts';
import { parsePesHeader } from '../syntax/pes.ts';
import { PAT_PID, type ProgramMap, type ProgramStream, parsePat, parsePmt, SectionAssembler } from '../syntax/psi.ts';
import { TICKS_PER_SECOND, ticksBetween } from '../syntax/timestamp.ts';

/**
 * How long an announced track may take to its first packet. Pictures come 25 times a second; low-bitrate sound comes in
 * pieces of 0.7 s.
 */
const WAIT_MS: Readonly<Record<'video' | 'audio', number>> = { video: 500, audio: 800 };
/** The same limit in the input's own time: a provider may send its first seconds at once. */
const WAIT_TICKS = TICKS_PER_SECOND;
/** A look holds at most this many packets, whatever they show. */
const MAX_HELD_PACKETS = Math.floor((1024 * 1024) / PACKET_SIZE);
/** A program that is silent for this long is left for one that is not. */
const SILENT_MS = 3_000;
const RECENT_MS = 1_000;
const CHECK_MS = 250;

interface Program {
  readonly pmtPid: number;
  /** Undefined until its PMT has come. */
  map: ProgramMap | undefined;
  /** What the map was read from. */
  section?: Buffer;
  /** Its audio and video tracks. */
  tracks: readonly AnnouncedTrack[];
}

interface AnnouncedTrack {
  readonly pid: number;
  readonly kind: TrackKind;
}

/** News that came with a packet. */
export interface SurveyNews {
  /** PMTs that this packet completed. */
  readonly maps: readonly ProgramMap[];
  /** It belongs to a track that was left out until now. */
  readonly begun: boolean;
}

export class TrackSurvey {
  readonly #waits: boolean;
  readonly #pat = new SectionAssembler();
  readonly #pmts = new Map<number, SectionAssembler>();
  /** By program number, in the order of the PAT. */
  #programs = new Map<number, Program>();
  #chosen: number | undefined;
  /** Arrival of the newest packet of each PID of the current input. */
  readonly #seenMs = new Map<number, number>();
  /** Tracks of the chosen program that sent nothing during the look. */
  #absent = new Set<number>();
  /** The current look; undefined when it is settled what is played. */
  #look: Look | undefined;
  #checkedMs = 0;
  /** The newest packet, if another one of this PID at this time tells nothing new. Most packets come in such rows. */
  #rowPid: number | undefined;
  #rowMs = 0;

  /** @param waits false: the input is our own, and its first PMT is correct */
  constructor(waits = true) {
    this.#waits = waits;
    this.begin();
  }

  /**
   * The packets come from another input of the same source. What was found stays valid until the input shows otherwise.
   */
  begin(): void {
    this.#seenMs.clear();
    this.#rowPid = undefined;
    this.#look = undefined;
    this.#lookAgain();
  }

  /** It is not settled what is played; packets have to wait. */
  get isOpen(): boolean {
    return this.#look !== undefined;
  }

  /** The newest map of the chosen program; undefined before the first. */
  get map(): ProgramMap | undefined {
    return this.#chosen === undefined ? undefined : this.#programs.get(this.#chosen)?.map;
  }

  /** Whether a stream of the chosen program is played. Sections and subtitles always are, because they may be rare. */
  isPlayed({ pid }: ProgramStream): boolean {
    return !this.#absent.has(pid);
  }

  /** Notes a packet that came at `nowMs`. */
  note(pid: number, bytes: Buffer, offset: number, nowMs: number): SurveyNews | undefined {
    if (pid === this.#rowPid && nowMs === this.#rowMs) return undefined;
    this.#rowPid = undefined;
    const pmt = this.#pmts.get(pid);
    let maps: readonly ProgramMap[] | undefined;
    if (pid === PAT_PID) this.#association(bytes, offset);
    else if (pmt !== undefined) maps = this.#maps(pmt, pid, bytes, offset);
    else if (hasPayload(bytes, offset)) {
      this.#seenMs.set(pid, nowMs);
      this.#rowPid = pid;
      this.#rowMs = nowMs;
    }
    const begun = this.#absent.delete(pid);
    if (this.#look === undefined) this.#leaveSilence(nowMs);
    if (this.#look !== undefined) {
      this.#rowPid = undefined;
      this.#goOn(this.#look, pid, bytes, offset, nowMs);
    }
    return begun || (maps !== undefined && maps.length > 0) ? { maps: maps ?? [], begun } : undefined;
  }

  /** Settles with what has been seen: the input is over, or the look took long enough. */
  settle(): void {
    this.#look = undefined;
    const rank = ([number, program]: [number, Program]): number => {
      if (program.tracks.length === 0) return -1;
      const seen = this.#seen(program);
      const value = seen.some(({ kind }) => kind === 'video') ? 2 : Math.min(1, seen.length);
      return number === this.#chosen && value > 0 ? 3 : value;
    };
    const best = [...this.#programs].reduce<[number, Program] | undefined>(
      (found, each) => (rank(each) > (found === undefined ? -1 : rank(found)) ? each : found),
      undefined,
    );
    if (best === undefined) return;
    const [number, program] = best;
    this.#chosen = number;
    // Nothing is known about an input that shows nothing at all.
    const isKnown = this.#seen(program).length > 0;
    this.#absent = new Set(isKnown ? this.#unseen(program).map(({ pid }) => pid) : []);
  }

  #lookAgain(): void {
    if (this.#waits) this.#look ??= new Look();
  }

  #association(bytes: Buffer, offset: number): void {
    for (const section of this.#pat.push(bytes, offset)) {
      const entries = parsePat(section);
      if (entries === undefined) continue;
      const before = this.#programs;
      this.#programs = new Map(
        entries.map(({ programNumber, pmtPid }) => {
          const known = before.get(programNumber);
          return [programNumber, known?.pmtPid === pmtPid ? known : { pmtPid, map: undefined, tracks: [] }];
        }),
      );
      const pids = new Set(entries.map(({ pmtPid }) => pmtPid));
      for (const pid of this.#pmts.keys()) if (!pids.has(pid)) this.#pmts.delete(pid);
      for (const pid of pids) if (!this.#pmts.has(pid)) this.#pmts.set(pid, new SectionAssembler());
      if (this.#chosen === undefined || this.#programs.has(this.#chosen)) continue;
      this.#chosen = undefined;
      this.#lookAgain();
    }
  }

  #maps(assembler: SectionAssembler, pid: number, bytes: Buffer, offset: number): ProgramMap[] {
    const maps: ProgramMap[] = [];
    for (const section of assembler.push(bytes, offset)) {
      const map = this.#sameAsBefore(pid, section) ?? parsePmt(section);
      const program = map && this.#programs.get(map.programNumber);
      if (map === undefined || program?.pmtPid !== pid) continue;
      program.section = section;
      const known = new Set(program.tracks.map((track) => track.pid));
      program.map = map;
      program.tracks = tracksOf(map);
      maps.push(map);
      if (this.#chosen === undefined && program.tracks.length > 0) {
        if (!this.#waits) this.#chosen = map.programNumber;
        this.#lookAgain();
      } else if (map.programNumber === this.#chosen) {
        if (this.#unseen(program).some((track) => !known.has(track.pid))) this.#lookAgain();
      }
    }
    return maps;
  }

  /** The map of a PMT that is sent again: the same object. */
  #sameAsBefore(pid: number, section: Buffer): ProgramMap | undefined {
    for (const { pmtPid, section: before, map } of this.#programs.values()) {
      if (pmtPid === pid && before?.equals(section) === true) return map;
    }
    return undefined;
  }

  /** Leaves a program whose tracks have all ended when another one has data. */
  #leaveSilence(nowMs: number): void {
    if (!this.#waits || this.#programs.size < 2 || nowMs - this.#checkedMs < CHECK_MS) return;
    this.#checkedMs = nowMs;
    const silentMs = ({ tracks }: Program) =>
      nowMs - Math.max(...tracks.map(({ pid }) => this.#seenMs.get(pid) ?? Number.NEGATIVE_INFINITY));
    const chosen = this.#chosen === undefined ? undefined : this.#programs.get(this.#chosen);
    if (chosen === undefined || silentMs(chosen) < SILENT_MS) return;
    if (![...this.#programs.values()].some((program) => silentMs(program) < RECENT_MS)) return;
    for (const [pid, seenMs] of this.#seenMs) if (nowMs - seenMs > RECENT_MS) this.#seenMs.delete(pid);
    this.#chosen = undefined;
    this.#lookAgain();
  }

  #goOn(look: Look, pid: number, bytes: Buffer, offset: number, nowMs: number): void {
    const isTrack = [...this.#programs.values()].some(({ tracks }) => tracks.some((track) => track.pid === pid));
    look.note(isTrack ? pid : undefined, bytes, offset, nowMs);
    const stays = this.#chosen === undefined ? undefined : this.#programs.get(this.#chosen);
    const first = stays ?? [...this.#programs.values()][0];
    const missing = first && this.#unseen(first).filter((track) => !this.#absent.has(track.pid));
    // With several programs, only the first one with a picture is certain.
    const isClear =
      stays !== undefined ||
      this.#programs.size === 1 ||
      (first !== undefined && this.#seen(first).some(({ kind }) => kind === 'video'));
    const isWhole = isClear && first?.map !== undefined && missing?.length === 0 && look.hasBegun;
    const forVideo = isClear && missing?.every(({ kind }) => kind === 'video') === true;
    if (isWhole || look.hasWaited(nowMs, forVideo ? 'video' : 'audio')) this.settle();
  }

  #seen({ tracks }: Program): AnnouncedTrack[] {
    return tracks.filter(({ pid }) => this.#seenMs.has(pid));
  }

  #unseen({ tracks }: Program): AnnouncedTrack[] {
    return tracks.filter(({ pid }) => !this.#seenMs.has(pid));
  }
}

/** A look at what an input sends, from its first packet of sound or pictures on. */
class Look {
  #startedMs: number | undefined;
  #packets = 0;
  /** First PTS of each PID. */
  readonly #firstPts = new Map<number, number>();
  /** How much of the input's own time has been seen. */
  #ticks = 0;

  get hasBegun(): boolean {
    return this.#startedMs !== undefined;
  }

  /** @param track the packet's PID if it belongs to sound or pictures */
  note(track: number | undefined, bytes: Buffer, offset: number, nowMs: number): void {
    this.#packets++;
    if (track === undefined || !hasPayload(bytes, offset)) return;
    this.#startedMs ??= nowMs;
    if (!startsUnit(bytes, offset)) return;
    const pts = parsePesHeader(bytes, payloadOffset(bytes, offset), offset + PACKET_SIZE)?.pts;
    if (pts === undefined) return;
    const first = this.#firstPts.get(track);
    if (first === undefined) this.#firstPts.set(track, pts);
    else this.#ticks = Math.max(this.#ticks, ticksBetween(first, pts));
  }

  hasWaited(nowMs: number, kind: 'video' | 'audio'): boolean {
    const waitedMs = nowMs - (this.#startedMs ?? nowMs);
    return waitedMs >= WAIT_MS[kind] || this.#ticks >= WAIT_TICKS || this.#packets >= MAX_HELD_PACKETS;
  }
}

function tracksOf(map: ProgramMap): AnnouncedTrack[] {
  const all = map.streams.map((stream) => ({ pid: stream.pid, kind: classifyStream(stream, map.descriptors).kind }));
  return all.filter(({ kind }) => kind !== 'other');
}
