/** Judges one PID: continuity counters, PES completeness, timestamps, keyframes and audio frames. */
import { createHash, type Hash } from 'node:crypto';
import { AudioFrameCounter } from './audio-frames.ts';
import { readTimestamp, unwrap } from './clock.ts';
import { isKeyframe } from './keyframes.ts';
import type { ElementaryStream } from './psi.ts';
import type { JudgeOptions, PesRecord, PidVerdict } from './verdict.ts';

/** A packet's header as the judge's loop read it. */
export interface PacketView {
  index: number;
  bytes: Buffer;
  /** Offset of the sync byte in `bytes`. */
  start: number;
  unitStart: boolean;
  hasPayload: boolean;
  payloadAt: number;
  end: number;
  counter: number;
  discontinuity: boolean;
  randomAccess: boolean;
}

interface OpenPes {
  record: PesRecord;
  timed: boolean;
  declaredBytes: number;
  gotBytes: number;
  gap: boolean;
  randomAccess: boolean;
  lastPacketFull: boolean;
  /** Start of a picture whose type is not known yet. */
  head: Buffer | undefined;
  hash: Hash | undefined;
}

/** FFmpeg puts up to 0.7 s of sound in a PES. */
export const DEFAULT_GAP_MS = 1000;
/** How many bytes of an access unit are searched for its first slice. */
const MAX_HEAD_BYTES = 64 * 1024;
/** Differences between two PTS up to this are rounding and not slip, in ticks. */
const SLIP_TOLERANCE_TICKS = 2;

export class PidJudge {
  readonly verdict: PidVerdict;
  readonly #options: JudgeOptions;
  readonly #gapTicks: number;
  #counter: number | undefined;
  #lastStart = 0;
  #lastWasDuplicate = false;
  #open: OpenPes | undefined;
  #lost = false;
  #audio: AudioFrameCounter | undefined;
  #audioEnd: number | undefined;
  #payloadSeen = false;

  constructor(pid: number, stream: ElementaryStream | undefined, options: JudgeOptions) {
    this.#options = options;
    this.#gapTicks = (options.gapMs ?? DEFAULT_GAP_MS) * 90;
    this.verdict = emptyVerdict(pid);
    if (stream !== undefined) this.describe(stream);
  }

  /** Takes over what the PMT says about this PID. */
  describe(stream: ElementaryStream): void {
    this.verdict.streamType = stream.streamType;
    this.verdict.kind = stream.kind;
    this.verdict.codec = stream.codec;
    if (stream.kind === 'audio') this.#audio ??= new AudioFrameCounter(stream.codec);
  }

