/** The 188-byte transport packet (ISO 13818-1, 2.4.3): reading and rewriting its header in place. */

export const PACKET_SIZE = 188;
export const SYNC_BYTE = 0x47;
export const NULL_PID = 0x1fff;
/** adaptation_field_length of a packet without payload. */
const MAX_ADAPTATION_LENGTH = 183;

export function pidOf(bytes: Buffer, offset: number): number {
  return (((bytes[offset + 1] as number) & 0x1f) << 8) | (bytes[offset + 2] as number);
}

export function setPid(bytes: Buffer, offset: number, pid: number): void {
  bytes[offset + 1] = ((bytes[offset + 1] as number) & 0xe0) | (pid >> 8);
  bytes[offset + 2] = pid & 0xff;
}

/** payload_unit_start_indicator */
export function startsUnit(bytes: Buffer, offset: number): boolean {
  return ((bytes[offset + 1] as number) & 0x40) !== 0;
}

/**
 * Whether a packet is damaged: the demodulator could not repair it (transport_error_indicator), or its fields
 * contradict each other.
 */
export function isDamaged(bytes: Buffer, offset: number): boolean {
  if (bytes[offset] !== SYNC_BYTE || ((bytes[offset + 1] as number) & 0x80) !== 0) return true;
  // adaptation_field_control 0 is reserved; decoders have to discard such a packet (2.4.3.3).
  return ((bytes[offset + 3] as number) & 0x30) === 0 || adaptationLength(bytes, offset) > MAX_ADAPTATION_LENGTH;
}

export function counterOf(bytes: Buffer, offset: number): number {
  return (bytes[offset + 3] as number) & 0x0f;
}

export function setCounter(bytes: Buffer, offset: number, counter: number): void {
  bytes[offset + 3] = ((bytes[offset + 3] as number) & 0xf0) | (counter & 0x0f);
}

export function hasPayload(bytes: Buffer, offset: number): boolean {
  return ((bytes[offset + 3] as number) & 0x10) !== 0;
}

/** Length of the adaptation field's body, from the packet; 0 when the field is absent or empty. */
export function adaptationLength(bytes: Buffer, offset: number): number {
  return ((bytes[offset + 3] as number) & 0x20) !== 0 ? (bytes[offset + 4] as number) : 0;
}

/** Where the payload starts, as an index of `bytes`; the packet's end when it has none. */
export function payloadOffset(bytes: Buffer, offset: number): number {
  if (!hasPayload(bytes, offset)) return offset + PACKET_SIZE;
  const adaptation = ((bytes[offset + 3] as number) & 0x20) !== 0 ? 1 + (bytes[offset + 4] as number) : 0;
  return Math.min(offset + 4 + adaptation, offset + PACKET_SIZE);
}

export function hasDiscontinuityIndicator(bytes: Buffer, offset: number): boolean {
  return adaptationLength(bytes, offset) > 0 && ((bytes[offset + 5] as number) & 0x80) !== 0;
}

export function hasRandomAccessIndicator(bytes: Buffer, offset: number): boolean {
  return adaptationLength(bytes, offset) > 0 && ((bytes[offset + 5] as number) & 0x40) !== 0;
}

/** program_clock_reference_base in 90 kHz ticks (33 bits), or undefined when the packet carries none. */
export function pcrOf(bytes: Buffer, offset: number): number | undefined {
  if (adaptationLength(bytes, offset) < 7 || ((bytes[offset + 5] as number) & 0x10) === 0) return undefined;
  return bytes.readUInt32BE(offset + 6) * 2 + ((bytes[offset + 10] as number) >> 7);
}

/** Writes the 33-bit base and keeps the 27 MHz extension. The packet must carry a PCR. */
export function setPcr(bytes: Buffer, offset: number, base: number): void {
  bytes.writeUInt32BE(Math.floor(base / 2), offset + 6);
  bytes[offset + 10] = ((bytes[offset + 10] as number) & 0x7f) | (base % 2 === 1 ? 0x80 : 0);
}

/** Turns the PCR and every optional field after it into stuffing, because no clock is better than a wrong one. */
export function stripPcr(bytes: Buffer, offset: number): void {
  const length = adaptationLength(bytes, offset);
  bytes[offset + 5] = (bytes[offset + 5] as number) & 0xe0;
  bytes.fill(0xff, offset + 6, offset + 5 + Math.min(length, MAX_ADAPTATION_LENGTH));
}

/**
 * An adaptation-only packet with discontinuity_indicator set. Such a packet does not advance the counter (2.4.3.3), so
 * `counter` is the one of the payload packet before it.
 */
export function discontinuityPacket(pid: number, counter: number): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_SIZE);
  writeDiscontinuity(packet, 0, pid, counter);
  return packet;
}

/** Writes such a packet to `offset`. */
export function writeDiscontinuity(bytes: Buffer, offset: number, pid: number, counter: number): void {
  bytes[offset] = SYNC_BYTE;
  bytes[offset + 1] = pid >> 8;
  bytes[offset + 2] = pid & 0xff;
  bytes[offset + 3] = 0x20 | (counter & 0x0f);
  bytes[offset + 4] = MAX_ADAPTATION_LENGTH;
  bytes[offset + 5] = 0x80;
  bytes.fill(0xff, offset + 6, offset + PACKET_SIZE);
}
