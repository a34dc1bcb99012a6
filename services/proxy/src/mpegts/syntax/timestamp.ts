/**
 * 33-bit, 90 kHz timestamps (ISO 13818-1, 2.4.3.7): arithmetic across the wrap, and their five-byte form in a PES
 * header.
 */

export const TICKS_PER_SECOND = 90_000;
export const TICKS_PER_MS = TICKS_PER_SECOND / 1000;
export const TIMESTAMP_WRAP = 2 ** 33;

/** Reduces any number of ticks to 0 … 2^33 - 1. */
export function wrapTicks(ticks: number): number {
  const rest = ticks % TIMESTAMP_WRAP;
  return rest < 0 ? rest + TIMESTAMP_WRAP : rest;
}

/** The shortest distance from `from` to `to`, in -2^32 … 2^32 ticks; positive when `to` is later. */
export function ticksBetween(from: number, to: number): number {
  const distance = wrapTicks(to - from);
  return distance >= TIMESTAMP_WRAP / 2 ? distance - TIMESTAMP_WRAP : distance;
}

/** 33-bit ticks as the unwrapped count nearest to `nearTicks`. */
export function unwrapNear(ticks: number, nearTicks: number): number {
  return nearTicks + ticksBetween(nearTicks, ticks);
}

/** Reads the five bytes of a PTS or DTS. */
export function readTimestamp(bytes: Buffer, offset: number): number {
  return (
    (((bytes[offset] as number) >> 1) & 0x07) * 2 ** 30 +
    (bytes[offset + 1] as number) * 2 ** 22 +
    ((bytes[offset + 2] as number) >> 1) * 2 ** 15 +
    (bytes[offset + 3] as number) * 2 ** 7 +
    ((bytes[offset + 4] as number) >> 1)
  );
}

/** Writes the five bytes of a PTS or DTS. Keeps the four prefix bits before them. */
export function writeTimestamp(bytes: Buffer, offset: number, ticks: number): void {
  const value = wrapTicks(ticks);
  bytes[offset] = ((bytes[offset] as number) & 0xf0) | (Math.floor(value / 2 ** 30) << 1) | 1;
  bytes[offset + 1] = Math.floor(value / 2 ** 22) & 0xff;
  bytes[offset + 2] = ((Math.floor(value / 2 ** 15) & 0x7f) << 1) | 1;
  bytes[offset + 3] = Math.floor(value / 2 ** 7) & 0xff;
  bytes[offset + 4] = ((value & 0x7f) << 1) | 1;
}
