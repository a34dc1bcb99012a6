/** The judge of what a plain HTTP client received: reads an MPEG-TS recording (ISO/IEC 13818-1) and lists all its faults. */
import { readPcrBase, readPcrExtension, unwrap } from './clock.ts';
import { DEFAULT_GAP_MS, type PacketView, PidJudge } from './pid-judge.ts';
import { type ElementaryStream, readPat, readPmt, SectionReader, sectionCrc } from './psi.ts';
import type { Arrival, JudgeOptions, PcrVerdict, StartVerdict, TimedBytes, Verdict } from './verdict.ts';

const PACKET = 188;
const SYNC = 0x47;
const PAT_PID = 0;
const NULL_PID = 0x1fff;
/** Lower PIDs are reserved for tables (DVB uses up to 0x1f). */
const FIRST_FREE_PID = 0x20;

/**
 * Judges one client's bytes, shares no code with the worker.
 *
 * @example
 * const verdict = judgeTs(await record(url, { seconds: 10 }));
 * expectClean(verdict, { video: true, minSeconds: 8 });
 */
export function judgeTs(recording: Buffer | TimedBytes, options: JudgeOptions = {}): Verdict {
  const timed = Buffer.isBuffer(recording) ? { bytes: recording, arrivals: [] } : recording;
  return new TsJudge(timed, options).judge();
}

