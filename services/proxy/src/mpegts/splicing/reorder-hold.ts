/**
 * Holds an input's units back until no earlier picture can follow. A cut then leaves no hole among reordered pictures.
 */

import type { Track, Unit } from '../reading/units.ts';
import type { PacketRef } from '../syntax/packet-memory.ts';
import type { ProgramMap } from '../syntax/psi.ts';
import { ticksBetween } from '../syntax/timestamp.ts';

/** What an input brings, in its order. */
export type InputItem =
  | { readonly kind: 'unit'; readonly unit: Unit }
  | { readonly kind: 'clock'; readonly track: Track; readonly packet: PacketRef }
  | {
      readonly kind: 'tables';
      readonly map: ProgramMap;
      readonly tracks: readonly Track[];
      readonly changed: boolean;
    };

/** Nothing is held longer than this, whatever the pictures say. */
const MAX_HOLD_MS = 1_000;
/** At most this many packets are held: one second of 60 Mbit/s. */
const MAX_HELD_PACKETS = 40_000;

export class ReorderHold {
  readonly #release: (item: InputItem) => void;
  #held: { item: InputItem; nowMs: number }[] = [];
  #heldPictures = 0;
  #heldPackets = 0;
  #holds = false;
  /** Highest video PTS of the current input, 33 bits. It decides whether earlier pictures can still follow a unit. */
  #maxPts: number | undefined;

  constructor(release: (item: InputItem) => void) {
    this.#release = release;
  }

  /**
   * Another input begins. Held items of the previous one are dropped.
   * @param holds false: everything passes at once
   */
  begin(holds: boolean): void {
    this.#held = [];
    this.#heldPictures = 0;
    this.#heldPackets = 0;
    this.#maxPts = undefined;
    this.#holds = holds;
  }

  /** @param hasVideo whether the input is known to have pictures */
  add(item: InputItem, nowMs: number, hasVideo: boolean): void {
    const at = this.#held.length;
    this.#held.push({ item, nowMs });
    if (isPicture(item)) this.#heldPictures++;
    this.#heldPackets += packetsIn(item);
    if (!this.#holds || this.#heldPackets > MAX_HELD_PACKETS) this.#releaseFirst(this.#held.length);
    else if (item.kind === 'unit') this.#releaseBefore(at, item.unit, hasVideo);
  }

  /** Time has passed. */
  expire(nowMs: number): void {
    const oldest = this.#held[0];
    if (oldest !== undefined && nowMs - oldest.nowMs > MAX_HOLD_MS) this.#releaseFirst(this.#held.length);
  }

  /**
   * The input is over. Unless `orderly`, it drops reordered pictures of an incomplete group; whole audio units stay.
   */
  end(orderly: boolean): void {
    if (!orderly) {
      this.#held = this.#held.filter(({ item }) => item.kind === 'unit' && item.unit.track.kind === 'audio');
    }
    this.#releaseFirst(this.#held.length);
    this.#heldPictures = 0;
    this.#heldPackets = 0;
  }

  /** @param at the position of `unit`, the newest held item */
  #releaseBefore(at: number, unit: Unit, hasVideo: boolean): void {
    const isVideo = unit.track.kind === 'video';
    if (isVideo && unit.pts !== undefined && unit.dts !== undefined) {
      // A picture later than all before it opens a group. All units before it are complete, in display order.
      if (this.#maxPts === undefined || ticksBetween(this.#maxPts, unit.pts) > 0) {
        this.#maxPts = unit.pts;
        this.#releaseFirst(at);
      }
      // DTS has reached the latest picture, so no earlier one can follow.
      if (ticksBetween(unit.dts, this.#maxPts) <= 0) this.#releaseFirst(this.#held.length);
    } else if (!(hasVideo || isVideo) || this.#heldPictures === 0) {
      this.#releaseFirst(this.#held.length);
    }
  }

  #releaseFirst(count: number): void {
    if (count === 0) return;
    for (const { item } of this.#held.splice(0, count)) {
      if (isPicture(item)) this.#heldPictures--;
      this.#heldPackets -= packetsIn(item);
      this.#release(item);
    }
  }
}

/** Packets in memory because of a held item. A table counts as one. */
function packetsIn(item: InputItem): number {
  return item.kind === 'unit' ? item.unit.packets.length : 1;
}

function isPicture(item: InputItem): boolean {
  return item.kind === 'unit' && item.unit.track.kind === 'video';
}
