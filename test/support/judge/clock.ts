/** Reads and unwraps the 33-bit clocks of MPEG-TS (ISO/IEC 13818-1, 2.4.3.5 and 2.4.3.7). */

const WRAP = 2 ** 33;

/** The PTS or DTS field at `at`, 90 kHz, not unwrapped. */
export function readTimestamp(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  const middle = bytes.readUInt16BE(at + 1) >> 1;
  const low = bytes.readUInt16BE(at + 3) >> 1;
  return high * 2 ** 30 + middle * 2 ** 15 + low;
}

/** program_clock_reference_base at `at`, 90 kHz, not unwrapped. */
export function readPcrBase(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 2 + ((bytes[at + 4] ?? 0) >> 7);
}

/** program_clock_reference_extension at `at`, 27 MHz units 0..299. */
export function readPcrExtension(bytes: Buffer, at: number): number {
  return (((bytes[at + 4] ?? 0) & 1) << 8) | (bytes[at + 5] ?? 0);
}

/** The value that equals `raw` modulo 2^33 and lies nearest to `near`. */
export function unwrap(raw: number, near: number): number {
  const ahead = (((raw - near) % WRAP) + WRAP) % WRAP;
  return near + (ahead >= WRAP / 2 ? ahead - WRAP : ahead);
}
