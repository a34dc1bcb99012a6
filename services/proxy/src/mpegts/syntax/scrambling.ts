/** Notices MPEG-TS with encrypted media (conditional access): it flows, but nobody can see it. Pure. */

import { hasPayload, NULL_PID, PACKET_SIZE, pidOf } from './packet.ts';

/**
 * Most packets within this time have to be scrambled. Tables and an unscrambled audio track beside the pictures are
 * not.
 */
const WINDOW_MS = 500;

/** transport_scrambling_control (ISO 13818-1, 2.4.3.2) is not 00. */
export function isScrambled(bytes: Buffer, offset: number): boolean {
  return ((bytes[offset + 3] as number) & 0xc0) !== 0;
}

/** Counts the scrambled packets of one input. */
export class ScramblingMonitor {
  #windowMs: number | undefined;
  #payload = 0;
  #scrambled = 0;
  #sinceMs: number | undefined;

  /** Counts every packet in a run of whole packets. */
  countAll(packets: Buffer): void {
    for (let offset = 0; offset + PACKET_SIZE <= packets.length; offset += PACKET_SIZE) this.count(packets, offset);
  }

  count(bytes: Buffer, offset: number): void {
    if (!hasPayload(bytes, offset) || pidOf(bytes, offset) === NULL_PID) return;
    this.#payload++;
    if (isScrambled(bytes, offset)) this.#scrambled++;
  }

  /** How long most packets have been scrambled, in ms; 0 when they are not. `nowMs` is monotonic. */
  lastsMs(nowMs: number): number {
    this.#windowMs ??= nowMs;
    if (nowMs - this.#windowMs >= WINDOW_MS && this.#payload > 0) {
      if (this.#scrambled * 2 <= this.#payload) this.#sinceMs = undefined;
      else this.#sinceMs ??= this.#windowMs;
      this.#windowMs = nowMs;
      this.#payload = 0;
      this.#scrambled = 0;
    }
    return this.#sinceMs === undefined ? 0 : nowMs - this.#sinceMs;
  }
}
