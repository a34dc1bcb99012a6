/**
 * Writes one program for its readers, whatever inputs its packets come from: own PAT and PMT, stable PIDs, counters
 * without an unsignalled gap, and a PCR that never steps back.
 */

import type { Track } from '../reading/units.ts';
import {
  discontinuityPacket,
  hasPayload,
  NULL_PID,
  PACKET_SIZE,
  pcrOf,
  setCounter,
  setPcr,
  setPid,
  stripPcr,
  writeDiscontinuity,
} from '../syntax/packet.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import { freePid, MAX_TRACKS, type ProgramMap, type ProgramStream } from '../syntax/psi.ts';
import { TICKS_PER_SECOND, ticksBetween, wrapTicks } from '../syntax/timestamp.ts';
import { PROGRAM_NUMBER, ProgramTables } from './program-tables.ts';
import type { Timeline } from './timeline.ts';
import { placesOf } from './track-places.ts';

export interface OutTrack {
  readonly pid: number;
  readonly type: number;
  readonly video: boolean;
  /** PID and language of the input track that it carries. */
  inputPid: number;
  language: string | undefined;
  /** Counter of its last payload packet. */
  counter: number;
  /** Send a discontinuity before the next payload packet. */
  signal: boolean;
  /** The current input's video waits for a keyframe. Other tracks of a new input wait for the video. */
  waiting: boolean;
}

/** How many output tracks are remembered: those of two inputs of maximum size, and the PIDs of their clocks. */
const MAX_PLACES = 2 * (MAX_TRACKS + 1);

/** Takes the whole packets `bytes[start, end)`. It must copy them at once, because their memory is reused. */
export type PacketsSink = (bytes: Buffer, start: number, end: number) => void;

/** A PCR that moves by less than this is accepted. */
const MAX_PCR_STEP = 2 * TICKS_PER_SECOND;

export class ProgramWriter {
  readonly #packets: PacketsSink;
  readonly #timeline: Timeline;
  readonly #tables = new ProgramTables();
  /** By output PID. */
  readonly #tracks = new Map<number, OutTrack>();
  /** The same tracks by input PID, for the current input. */
  #inputs = new Map<number, OutTrack>();
  #inputVideo: OutTrack | undefined;
  #signature = '';
  #pcrPid: number | undefined;
  #lastPcr: number | undefined;

  /**
   * @param packets takes whole packets
   * @param timeline places the units that the packets belong to
   */
  constructor(packets: PacketsSink, timeline: Timeline) {
    this.#packets = packets;
    this.#timeline = timeline;
  }

