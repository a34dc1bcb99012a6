/** What is read of an input: its tracks, and their units. */
import type { TrackKind, VideoCodec } from '../syntax/elementary.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';

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
  /** FFmpeg can make pictures or sound of it. */
  readonly decodable: boolean;
}

/** One whole PES packet: an access unit for video, one or more frames for audio. Or a piece of a track that carries sections. */
export interface Unit {
  readonly track: Track;
  readonly packets: readonly PacketRef[];
  /** The whole section that the packets carry, where it may name times of the programme's clock. */
  readonly section?: Buffer | undefined;
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
  /** Bytes that its input has sent in front of it. */
  readonly position: number;
}
