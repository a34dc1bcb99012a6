/**
 * Reads one PID of an input as whole units: PES packets or sections. Sections (cues, carousels, application tables)
 * pass packet by packet. Sections that contain times of the program's clock are passed on whole.
 */

import { hasClockTimes } from '../syntax/clock-sections.ts';
import { isClosed, isKeyframe } from '../syntax/keyframes.ts';
import {
  counterOf,
  hasDiscontinuityIndicator,
  hasPayload,
  hasRandomAccessIndicator,
  PACKET_SIZE,
  payloadOffset,
  pcrOf,
  startsUnit,
} from '../syntax/packet.ts';
import {
  leaveChunk,
  MAX_UNIT_PACKETS,
  type PacketRef,
  type WaitingPacket,
  type WaitingPackets,
} from '../syntax/packet-memory.ts';
import { type PesHeader, parsePesHeader } from '../syntax/pes.ts';
import { packetizeSection, SectionAssembler } from '../syntax/psi.ts';
import { isScrambled } from '../syntax/scrambling.ts';
import { elementaryBytes, headOf } from './unit-content.ts';
import type { Track, Unit } from './units.ts';

export interface TrackSink {
  unit(unit: Unit): void;
  /** A packet with a PCR outside any unit. */
  clock(track: Track, packet: PacketRef): void;
  /** Any packet of a video or audio track, also a scrambled one, before it becomes part of a unit. */
  media?(bytes: Buffer, offset: number): void;
}

export class TrackReader {
  track: Track;
  readonly #sink: TrackSink;
  readonly #waiting: WaitingPackets;
  #counter: number | undefined;
  #duplicate = false;
  #packets: WaitingPacket[] = [];
  /** How many of the held packets came with earlier chunks. */
  #settled = 0;
  #receivedBytes = 0;
  #totalLength: number | undefined;
  #gap = false;
  #arrivedMs = 0;
  #position = 0;
  /** The PID carries sections, according to its last unit start. */
  #hasSections = false;
  readonly #sections = new SectionAssembler();

  /** @param waiting counts the waiting packets of all PIDs of the input */
  constructor(track: Track, sink: TrackSink, waiting: WaitingPackets) {
    this.track = track;
    this.#sink = sink;
    this.#waiting = waiting;
  }

