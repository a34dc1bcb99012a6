/** What is read from an input: its tracks and their units. */
import type { TrackKind, VideoCodec } from '../syntax/elementary.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';

/** One elementary stream of an input, or the PID that carries only the clock. */
export interface Track {
  readonly pid: number;
  readonly kind: TrackKind;
  readonly codec: VideoCodec;
  /** stream_type of the PMT; 0 for a PID that only carries the PCR. */
  readonly type: number;
  /** ISO 639-2 code from its descriptor. */
  readonly language: string | undefined;
  /** Audio that describes the pictures. */
  readonly narrated: boolean;
  /** FFmpeg can decode it. */
  readonly decodable: boolean;
}

/**
 * One whole PES packet: an access unit of video, or one or more audio frames. Or a piece of a track that carries
 * sections.
 */
export interface Unit {
  readonly track: Track;
  readonly packets: readonly PacketRef[];
  /** How many bytes of the elementary stream are in them; 0 for sections. */
  readonly dataBytes: number;
  /** The whole section in these packets, if it may contain times of the program's clock. */
  readonly section?: Buffer | undefined;
  /** 33-bit ticks on the input's clock; undefined when it sends none. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** Positions of PTS and DTS in the first packet, relative to its start. */
  readonly ptsOffset: number | undefined;
  readonly dtsOffset: number | undefined;
  /** A video keyframe; true for every audio unit. */
  readonly keyframe: boolean;
  /** A keyframe after which no picture needs one from before it; true for every audio unit. */
  readonly closed: boolean;
  /** Packets of this PID were lost before or inside this unit. */
  readonly gap: boolean;
  /** When its first packet came, monotonic ms. Most units are known to be whole only when the next one begins. */
  readonly arrivedMs: number;
  /** Bytes of its input before it. */
  readonly position: number;
}
