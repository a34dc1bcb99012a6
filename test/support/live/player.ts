/** Plays a loop on one clock and can misbehave; knows nothing of sockets. */
import { CARRIES, type Loop, PACKET, shiftPacket } from './loop.ts';

/** A stretch of packets that became due in one tick. */
export interface Block {
  /** Media time of the tick, in ms since the clock started. */
  mediaMs: number;
  /** Number of its first packet, counted over all rounds of the loop. */
  first: number;
  bytes: Buffer;
  /** Offset of the first video keyframe's packet (without video: the first audio PES), or -1. */
  keyframeAt: number;
  /** DTS clock at the block's end, in ticks as sent (not wrapped). */
  ticks: number;
}

/** What follows a stall: everything at once, everything late, or a gap. */
export type AfterStall = 'burst' | 'freeze' | 'lose';

/** All that is left of a stream: null packets in place of every other one, or the packets without media. */
export type Filler = 'nulls' | 'tables';

export interface PlayerOptions {
  /** DTS with which the clock starts, in ticks. */
  startPts: number;
  /** Where in the loop the clock starts, in seconds. */
  startPhaseSeconds: number;
  speed: number;
  /** How much media from before the start `past` returns, in ms; default 0. */
  pastMs?: number;
}

const PAST_STEP_MS = 25;
/** The header of a null packet. */
const NULL_HEADER = 0x471fff10;

export class Player {
  readonly loop: Loop;
  readonly #phaseTicks: number;
  readonly #startPts: number;
  readonly #pastMs: number;
  #speed: number;
  #mediaMs = 0;
  #lastTickMs: number | undefined;
  #stalledUntilMs = 0;
  #afterStall: AfterStall = 'burst';
  /** Number of the next packet to send, counted over all rounds of the loop. */
  #next: number;
  #jumpTicks = 0;
  #stripRandomAccess = false;
  /** All that it sends; undefined: everything. */
  only: Filler | undefined;
  #videoWanted = true;
  #videoFlows = true;
  #soundWanted = true;
  #soundFlows = true;
  #toLose = 0;
  /** How much dropped video must be subtracted from the counters. */
  #videoDropped = 0;
  /** The same of sound. */
  #soundDropped = 0;