  /** Takes a packet of this PID that came at `nowMs`, after `position` bytes of the input. */
  push(bytes: Buffer, offset: number, position: number, nowMs: number): void {
    if (this.track.kind !== 'other') this.#sink.media?.(bytes, offset);
    if (isScrambled(bytes, offset)) {
      this.#scrambledPacket(bytes, offset);
      return;
    }
    if (hasPayload(bytes, offset)) {
      if (this.#isRepeated(bytes, offset)) return;
      if (startsUnit(bytes, offset)) {
        this.flush();
        const header = parsePesHeader(bytes, payloadOffset(bytes, offset), offset + PACKET_SIZE);
        this.#hasSections = this.track.kind === 'other' && header === undefined;
        this.#totalLength = header?.totalLength;
        this.#arrivedMs = nowMs;
        this.#position = position;
        if (!this.#hasSections) {
          this.#append({ bytes, offset });
          return;
        }
      }
      if (this.#hasSections) {
        this.#arrivedMs = nowMs;
        this.#position = position;
        this.#sectionPacket({ bytes, offset });
        return;
      }
    }
    if (this.#packets.length > 0) this.#append({ bytes, offset });
    else if (pcrOf(bytes, offset) !== undefined) this.#sink.clock(this.track, { bytes, offset });
  }

  /** The current unit is whole. */
  flush(): void {
    const first = this.#packets[0];
    if (first === undefined) return;
    const start = payloadOffset(first.bytes, first.offset);
    const header = parsePesHeader(first.bytes, start, first.offset + PACKET_SIZE);
    const dataBytes = this.#receivedBytes - ((header?.dataOffset ?? start) - start);
    this.#emit(this.#take(), dataBytes, header);
  }

  /** Moves waiting packets out of a chunk of which they are only a small part, so that the chunk can be freed. */
  leaveChunk(): void {
    leaveChunk(this.#packets, this.#settled);
    this.#settled = this.#packets.length;
  }

  /** Drops the current unit. */
  discard(): void {
    this.#take();
    this.#gap = true;
  }

  /**
   * A scrambled payload cannot be read, and its unit is not whole without it. The adaptation field is never scrambled.
   */
  #scrambledPacket(bytes: Buffer, offset: number): void {
    this.discard();
    this.#counter = undefined;
    if (this.track.kind !== 'other' || pcrOf(bytes, offset) === undefined) return;
    this.#sink.clock(this.track, { bytes, offset });
  }

  #isRepeated(bytes: Buffer, offset: number): boolean {
    const counter = counterOf(bytes, offset);
    if (this.#counter !== undefined && !hasDiscontinuityIndicator(bytes, offset)) {
      // A packet may be sent twice in a row, but not more often (2.4.3.3).
      if (counter === this.#counter && !this.#duplicate) {
        this.#duplicate = true;
        return true;
      }
      if (counter !== ((this.#counter + 1) & 0x0f)) this.#gap = true;
    }
    this.#counter = counter;
    this.#duplicate = false;
    return false;
  }

  #append(packet: WaitingPacket): void {
    this.#packets.push(packet);
    this.#waiting.add();
    this.#receivedBytes += packet.offset + PACKET_SIZE - payloadOffset(packet.bytes, packet.offset);
    if (this.#totalLength !== undefined && this.#receivedBytes >= this.#totalLength) this.flush();
    else if (this.#packets.length >= MAX_UNIT_PACKETS || this.#waiting.isFull) this.discard();
  }

  #sectionPacket(packet: PacketRef): void {
    if (!hasClockTimes(this.track.type)) {
      this.#emit([packet], 0, undefined);
      return;
    }
    for (const section of this.#sections.push(packet.bytes, packet.offset)) {
      this.#emit(packetsOf(packetizeSection(section, this.track.pid, 0)), 0, undefined, section);
    }
  }

  #take(): PacketRef[] {
    const packets = this.#packets;
    this.#waiting.remove(packets.length);
    this.#packets = [];
    this.#settled = 0;
    this.#receivedBytes = 0;
    this.#totalLength = undefined;
    return packets;
  }

  #emit(packets: PacketRef[], dataBytes: number, header: PesHeader | undefined, section?: Buffer): void {
    const { kind } = this.track;
    const offset = packets[0]?.offset ?? 0;
    const gap = this.#gap;
    this.#gap = false;
    const keyframe = kind === 'video' ? isKeyUnit(this.track, packets, header?.dataOffset) : kind === 'audio';
    this.#sink.unit({
      track: this.track,
      packets,
      dataBytes,
      section,
      pts: header?.pts,
      dts: header?.dts,
      ptsOffset: header?.ptsOffset === undefined ? undefined : header.ptsOffset - offset,
      dtsOffset: header?.dtsOffset === undefined ? undefined : header.dtsOffset - offset,
      keyframe,
      closed: keyframe && (kind === 'audio' || isClosedUnit(this.track, packets)),
      gap,
      arrivedMs: this.#arrivedMs,
      position: this.#position,
    });
  }
}

/** Whole packets, as positions in one buffer. */
export function packetsOf(bytes: Buffer): PacketRef[] {
  return Array.from({ length: bytes.length / PACKET_SIZE }, (_, index) => ({ bytes, offset: index * PACKET_SIZE }));
}

function isKeyUnit({ codec }: Track, packets: readonly PacketRef[], dataOffset: number | undefined): boolean {
  const { bytes, offset } = packets[0] as PacketRef;
  // The first packet tells almost always.
  const start = bytes.subarray(dataOffset ?? payloadOffset(bytes, offset), offset + PACKET_SIZE);
  return isKeyframe(codec, start) ?? isKeyframe(codec, headOf({ packets })) ?? hasRandomAccessIndicator(bytes, offset);
}

/** Only asked of keyframes. The slice may stand behind long messages, so the whole unit is read if need be. */
function isClosedUnit({ codec }: Track, packets: readonly PacketRef[]): boolean {
  return isClosed(codec, headOf({ packets })) ?? isClosed(codec, elementaryBytes({ packets })) ?? false;
}
