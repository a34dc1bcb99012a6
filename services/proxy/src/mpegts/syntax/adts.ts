/** Reads the header of an ADTS frame (ISO/IEC 13818-7, 6.2). */

/** What a frame's header says. */
export interface AudioFrame {
  readonly bytes: number;
  readonly samples: number;
  /** Hz */
  readonly sampleRate: number;
}

const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350];
const SAMPLES_PER_BLOCK = 1024;
const MIN_FRAME_BYTES = 7;

export function adtsFrame(header: Buffer): AudioFrame | undefined {
  // Twelve sync bits, the MPEG version, two layer bits that are zero, protection_absent.
  if ((header.readUInt16BE(0) & 0xfff6) !== 0xfff0) return undefined;
  const sampleRate = SAMPLE_RATES[(header.readUInt8(2) >> 2) & 0x0f];
  const bytes = (header.readUInt32BE(3) >>> 13) & 0x1fff;
  if (sampleRate === undefined || bytes < MIN_FRAME_BYTES) return undefined;
  const blocks = (header.readUInt8(6) & 0x03) + 1;
  return { bytes, samples: blocks * SAMPLES_PER_BLOCK, sampleRate };
}

/** Duration of a run of whole frames, in 90 kHz ticks; undefined when the bytes are no such run. */
export function adtsTicks(frames: Buffer): number | undefined {
  let ticks = 0;
  for (let at = 0; at + MIN_FRAME_BYTES <= frames.length; ) {
    const frame = adtsFrame(frames.subarray(at, at + MIN_FRAME_BYTES));
    if (frame === undefined) return undefined;
    ticks += (frame.samples * 90_000) / frame.sampleRate;
    at += frame.bytes;
  }
  return ticks === 0 ? undefined : Math.round(ticks);
}
