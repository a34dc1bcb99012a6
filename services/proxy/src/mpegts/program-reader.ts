/**
 * One input's transport packets, read as whole PES units of one program, which a survey of the input has chosen.
 * A unit is handed on when all its bytes are here, so whatever is cut between two units is cut cleanly, and a reader that
 * joins at a unit never meets the second half of another PID's.
 */

import { classifyStream, isKeyframe, isNarrated, languageOf, type TrackKind, type VideoCodec } from './elementary.ts';
import {
  counterOf,
  hasDiscontinuityIndicator,
  hasPayload,
  hasRandomAccessIndicator,
  isDamaged,
  NULL_PID,
  PACKET_SIZE,
  payloadOffset,
  pcrOf,
  pidOf,
  startsUnit,
} from './packet.ts';
import { Packetizer } from './packetizer.ts';
import { parsePesHeader } from './pes.ts';
import { buildPmt, type ProgramMap } from './psi.ts';
import { isScrambled } from './scrambling.ts';
import { TrackSurvey } from './track-survey.ts';

/** One elementary stream (or the PID that carries only the clock) of an input. */
export interface Track {
  readonly pid: number;
  readonly kind: TrackKind;
  readonly codec: VideoCodec;
  /** stream_type of the PMT; 0 for a PID that only carries the PCR. */
  readonly type: number;
  /** ISO 639-2, as its descriptor says it. */
  readonly language: string | undefined;
  /** Sound that describes the pictures. */
  readonly narrated: boolean;
}

export interface PacketRef {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** One whole PES packet: an access unit for video, one or more frames for audio. */
export interface Unit {
  readonly track: Track;
  readonly packets: readonly PacketRef[];
  /** 33-bit ticks as the input has them; undefined when it sends none. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Where PTS and DTS stand in the first packet, relative to its start. */
  readonly ptsOffset: number | undefined;
  readonly dtsOffset: number | undefined;
  /** A video keyframe; true for every audio unit. */
  readonly keyframe: boolean;
  /** Packets of this PID were lost before or inside this unit. */
  readonly gap: boolean;
  /** When its first packet came, monotonic. Most units are known to be whole only when the next one begins. */
  readonly arrivedMs: number;
}

export interface ProgramReaderSink {
  /** The program was announced; `changed` where it is new or differs from the last time. */
  program(map: ProgramMap, tracks: readonly Track[], changed: boolean): void;
  unit(unit: Unit): void;
  /** A packet with a PCR outside any unit. */
  clock(track: Track, packet: PacketRef): void;
  /** Any packet of a video or audio track, scrambled ones too, before it becomes part of a unit. */
  media?(bytes: Buffer, offset: number): void;
}

/** Packets of one video unit in which its parameter sets or first slice must begin. */
const PROBED_PACKETS = 8;
/** No access unit is larger; a stream that never starts a new one is not buffered without end. */
const MAX_UNIT_BYTES = 8 * 1024 * 1024;

const NO_MAPS: readonly ProgramMap[] = [];

interface TrackState {
  track: Track;
  counter: number | undefined;
  duplicate: boolean;
  packets: PacketRef[];
  receivedBytes: number;
  totalLength: number | undefined;
  gap: boolean;
  arrivedMs: number;
}

/** A packet that waits until it is settled what is played. */
interface HeldPacket extends PacketRef {
  readonly pid: number;
  readonly maps: readonly ProgramMap[];
  readonly arrivedMs: number;
}

export class ProgramReader {
  readonly #packetizer = new Packetizer();
  readonly #sink: ProgramReaderSink;
  readonly #survey: TrackSurvey;
  #held: HeldPacket[] = [];
  #signature: string | undefined;
  #map: ProgramMap | undefined;
  #tracks = new Map<number, TrackState>();
  #nowMs = 0;

  /** @param survey decides what is played; without one, the first programme that is announced with sound or pictures */
  constructor(sink: ProgramReaderSink, survey: TrackSurvey = new TrackSurvey(false)) {
    this.#sink = sink;
    this.#survey = survey;
  }

