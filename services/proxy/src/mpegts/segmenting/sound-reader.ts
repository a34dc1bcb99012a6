/** Reads one track of sound as frames, so that a segment can begin between two of them. */

import { type AudioCodec, audioFrame, FRAME_HEADER_BYTES } from '../syntax/audio-frames.ts';
import { TICKS_PER_SECOND } from '../syntax/timestamp.ts';

export interface SoundFrame {
  /** 90 kHz, as the unit's; may be a fraction. */
  readonly pts: number;
  readonly ticks: number;
  readonly bytes: Buffer;
}

/** The frames that end in one unit. */
export interface SoundUnit {
  readonly frames: readonly SoundFrame[];
  /** The unit holds these frames and nothing else, so its packets can be passed on as they are. */
  readonly isPlain: boolean;
}

/** No frame is longer. More than that without a header is no sound of this codec. */
const MAX_FRAME_BYTES = 8 * 1024;

/** Nor is a unit: more than ten seconds of sound. A longer one is left out, as the search for its frames would take long. */
const MAX_UNIT_BYTES = 512 * 1024;

export class SoundReader {
  readonly #codec: AudioCodec | undefined;
  /** The beginning of a frame whose rest stands in the next unit. */
  #rest: Buffer = Buffer.alloc(0);
  /** PTS of the frame in `#rest`. */
  #restPts = 0;

  /** @param codec undefined: frames cannot be found, and each unit counts as one */
  constructor(codec: AudioCodec | undefined) {
    this.#codec = codec;
  }

  /**
   * @param bytes the unit's elementary stream
   * @param pts of the first frame that begins in it, 90 kHz
   */
  read(bytes: Buffer, pts: number): SoundUnit {
    if (this.#codec === undefined) return { frames: [{ pts, ticks: 0, bytes }], isPlain: true };
    if (bytes.length > MAX_UNIT_BYTES) {
      this.#rest = Buffer.alloc(0);
      return { frames: [], isPlain: false };
    }
    const before = this.#rest.length;
    const data = before === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = Buffer.alloc(0);
    const frames: SoundFrame[] = [];
    let isPlain = before === 0;
    let next = before === 0 ? pts : this.#restPts;
    let isTimed = before === 0;
    let at = 0;
    while (at < data.length) {
      if (!isTimed && at >= before) {
        isTimed = true;
        next = pts;
      }
      const size = this.#frameAt(data, at);
      if (size === 'cut') break;
      if (size === undefined) {
        isPlain = false;
        at++;
        continue;
      }
      frames.push({ pts: next, ticks: size.ticks, bytes: data.subarray(at, at + size.bytes) });
      next += size.ticks;
      at += size.bytes;
    }
    if (at < data.length && data.length - at <= MAX_FRAME_BYTES) {
      this.#rest = data.subarray(at);
      this.#restPts = !isTimed && at >= before ? pts : next;
    }
    return { frames, isPlain: isPlain && at === data.length };
  }

  /** `cut`: the frame that begins here does not end in `data`. */
  #frameAt(data: Buffer, at: number): { bytes: number; ticks: number } | 'cut' | undefined {
    if (data.length - at < FRAME_HEADER_BYTES) return 'cut';
    const frame = audioFrame(this.#codec as AudioCodec, data.subarray(at, at + FRAME_HEADER_BYTES));
    if (frame === undefined || frame.bytes < FRAME_HEADER_BYTES) return undefined;
    if (at + frame.bytes > data.length) return 'cut';
    return { bytes: frame.bytes, ticks: (frame.samples * TICKS_PER_SECOND) / frame.sampleRate };
  }
}