  /**
   * Takes the next packet. `nearDts` places the PID's first timestamp in the unwrapped time of the recording.
   * Returns the PES that the packet opens, if any.
   */
  push(packet: PacketView, nearDts: number | undefined): PesRecord | undefined {
    this.verdict.packets++;
    if (!this.#checkCounter(packet) || !packet.hasPayload) return undefined;
    this.#payloadSeen = true;
    if (this.verdict.kind !== 'video' && this.verdict.kind !== 'audio') return undefined;
    return packet.unitStart ? this.#startPes(packet, nearDts) : this.#continuePes(packet);
  }

  /** Ends the recording. Its last PES may be incomplete and is judged by what arrived. */
  finish(): PidVerdict {
    const last = this.#open;
    this.#open = undefined;
    if (last !== undefined) this.#settleRecord(last);
    if (this.#audio !== undefined) {
      this.verdict.audioFrames = this.#audio.frames;
      this.verdict.audioFrameTicks = this.#audio.frameTicks;
    }
    return this.verdict;
  }

  /** False for a duplicate, whose payload must not count twice. */
  #checkCounter(packet: PacketView): boolean {
    const got = packet.counter;
    const last = this.#counter;
    const expected = last === undefined ? undefined : packet.hasPayload ? (last + 1) & 15 : last;
    const event = { packetIndex: packet.index, expected, got };
    const duplicate = !packet.discontinuity && packet.hasPayload && got === last && this.#samePacket(packet);
    this.#counter = got;
    if (packet.discontinuity) {
      this.verdict.signalledDiscontinuities.push({ ...event, atStart: !this.#payloadSeen });
      this.#lose(packet);
    } else if (duplicate && !this.#lastWasDuplicate) {
      this.verdict.duplicates++;
    } else if (expected !== undefined && got !== expected) {
      this.verdict.continuityErrors.push(event);
      this.#lose(packet);
      // The end of the previous PES may be missing, too.
      if (this.#open !== undefined) this.#open.gap = true;
    }
    this.#lastWasDuplicate = duplicate;
    this.#lastStart = packet.start;
    return !duplicate;
  }

  /** Bytes may be missing before this packet: a PES that continues after it is broken. */
  #lose(packet: PacketView): void {
    if (!packet.hasPayload) this.#lost = true;
    else if (!packet.unitStart && this.#open !== undefined) this.#open.gap = true;
  }

  /** Same bytes as the previous packet of this PID; the PCR may differ (2.4.3.3). */
  #samePacket(packet: PacketView): boolean {
    const { bytes, start, payloadAt, end } = packet;
    const offset = payloadAt - start;
    return bytes.compare(bytes, this.#lastStart + offset, this.#lastStart + end - start, payloadAt, end) === 0;
  }

  #startPes(packet: PacketView, nearDts: number | undefined): PesRecord | undefined {
    const { bytes, payloadAt: at, end } = packet;
    this.#closePes();
    this.#lost = false;
    const isPes = end - at >= 9 && bytes.readUInt32BE(at) >>> 8 === 1;
    const headerEnd = isPes ? at + 9 + (bytes[at + 8] ?? 0) : end;
    const flags = isPes ? (bytes[at + 7] ?? 0) >> 6 : 0;
    if (!isPes || headerEnd > end) {
      this.#partial(packet.index, undefined, 'bad-header', 0, end - at);
      return undefined;
    }
    const previousDts = this.verdict.dtsList.at(-1);
    const near = previousDts ?? nearDts;
    const timed = flags >= 2;
    let pts = previousDts ?? 0;
    let dts = pts;
    if (timed) {
      const rawPts = readTimestamp(bytes, at + 9);
      const rawDts = flags === 3 ? readTimestamp(bytes, at + 14) : rawPts;
      dts = near === undefined ? rawDts : unwrap(rawDts, near);
      pts = unwrap(rawPts, dts);
    }
    const length = bytes.readUInt16BE(at + 4);
    const record: PesRecord = { packetIndex: packet.index, pts, dts, bytes: 0, keyframe: undefined };
    this.#open = {
      record,
      timed,
      declaredBytes: length,
      gotBytes: headerEnd - at - 6,
      gap: false,
      randomAccess: packet.randomAccess,
      lastPacketFull: false,
      head: this.verdict.kind === 'video' ? Buffer.alloc(0) : undefined,
      hash: this.#options.hashPes ? createHash('md5') : undefined,
    };
    this.verdict.pesCount++;
    if (timed) this.#recordTimes(record, previousDts);
    this.#payload(this.#open, packet, headerEnd);
    return timed ? record : undefined;
  }

  #continuePes(packet: PacketView): undefined {
    const open = this.#open;
    if (open === undefined) {
      const reported = this.verdict.partialPes.at(-1)?.reason === 'no-start' && !this.#lost;
      if (!reported) this.#partial(packet.index, undefined, 'no-start', 0, 0);
    } else {
      if (this.#lost) open.gap = true;
      this.#payload(open, packet, packet.payloadAt);
    }
    this.#lost = false;
    return undefined;
  }

  #payload(open: OpenPes, packet: PacketView, from: number): void {
    const es = packet.bytes.subarray(from, packet.end);
    open.gotBytes += es.length;
    open.record.bytes += es.length;
    open.lastPacketFull = packet.payloadAt === packet.start + 4;
    open.hash?.update(es);
    if (open.head !== undefined) this.#lookForPicture(open, es);
    if (open.gap) this.#audio?.resync();
    this.#audio?.push(es);
  }