  constructor(loop: Loop, options: PlayerOptions) {
    this.loop = loop;
    this.#pastMs = options.pastMs ?? 0;
    this.#startPts = options.startPts - this.#pastMs * 90;
    const { loopTicks } = loop.fixture;
    const phase = (Math.round(options.startPhaseSeconds * 90_000) - this.#pastMs * 90) % loopTicks;
    this.#phaseTicks = phase < 0 ? phase + loopTicks : phase;
    this.#speed = options.speed;
    this.#next = loop.due.findIndex((due) => due >= this.#phaseTicks);
  }

  /** Media time since the clock started, in seconds. */
  get mediaSeconds(): number {
    return (this.#mediaMs - this.#pastMs) / 1000;
  }

  /** What was due before the start; call it once, before the first tick. */
  past(): Block[] {
    if (this.#pastMs === 0) return [];
    const speed = this.#speed;
    this.#speed = 1;
    const blocks: Block[] = [];
    for (let ms = 0; ms <= this.#pastMs; ms += PAST_STEP_MS) {
      const block = this.tick(ms);
      if (block !== undefined) blocks.push(block);
    }
    this.#speed = speed;
    this.#lastTickMs = undefined;
    return blocks;
  }

  jump(seconds: number): void {
    this.#jumpTicks += Math.round(seconds * 90_000);
  }

  stall(ms: number, then: AfterStall, nowMs: number): void {
    this.#stalledUntilMs = nowMs + ms;
    this.#afterStall = then;
  }

  set speed(factor: number) {
    this.#speed = factor;
  }

  set stripRandomAccess(on: boolean) {
    this.#stripRandomAccess = on;
  }

  /** Video stops and returns at the border of a PES; its counters continue. */
  set video(on: boolean) {
    this.#videoWanted = on;
  }

  /** Sound stops and returns at the border of a PES; its counters continue. Of a loop with video, which carries the PCR. */
  set sound(on: boolean) {
    this.#soundWanted = on;
  }

  /** The next packets with payload are lost, and their counters with them. */
  losePackets(count: number): void {
    this.#toLose += count;
  }

  /** Everything that became due since the last call. */
  tick(nowMs: number): Block | undefined {
    const lastMs = this.#lastTickMs ?? nowMs;
    const elapsed = nowMs - lastMs;
    this.#lastTickMs = nowMs;
    const stalled = nowMs < this.#stalledUntilMs;
    if (stalled && this.#afterStall === 'freeze') return undefined;
    const lostMs = this.#afterStall === 'lose' ? Math.min(nowMs, this.#stalledUntilMs) - lastMs : 0;
    if (lostMs > 0) this.#next = this.#firstAfter(this.#phaseTicks + (this.#mediaMs + lostMs * this.#speed) * 90);
    this.#mediaMs += elapsed * this.#speed;
    if (stalled && this.#afterStall === 'burst') return undefined;
    const from = this.#next;
    this.#next = this.#firstAfter(this.#phaseTicks + this.#mediaMs * 90);
    return stalled || this.#next <= from ? undefined : this.#render(from, this.#next);
  }

  /** Number of the first packet due after `ticks` of media, the loop's start being 0. */
  #firstAfter(ticks: number): number {
    const { loop } = this;
    const { loopTicks } = loop.fixture;
    let round = Math.floor(this.#next / loop.packets);
    let index = this.#next % loop.packets;
    while (round * loopTicks + (loop.due[index] ?? 0) <= ticks) {
      index++;
      if (index === loop.packets) {
        index = 0;
        round++;
      }
    }
    return round * loop.packets + index;
  }

  #render(from: number, to: number): Block {
    const { loop } = this;
    const bytes = Buffer.allocUnsafe((to - from) * PACKET);
    let length = 0;
    let keyframeAt = -1;
    for (let number = from; number < to; number++) {
      const index = number % loop.packets;
      const carries = loop.carries[index] ?? 0;
      const round = Math.floor(number / loop.packets);
      if (this.only === 'tables' && carries & CARRIES.media) continue;
      loop.bytes.copy(bytes, length, index * PACKET, (index + 1) * PACKET);
      if (this.only === 'nulls') {
        bytes.writeUInt32BE(NULL_HEADER, length);
        length += PACKET;
        continue;
      }
      if (carries & CARRIES.video && !this.#keepVideo(bytes, length, carries)) continue;
      if (isSound(carries) && !this.#keepSound(carries)) continue;
      if (this.#toLose > 0 && carries & CARRIES.media && carries & CARRIES.payload) {
        this.#toLose--;
        continue;
      }
      this.#count(bytes, length, index, round);
      if (carries & (CARRIES.pcr | CARRIES.pes)) {
        shiftPacket(bytes, length, this.#offsetTicks(round));
        if (this.#stripRandomAccess && (bytes[length + 3] ?? 0) & 0x20) {
          bytes[length + 5] = (bytes[length + 5] ?? 0) & ~0x40;
        }
        const joinable = loop.fixture.video === undefined ? CARRIES.pes : CARRIES.keyframe;
        if (keyframeAt === -1 && carries & joinable) keyframeAt = length;
      }
      length += PACKET;
    }
    const ticks = this.#startPts + this.#jumpTicks + this.#mediaMs * 90;
    return { mediaMs: this.#mediaMs, first: from, bytes: bytes.subarray(0, length), keyframeAt, ticks };
  }

  #offsetTicks(round: number): number {
    const { loop } = this;
    const sinceStart = round * loop.fixture.loopTicks - this.#phaseTicks;
    return this.#startPts + sinceStart + this.#jumpTicks - loop.firstDts;
  }

  /** Continues the counter of the packet at `at` over all rounds. */
  #count(bytes: Buffer, at: number, index: number, round: number): void {
    const { loop } = this;
    const pid = loop.pids[index] ?? 0;
    const carries = loop.carries[index] ?? 0;
    const dropped = carries & CARRIES.video ? this.#videoDropped : isSound(carries) ? this.#soundDropped : 0;
    const control = bytes[at + 3] ?? 0;
    bytes[at + 3] = (control & 0xf0) | ((control + round * (loop.payloads.get(pid) ?? 0) - dropped) & 15);
  }

  /** While video is dropped, only its PCR stays, in packets without payload. */
  #keepVideo(bytes: Buffer, at: number, carries: number): boolean {
    if (carries & CARRIES.pes) this.#videoFlows = this.#videoWanted;
    if (this.#videoFlows) return true;
    if (carries & CARRIES.payload) this.#videoDropped++;
    if (!(carries & CARRIES.pcr)) return false;
    bytes[at + 1] = (bytes[at + 1] ?? 0) & ~0x40;
    bytes[at + 3] = ((bytes[at + 3] ?? 0) & 0x0f) | 0x20;
    bytes[at + 4] = PACKET - 5;
    bytes[at + 5] = 0x10;
    bytes.fill(0xff, at + 12, at + PACKET);
    return true;
  }

  #keepSound(carries: number): boolean {
    if (carries & CARRIES.pes) this.#soundFlows = this.#soundWanted;
    if (!this.#soundFlows && carries & CARRIES.payload) this.#soundDropped++;
    return this.#soundFlows;
  }
}

function isSound(carries: number): boolean {
  return (carries & CARRIES.media) !== 0 && (carries & CARRIES.video) === 0;
}
