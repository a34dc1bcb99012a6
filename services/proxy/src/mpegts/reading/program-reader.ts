/**
 * Reads one input's transport packets as whole PES units of one program, which a survey of the input has chosen. It
 * passes a unit on when all its bytes are here. A cut between two units is therefore clean, and a reader that joins at
 * a unit never gets the second half of another PID's unit.
 */

import { classifyStream, isDecodable, isNarrated, languageOf } from '../syntax/elementary.ts';
import { isDamaged, NULL_PID, pidOf } from '../syntax/packet.ts';
import { leaveChunk, type WaitingPacket, WaitingPackets } from '../syntax/packet-memory.ts';
import { Packetizer } from '../syntax/packetizer.ts';
import { buildPmt, isTrackPid, type ProgramMap, type ProgramStream } from '../syntax/psi.ts';
import { TrackReader, type TrackSink } from './track-reader.ts';
import { TrackSurvey } from './track-survey.ts';
import type { Track } from './units.ts';

export interface ProgramReaderSink extends TrackSink {
  /** The program was announced. `changed`: it is new or differs from the last time. */
  program(map: ProgramMap, tracks: readonly Track[], changed: boolean): void;
}

/**
 * How often a program may change: this many times at once, and on average once in this time. Every change makes all its
 * readers set up anew. A table that comes too early is taken at one of its repetitions.
 */
const CHANGES_AT_ONCE = 8;
const MS_PER_CHANGE = 5_000;

const NO_MAPS: readonly ProgramMap[] = [];

/** A packet that waits until the survey has chosen what is played. */
interface HeldPacket extends WaitingPacket {
  readonly pid: number;
  readonly position: number;
  readonly maps: readonly ProgramMap[];
  readonly arrivedMs: number;
}

export interface ProgramReaderOptions {
  /** Decides what is played. Without one, the first announced program with sound or pictures is played. */
  readonly survey?: TrackSurvey | undefined;
  /**
   * Another splicer wrote the input, so no packet of another PID stands inside a unit. A unit without a length then ends
   * at the first such packet, and all units keep the order in which they begin. Else a picture would end only when the
   * next one begins, behind the sound that came after it.
   */
  readonly contiguous?: boolean;
}

export class ProgramReader {
  readonly #packetizer = new Packetizer();
  readonly #sink: ProgramReaderSink;
  readonly #survey: TrackSurvey;
  #held: HeldPacket[] = [];
  /** How many of the held packets came with earlier chunks. */
  #heldSettled = 0;
  #signature: string | undefined;
  #map: ProgramMap | undefined;
  /** The same without the streams that are not played. */
  #played: ProgramMap | undefined;
  #tracks = new Map<number, TrackReader>();
  #trackList: readonly Track[] = [];
  readonly #waiting = new WaitingPackets();
  readonly #contiguous: boolean;
  /** PID of the last packet. */
  #pid: number | undefined;
  #nowMs = 0;
  /** When `CHANGES_AT_ONCE` changes are allowed again. */
  #allChangesAtMs = 0;

  constructor(sink: ProgramReaderSink, { survey, contiguous }: ProgramReaderOptions = {}) {
    this.#sink = sink;
    this.#survey = survey ?? new TrackSurvey(false);
    this.#contiguous = contiguous === true;
  }