class TsJudge {
  readonly #bytes: Buffer;
  readonly #arrivals: readonly Arrival[];
  readonly #endedMs: number | undefined;
  readonly #options: JudgeOptions;
  readonly #pids = new Map<number, PidJudge>();
  readonly #sections = new Map<number, SectionReader>();
  readonly #pmtPids = new Set<number>();
  readonly #streams = new Map<number, ElementaryStream>();
  readonly #syncErrors: Verdict['syncErrors'] = [];
  readonly #pmtVersions: number[] = [];
  readonly #pcr: PcrVerdict = { pid: undefined, count: 0, backSteps: [], maxIntervalMs: 0, minDtsLeadMs: undefined };
  readonly #start: StartVerdict = {
    pat: undefined,
    pmt: undefined,
    firstMedia: undefined,
    firstVideo: undefined,
    firstVideoIsKeyframe: false,
    packetsBeforePat: 0,
    bytesBeforeSync: 0,
  };
  #packets = 0;
  #transportErrors = 0;
  #crcErrors = 0;
  #reference: number | undefined;
  #lastPcr: number | undefined;
  /** Byte offset of every packet, because packets need not lie on one grid. */
  readonly #offsets: number[] = [];

  constructor(recording: TimedBytes, options: JudgeOptions) {
    this.#bytes = recording.bytes;
    this.#arrivals = recording.arrivals;
    this.#endedMs = recording.endedMs;
    this.#options = options;
  }

  judge(): Verdict {
    let at = 0;
    while (at + PACKET <= this.#bytes.length) {
      if (this.#bytes[at] === SYNC) {
        this.#packet(at, this.#packets++);
        this.#offsets.push(at);
        at += PACKET;
        continue;
      }
      const next = this.#resync(at + 1);
      if (this.#packets === 0) this.#start.bytesBeforeSync = next - at;
      else this.#syncErrors.push({ offset: at, skippedBytes: next - at });
      at = next;
    }
    return this.#conclude();
  }

  /** The next sync byte with another one a packet later. */
  #resync(from: number): number {
    for (let at = from; at < this.#bytes.length; at++) {
      const next = at + PACKET;
      if (this.#bytes[at] === SYNC && (next >= this.#bytes.length || this.#bytes[next] === SYNC)) return at;
    }
    return this.#bytes.length;
  }

  #packet(start: number, index: number): void {
    const bytes = this.#bytes;
    const second = bytes[start + 1] ?? 0;
    const fourth = bytes[start + 3] ?? 0;
    const pid = ((second & 0x1f) << 8) | (bytes[start + 2] ?? 0);
    if (pid === NULL_PID) return;
    if (second & 0x80) {
      this.#transportErrors++;
      return;
    }
    const hasAdaptation = (fourth & 0x20) !== 0;
    const adaptationLength = hasAdaptation ? (bytes[start + 4] ?? 0) : 0;
    const flags = adaptationLength > 0 ? (bytes[start + 5] ?? 0) : 0;
    const packet: PacketView = {
      index,
      bytes,
      start,
      unitStart: (second & 0x40) !== 0,
      hasPayload: (fourth & 0x10) !== 0,
      payloadAt: start + 4 + (hasAdaptation ? 1 + adaptationLength : 0),
      end: start + PACKET,
      counter: fourth & 0x0f,
      discontinuity: (flags & 0x80) !== 0,
      randomAccess: (flags & 0x40) !== 0,
    };
    if (this.#start.pat === undefined && (pid === PAT_PID || pid >= FIRST_FREE_PID)) this.#start.packetsBeforePat++;
    const judge = this.#judgeOf(pid);
    if (flags & 0x10 && pid === this.#pcr.pid) this.#clock(packet);
    const opened = judge.push(packet, this.#reference);
    if (opened !== undefined) {
      this.#reference ??= opened.dts;
      if (this.#lastPcr !== undefined) {
        const leadMs = (opened.dts - this.#lastPcr / 300) / 90;
        this.#pcr.minDtsLeadMs = Math.min(this.#pcr.minDtsLeadMs ?? leadMs, leadMs);
      }
    }
    if (!packet.hasPayload) return;
    if (pid === PAT_PID || this.#pmtPids.has(pid)) this.#table(pid, packet);
    else if (pid >= FIRST_FREE_PID) this.#media(judge, packet, opened !== undefined);
  }

  #judgeOf(pid: number): PidJudge {
    let judge = this.#pids.get(pid);
    if (judge === undefined) {
      judge = new PidJudge(pid, this.#streams.get(pid), this.#options);
      if (pid < FIRST_FREE_PID || this.#pmtPids.has(pid)) judge.verdict.kind = 'psi';
      this.#pids.set(pid, judge);
    }
    return judge;
  }

  #media(judge: PidJudge, packet: PacketView, opensPes: boolean): void {
    this.#start.firstMedia ??= packet.index;
    if (opensPes && judge.verdict.kind === 'video') this.#start.firstVideo ??= packet.index;
  }

  #table(pid: number, packet: PacketView): void {
    let reader = this.#sections.get(pid);
    if (reader === undefined) {
      reader = new SectionReader();
      this.#sections.set(pid, reader);
    }
    for (const section of reader.push(packet.bytes.subarray(packet.payloadAt, packet.end), packet.unitStart)) {
      if (sectionCrc(section) !== 0) this.#crcErrors++;
      else if (pid === PAT_PID && section[0] === 0) this.#pat(section, packet.index);
      else if (section[0] === 2) this.#pmt(section, packet.index);
    }
  }

  #pat(section: Buffer, index: number): void {
    if (this.#start.pat === undefined) {
      this.#start.pat = index;
      this.#start.packetsBeforePat--;
    }
    for (const pid of readPat(section)) {
      this.#pmtPids.add(pid);
      const known = this.#pids.get(pid);
      if (known !== undefined) known.verdict.kind = 'psi';
    }
  }

  #pmt(section: Buffer, index: number): void {
    this.#start.pmt ??= index;
    const map = readPmt(section);
    if (this.#pmtVersions.at(-1) !== map.version) this.#pmtVersions.push(map.version);
    if (this.#pcr.pid !== map.pcrPid) this.#lastPcr = undefined;
    this.#pcr.pid = map.pcrPid;
    for (const stream of map.streams) {
      this.#streams.set(stream.pid, stream);
      this.#pids.get(stream.pid)?.describe(stream);
    }
  }

  #clock(packet: PacketView): void {
    const at = packet.start + 6;
    const raw = readPcrBase(packet.bytes, at);
    const near = this.#lastPcr === undefined ? this.#reference : this.#lastPcr / 300;
    const base = near === undefined ? raw : unwrap(raw, Math.floor(near));
    const pcr = base * 300 + readPcrExtension(packet.bytes, at);
    this.#reference ??= base;
    this.#pcr.count++;
    if (this.#lastPcr !== undefined && !packet.discontinuity) {
      const step = pcr - this.#lastPcr;
      if (step < 0) this.#pcr.backSteps.push({ packetIndex: packet.index, from: this.#lastPcr, to: pcr });
      this.#pcr.maxIntervalMs = Math.max(this.#pcr.maxIntervalMs, step / 27_000);
    }
    this.#lastPcr = pcr;
  }

  #conclude(): Verdict {
    const pids = [...this.#pids.values()].map((judge) => judge.finish()).sort((a, b) => a.pid - b.pid);
    const media = pids.filter((pid) => pid.dtsList.length > 0);
    const first = media.reduce((least, pid) => Math.min(least, pid.dtsList[0] ?? least), Number.POSITIVE_INFINITY);
    const last = media.reduce((most, pid) => Math.max(most, pid.dtsList.at(-1) ?? most), Number.NEGATIVE_INFINITY);
    const durationSeconds = media.length === 0 ? 0 : (last - first) / 90_000;
    const video = media.find((pid) => pid.kind === 'video');
    this.#start.firstVideoIsKeyframe = video?.pes[0]?.keyframe === true;
    const keyframe = video?.pes.find((pes) => pes.keyframe);
    const keyframeAt = keyframe && this.#offsets[keyframe.packetIndex];
    return {
      packets: this.#packets,
      bytes: this.#bytes.length,
      syncErrors: this.#syncErrors,
      transportErrors: this.#transportErrors,
      crcErrors: this.#crcErrors,
      pmtVersions: this.#pmtVersions,
      startsWith: this.#start,
      pids,
      video,
      audio: media.find((pid) => pid.kind === 'audio'),
      gapMs: this.#options.gapMs ?? DEFAULT_GAP_MS,
      pcr: this.#pcr,
      durationSeconds,
      wallSeconds: ((this.#endedMs ?? this.#arrivals.at(-1)?.atMs ?? 0) - (this.#arrivals[0]?.atMs ?? 0)) / 1000,
      firstByteMs: this.#arrivals[0]?.atMs,
      firstKeyframeMs: keyframeAt === undefined ? undefined : arrivalOf(this.#arrivals, keyframeAt + PACKET),
      maxStallMs: this.#maxStallMs(),
      bitrate: durationSeconds > 0 ? (this.#bytes.length * 8) / durationSeconds : 0,
    };
  }

  #maxStallMs(): number {
    let longest = 0;
    let previous = this.#arrivals[0]?.atMs ?? 0;
    for (const { atMs } of this.#arrivals) {
      longest = Math.max(longest, atMs - previous);
      previous = atMs;
    }
    return this.#endedMs === undefined || this.#arrivals.length === 0
      ? longest
      : Math.max(longest, this.#endedMs - previous);
  }
}

/** When the byte before `offset` arrived, in ms after the request. */
export function arrivalOf(arrivals: readonly Arrival[], offset: number): number | undefined {
  let low = 0;
  let high = arrivals.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((arrivals[middle]?.endOffset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return arrivals[low]?.atMs;
}