  /** All tracks that the program has had so far. */
  get tracks(): OutTrack[] {
    return [...this.#tracks.values()];
  }

  /** The video track of the current input. */
  get inputVideo(): OutTrack | undefined {
    return this.#inputVideo;
  }

  /** The current input has described its program. */
  get isDescribed(): boolean {
    return this.#inputs.size > 0;
  }

  /** The output track for a track of the current input, by its input PID. */
  trackOf(inputPid: number): OutTrack | undefined {
    return this.#inputs.get(inputPid);
  }

  /** The next packets come from another input. `jump`: it has its own clock. */
  beginInput(jump: boolean): void {
    this.#inputs = new Map();
    this.#inputVideo = undefined;
    this.#wait(jump);
  }

  /** The current input goes on where the one before it ended. */
  isContinued(): void {
    for (const track of this.#tracks.values()) track.signal = false;
  }

  /** From here on the current input is not the one that it seemed to be. */
  isAnother(): void {
    this.#wait(true);
  }

  #wait(jump: boolean): void {
    for (const track of this.#tracks.values()) {
      track.waiting = true;
      if (jump) track.signal = true;
    }
  }

  /**
   * Finds a place for each track of the current input.
   * @returns whether the tracks have changed
   */
  adopt(map: ProgramMap, tracks: readonly Track[]): boolean {
    const places = placesOf(tracks, this.#tracks.values());
    const inputs = new Map<number, OutTrack>();
    const used = new Set(places.values());
    for (const track of tracks) {
      const out = places.get(track) ?? this.#newPlace(track, used);
      used.add(out);
      out.inputPid = track.pid;
      out.language = track.language;
      inputs.set(track.pid, out);
    }
    const taken = new Set([...inputs.values()].map(({ pid }) => pid));
    this.#inputs = inputs;
    this.#inputVideo = [...inputs.values()].find((track) => track.video);
    this.#pcrPid = inputs.get(map.pcrPid)?.pid ?? NULL_PID;
    const described: ProgramMap = {
      programNumber: PROGRAM_NUMBER,
      pcrPid: this.#pcrPid,
      descriptors: map.descriptors,
      streams: this.#inOrder(
        map.streams.map((stream) => ({ ...stream, pid: inputs.get(stream.pid)?.pid ?? stream.pid })),
      ),
    };
    if (!this.#tables.describe(described, taken)) return false;
    const before = this.#signature;
    this.#signature = tracks
      .filter((track) => track.kind !== 'other')
      .map((track) => `${inputs.get(track.pid)?.pid} ${track.kind} ${track.type}`)
      .sort()
      .join();
    return this.#signature !== before;
  }

  /** Streams in the order in which their tracks first came. Tables that only reorder them are no change. */
  #inOrder(streams: ProgramStream[]): ProgramStream[] {
    const order = new Map([...this.#tracks.keys()].map((pid, index) => [pid, index]));
    const of = ({ pid }: ProgramStream) => order.get(pid) ?? order.size;
    return streams.sort((a, b) => of(a) - of(b));
  }

  /**
   * A new place: the track's own PID, or a free one. When there are too many places, the oldest unused one gives up its
   * PID.
   */
  #newPlace(track: Track, used: ReadonlySet<OutTrack>): OutTrack {
    const left = this.#tracks.size < MAX_PLACES ? undefined : [...this.#tracks.values()].find((out) => !used.has(out));
    if (left !== undefined) this.#tracks.delete(left.pid);
    const isTaken = (pid: number) => this.#tracks.has(pid) || pid === this.#tables.pmtPid;
    const out: OutTrack = {
      pid: left?.pid ?? freePid(track.pid, isTaken),
      type: track.type,
      inputPid: track.pid,
      language: track.language,
      video: track.kind === 'video',
      counter: left?.counter ?? 0x0f,
      signal: left !== undefined,
      waiting: true,
    };
    this.#tracks.set(out.pid, out);
    return out;
  }

  writeTables(): void {
    this.#tables.emit(this.#packets);
  }

  /** Bytes that make the next packets readable on their own: the tables, and each track's counter. */
  get prefix(): Buffer {
    const tables = this.#tables.latest;
    const tracks = new Set(this.#inputs.values());
    // One allocation, because a feed may have an entry point for each of its pictures.
    const prefix = Buffer.allocUnsafe(tables.length + tracks.size * PACKET_SIZE);
    let at = tables.copy(prefix);
    for (const { pid, counter } of tracks) {
      writeDiscontinuity(prefix, at, pid, counter);
      at += PACKET_SIZE;
    }
    return prefix;
  }

  /** Writes packets of a track, rewritten in place. Adjacent packets are passed on together. */
  write(out: OutTrack, packets: readonly PacketRef[]): void {
    let run: PacketRef | undefined;
    let end = 0;
    for (const packet of packets) {
      const { bytes, offset } = packet;
      if (run !== undefined && (run.bytes !== bytes || end !== offset || out.signal)) {
        this.#packets(run.bytes, run.offset, end);
        run = undefined;
      }
      this.#rewrite(out, bytes, offset);
      run ??= packet;
      end = offset + PACKET_SIZE;
    }
    if (run !== undefined) this.#packets(run.bytes, run.offset, end);
  }

  #rewrite(out: OutTrack, bytes: Buffer, offset: number): void {
    this.#rewritePcr(out, bytes, offset);
    setPid(bytes, offset, out.pid);
    if (hasPayload(bytes, offset)) {
      if (out.signal) {
        this.#packets(discontinuityPacket(out.pid, out.counter), 0, PACKET_SIZE);
        out.signal = false;
      }
      out.counter = (out.counter + 1) & 0x0f;
    }
    setCounter(bytes, offset, out.counter);
  }

  #rewritePcr(out: OutTrack, bytes: Buffer, offset: number): void {
    const pcr = pcrOf(bytes, offset);
    if (pcr === undefined) return;
    const moved = this.#timeline.translate(out.pid, pcr);
    const step = moved === undefined || this.#lastPcr === undefined ? 1 : ticksBetween(this.#lastPcr, moved);
    if (moved === undefined || out.pid !== this.#pcrPid || step <= 0 || !this.#isPlausiblePcr(out, moved, step)) {
      stripPcr(bytes, offset);
      return;
    }
    setPcr(bytes, offset, moved);
    this.#lastPcr = moved;
  }

  /** A clock that ran ahead of its pictures' jump, or stayed behind, is worse than none. */
  #isPlausiblePcr(out: OutTrack, pcr: number, step: number): boolean {
    if (step <= MAX_PCR_STEP) return true;
    const next = this.#timeline.nextDts(out.pid);
    return next === undefined || Math.abs(ticksBetween(pcr, wrapTicks(next))) < 10 * TICKS_PER_SECOND;
  }
}