  /**
   * Takes bytes in pieces of any size that came at `nowMs`. The caller gives the chunk away: it may be rewritten later.
   */
  push(chunk: Buffer, nowMs: number): void {
    this.#packetizer.push(chunk, (bytes, offset, position) => this.#look(bytes, offset, position, nowMs));
    leaveChunk(this.#held, this.#heldSettled);
    this.#heldSettled = this.#held.length;
    for (const track of this.#tracks.values()) track.leaveChunk();
  }

  /** The current units are whole: the input has ended in an orderly way, or says so. */
  flush(): void {
    for (const track of this.#tracks.values()) track.flush();
  }

  /** The input is over. What waited is passed on. */
  settle(): void {
    if (this.#survey.isOpen) this.#survey.settle();
    this.#releaseHeld();
  }

  #look(bytes: Buffer, offset: number, position: number, arrivedMs: number): void {
    const pid = pidOf(bytes, offset);
    if (pid === NULL_PID || isDamaged(bytes, offset)) return;
    const news = this.#survey.note(pid, bytes, offset, arrivedMs);
    const maps = news?.maps ?? NO_MAPS;
    if (this.#contiguous && pid !== this.#pid) this.#endUnit(pid);
    if (this.#survey.isOpen) {
      this.#held.push({ bytes, offset, position, pid, maps, arrivedMs });
      return;
    }
    if (this.#held.length > 0) this.#releaseHeld();
    else if (news?.begun === true && this.#map !== undefined) this.#program(this.#map);
    this.#nowMs = arrivedMs;
    if (maps.length > 0) this.#announce(maps);
    this.#tracks.get(pid)?.push(bytes, offset, position, arrivedMs);
  }

  /** The open unit is whole, because a packet of another PID has come. */
  #endUnit(pid: number): void {
    if (this.#pid !== undefined) this.#tracks.get(this.#pid)?.flush();
    this.#pid = pid;
  }

  #releaseHeld(): void {
    // Tables may come after the first packets that they describe.
    const { map } = this.#survey;
    if (map !== undefined && map.programNumber !== this.#map?.programNumber) this.#program(map);
    this.#heldSettled = 0;
    for (const { pid, bytes, offset, position, maps, arrivedMs } of this.#held.splice(0)) {
      this.#nowMs = arrivedMs;
      this.#announce(maps);
      this.#tracks.get(pid)?.push(bytes, offset, position, arrivedMs);
    }
  }

  #announce(maps: readonly ProgramMap[]): void {
    for (const map of maps) if (map.programNumber === this.#survey.map?.programNumber) this.#program(map);
  }

  #program(announced: ProgramMap): void {
    const streams = announced.streams.filter((stream) => this.#survey.isPlayed(stream));
    if (announced === this.#map && this.#played !== undefined && isSame(streams, this.#played.streams)) {
      this.#sink.program(this.#played, this.#trackList, false);
      return;
    }
    const map = { ...announced, streams };
    const signature = buildPmt(map, 0).toString('latin1');
    const changed = signature !== this.#signature;
    if (changed && !this.#mayChange()) return;
    if (changed) this.#adopt(map);
    this.#signature = signature;
    this.#map = announced;
    this.#played = map;
    this.#trackList = [...this.#tracks.values()].map(({ track }) => track);
    this.#sink.program(map, this.#trackList, changed);
  }

  #mayChange(): boolean {
    const fromMs = Math.max(this.#allChangesAtMs, this.#nowMs);
    if (fromMs - this.#nowMs > (CHANGES_AT_ONCE - 1) * MS_PER_CHANGE) return false;
    this.#allChangesAtMs = fromMs + MS_PER_CHANGE;
    return true;
  }

  #adopt(map: ProgramMap): void {
    const before = this.#tracks;
    this.#tracks = new Map();
    const add = (track: Track) => {
      const known = before.get(track.pid);
      const goesOn = known !== undefined && known.track.type === track.type;
      const reader = goesOn ? known : new TrackReader(track, this.#sink, this.#waiting);
      reader.track = track;
      this.#tracks.set(track.pid, reader);
    };
    for (const stream of map.streams) {
      const { pid, type } = stream;
      const kind = classifyStream(stream, map.descriptors);
      const about = { language: languageOf(stream), narrated: isNarrated(stream), decodable: isDecodable(stream) };
      add({ pid, type, ...about, ...kind });
    }
    if (isTrackPid(map.pcrPid) && !this.#tracks.has(map.pcrPid)) {
      add({
        pid: map.pcrPid,
        type: 0,
        kind: 'other',
        codec: 'unknown',
        language: undefined,
        narrated: false,
        decodable: false,
      });
    }
    for (const [pid, reader] of before) if (this.#tracks.get(pid) !== reader) reader.discard();
  }
}

function isSame(streams: readonly ProgramStream[], others: readonly ProgramStream[]): boolean {
  return streams.length === others.length && streams.every((stream, index) => stream === others[index]);
}