  #lookForPicture(open: OpenPes, es: Buffer): void {
    const head = open.head === undefined || open.head.length === 0 ? es : Buffer.concat([open.head, es]);
    const keyframe = isKeyframe(this.verdict.codec, head);
    open.head = keyframe === undefined && head.length < MAX_HEAD_BYTES ? head : undefined;
    if (keyframe === undefined) return;
    open.record.keyframe = keyframe;
    const indicators = this.verdict.randomAccessIndicators;
    if (keyframe) {
      this.verdict.keyframePts.push(open.record.pts);
      if (open.randomAccess) indicators.onKeyframes++;
      else indicators.missing++;
    } else if (open.randomAccess) indicators.wrong++;
  }

  #recordTimes(record: PesRecord, previousDts: number | undefined): void {
    const { dts, packetIndex } = record;
    this.verdict.pes.push(record);
    this.verdict.ptsList.push(record.pts);
    this.verdict.dtsList.push(dts);
    if (previousDts === undefined) return;
    const step = dts - previousDts;
    this.verdict.dtsSteps.set(step, (this.verdict.dtsSteps.get(step) ?? 0) + 1);
    const event = { packetIndex, fromDts: previousDts, toDts: dts };
    if (step <= 0) this.verdict.dtsBackSteps.push(event);
    if (step > this.#gapTicks) this.verdict.gaps.push({ ...event, gapMs: step / 90 });
  }

  #closePes(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { declaredBytes, gotBytes, record } = open;
    const short = declaredBytes > 0 && gotBytes < declaredBytes;
    const long = declaredBytes > 0 && gotBytes > declaredBytes;
    if (open.gap || short || long) {
      const reason = open.gap ? 'gap' : short ? 'short' : 'long';
      this.#partial(record.packetIndex, record.pts, reason, declaredBytes, gotBytes);
    } else if (declaredBytes === 0 && open.lastPacketFull) {
      this.verdict.suspectPes.push(record.packetIndex);
    }
    this.#settleRecord(open);
    if (open.gap) this.#audio?.resync();
  }

  #settleRecord(open: OpenPes): void {
    const { record } = open;
    if (open.hash !== undefined) record.hash = open.hash.digest('hex');
    if (this.#audio?.understands !== true) return;
    const ticks = this.#audio.takePesTicks();
    if (open.timed && this.#audioEnd !== undefined) {
      const slipTicks = record.pts - this.#audioEnd;
      if (Math.abs(slipTicks) > SLIP_TOLERANCE_TICKS) {
        this.verdict.audioSlips.push({ packetIndex: record.packetIndex, pts: record.pts, slipTicks });
      }
    }
    const begin = open.timed ? record.pts : this.#audioEnd;
    this.#audioEnd = begin === undefined ? undefined : begin + ticks;
  }

  #partial(
    packetIndex: number,
    pts: number | undefined,
    reason: PidVerdict['partialPes'][number]['reason'],
    declaredBytes: number,
    gotBytes: number,
  ): void {
    this.verdict.partialPes.push({ packetIndex, pts, reason, declaredBytes, gotBytes });
  }
}

function emptyVerdict(pid: number): PidVerdict {
  return {
    pid,
    streamType: undefined,
    codec: '',
    kind: 'unknown',
    packets: 0,
    pesCount: 0,
    continuityErrors: [],
    signalledDiscontinuities: [],
    duplicates: 0,
    dtsBackSteps: [],
    dtsSteps: new Map(),
    ptsList: [],
    dtsList: [],
    pes: [],
    gaps: [],
    partialPes: [],
    suspectPes: [],
    keyframePts: [],
    randomAccessIndicators: { onKeyframes: 0, missing: 0, wrong: 0 },
    audioFrames: 0,
    audioFrameTicks: 0,
    audioSlips: [],
  };
}