  /** Takes bytes in pieces of any size, which came at `nowMs`; the chunk is given away and may be rewritten later. */
  push(chunk: Buffer, nowMs: number): void {
    this.#packetizer.push(chunk, (bytes, offset) => this.#look(bytes, offset, nowMs));
  }

  /** The units under way are whole: the input has ended in an orderly way, or says so. */
  flush(): void {
    for (const state of this.#tracks.values()) this.#finishUnit(state);
  }

  /** The input is over: what waited goes on. */
  settle(): void {
    if (this.#survey.isOpen) this.#survey.settle();
    this.#releaseHeld();
  }

  #look(bytes: Buffer, offset: number, arrivedMs: number): void {
    const pid = pidOf(bytes, offset);
    if (pid === NULL_PID || isDamaged(bytes, offset)) return;
    const news = this.#survey.note(pid, bytes, offset, arrivedMs);
    const packet = { bytes, offset, pid, maps: news?.maps ?? NO_MAPS, arrivedMs };
    if (this.#survey.isOpen) {
      this.#held.push(packet);
      return;
    }
    if (this.#held.length > 0) this.#releaseHeld();
    else if (news?.begun === true && this.#map !== undefined) this.#program(this.#map);
    this.#packet(packet);
  }

  #releaseHeld(): void {
    // Tables may come behind the first packets that they describe.
    const { map } = this.#survey;
    if (map !== undefined && map.programNumber !== this.#map?.programNumber) this.#program(map);
    for (const packet of this.#held.splice(0)) this.#packet(packet);
  }

  #packet({ pid, bytes, offset, maps, arrivedMs }: HeldPacket): void {
    this.#nowMs = arrivedMs;
    for (const map of maps) if (map.programNumber === this.#survey.map?.programNumber) this.#program(map);
    const state = this.#tracks.get(pid);
    if (state !== undefined) this.#trackPacket(state, bytes, offset);
  }

  #program(announced: ProgramMap): void {
    const map = { ...announced, streams: announced.streams.filter((stream) => this.#survey.isPlayed(stream)) };
    const signature = buildPmt(map, 0).toString('latin1');
    const changed = signature !== this.#signature;
    if (changed) this.#adopt(map);
    this.#signature = signature;
    this.#map = announced;
    const tracks = [...this.#tracks.values()].map((state) => state.track);
    this.#sink.program(map, tracks, changed);
  }

  #adopt(map: ProgramMap): void {
    const states = new Map<number, TrackState>();
    const add = (track: Track) => {
      const known = this.#tracks.get(track.pid);
      const state = known?.track.type === track.type ? known : newState(track);
      state.track = track;
      states.set(track.pid, state);
    };
    for (const stream of map.streams) {
      const { pid, type } = stream;
      add({ pid, type, language: languageOf(stream), narrated: isNarrated(stream), ...classifyStream(stream) });
    }
    if (map.pcrPid !== NULL_PID && !states.has(map.pcrPid)) {
      add({ pid: map.pcrPid, type: 0, kind: 'other', codec: 'unknown', language: undefined, narrated: false });
    }
    this.#tracks = states;
  }

  #trackPacket(state: TrackState, bytes: Buffer, offset: number): void {
    if (state.track.kind !== 'other') this.#sink.media?.(bytes, offset);
    if (isScrambled(bytes, offset)) {
      this.#scrambledPacket(state, bytes, offset);
      return;
    }
    if (hasPayload(bytes, offset)) {
      const counter = counterOf(bytes, offset);
      if (state.counter !== undefined && !hasDiscontinuityIndicator(bytes, offset)) {
        // A packet may be sent twice in a row, no more (2.4.3.3).
        if (counter === state.counter && !state.duplicate) {
          state.duplicate = true;
          return;
        }
        if (counter !== ((state.counter + 1) & 0x0f)) state.gap = true;
      }
      state.counter = counter;
      state.duplicate = false;
      if (startsUnit(bytes, offset)) {
        this.#finishUnit(state);
        const header = parsePesHeader(bytes, payloadOffset(bytes, offset), offset + PACKET_SIZE);
        state.totalLength = header?.totalLength;
        state.arrivedMs = this.#nowMs;
        this.#append(state, { bytes, offset });
        return;
      }
    }
    if (state.packets.length > 0) this.#append(state, { bytes, offset });
    else if (pcrOf(bytes, offset) !== undefined) this.#sink.clock(state.track, { bytes, offset });
  }

  /** Nobody can see its payload, and a unit is not whole without it. Its adaptation field is never scrambled. */
  #scrambledPacket(state: TrackState, bytes: Buffer, offset: number): void {
    this.#discardUnit(state);
    state.counter = undefined;
    if (state.track.kind === 'other' && pcrOf(bytes, offset) !== undefined)
      this.#sink.clock(state.track, { bytes, offset });
  }

  #append(state: TrackState, packet: PacketRef): void {
    state.packets.push(packet);
    state.receivedBytes += packet.offset + PACKET_SIZE - payloadOffset(packet.bytes, packet.offset);
    if (state.totalLength !== undefined && state.receivedBytes >= state.totalLength) this.#finishUnit(state);
    else if (state.receivedBytes > MAX_UNIT_BYTES) this.#discardUnit(state);
  }

  #discardUnit(state: TrackState): void {
    state.packets = [];
    state.receivedBytes = 0;
    state.totalLength = undefined;
    state.gap = true;
  }

  #finishUnit(state: TrackState): void {
    const first = state.packets[0];
    if (first === undefined) return;
    const { bytes, offset } = first;
    const header = parsePesHeader(bytes, payloadOffset(bytes, offset), offset + PACKET_SIZE);
    const unit: Unit = {
      track: state.track,
      packets: state.packets,
      pts: header?.pts,
      dts: header?.dts,
      ptsOffset: header?.ptsOffset === undefined ? undefined : header.ptsOffset - offset,
      dtsOffset: header?.dtsOffset === undefined ? undefined : header.dtsOffset - offset,
      keyframe: state.track.kind === 'video' ? isKeyUnit(state, header?.dataOffset) : state.track.kind === 'audio',
      gap: state.gap,
      arrivedMs: state.arrivedMs,
    };
    state.packets = [];
    state.receivedBytes = 0;
    state.totalLength = undefined;
    state.gap = false;
    this.#sink.unit(unit);
  }
}

function isKeyUnit(state: TrackState, dataOffset: number | undefined): boolean {
  const [first, ...rest] = state.packets.slice(0, PROBED_PACKETS) as [PacketRef, ...PacketRef[]];
  const start = dataOffset ?? payloadOffset(first.bytes, first.offset);
  const head = first.bytes.subarray(start, first.offset + PACKET_SIZE);
  const verdict =
    isKeyframe(state.track.codec, head) ??
    isKeyframe(
      state.track.codec,
      Buffer.concat([
        head,
        ...rest.map(({ bytes, offset }) => bytes.subarray(payloadOffset(bytes, offset), offset + PACKET_SIZE)),
      ]),
    );
  return verdict ?? hasRandomAccessIndicator(first.bytes, first.offset);
}

function newState(track: Track): TrackState {
  return {
    track,
    counter: undefined,
    duplicate: false,
    packets: [],
    receivedBytes: 0,
    totalLength: undefined,
    gap: false,
    arrivedMs: 0,
  };
}

/** The first bytes of a unit, where its headers are. */
export function headOf(unit: Unit): Buffer {
  return elementaryBytes({ ...unit, packets: unit.packets.slice(0, PROBED_PACKETS) });
}

/** A unit's bytes of the elementary stream, without the PES header. */
export function elementaryBytes(unit: Unit): Buffer {
  const parts = unit.packets.map(({ bytes, offset }, index) => {
    const start = payloadOffset(bytes, offset);
    const header = index === 0 ? parsePesHeader(bytes, start, offset + PACKET_SIZE) : undefined;
    return bytes.subarray(header?.dataOffset ?? start, offset + PACKET_SIZE);
  });
  return Buffer.concat(parts);
}
