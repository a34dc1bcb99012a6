/** The judge's findings on the bytes of one MPEG-TS client (ISO/IEC 13818-1). Times are 90 kHz ticks unless named otherwise. */

/** One PID's counter did not continue as it should (2.4.3.3). */
export interface ContinuityEvent {
  packetIndex: number;
  /** The expected counter; undefined at the PID's first packet. */
  expected: number | undefined;
  got: number;
}

/** A discontinuity that a packet announced with discontinuity_indicator (2.4.3.5). */
export interface SignalledDiscontinuity extends ContinuityEvent {
  /** No payload of this PID came before it, as in a join prefix. */
  atStart: boolean;
}

export interface DtsStep {
  packetIndex: number;
  fromDts: number;
  toDts: number;
}

export interface MediaGap extends DtsStep {
  gapMs: number;
}

/** Why a PES counts as broken: cut short or too long against PES_packet_length, a counter gap inside it, no start. */
export type PartialPesReason = 'short' | 'long' | 'gap' | 'no-start' | 'bad-header';

export interface PartialPes {
  packetIndex: number;
  pts: number | undefined;
  reason: PartialPesReason;
  declaredBytes: number;
  gotBytes: number;
}

/** One PES as it arrived. Without a DTS in its header, the PTS is the DTS. */
export interface PesRecord {
  packetIndex: number;
  pts: number;
  dts: number;
  /** Payload bytes after the PES header. */
  bytes: number;
  /** Undefined for audio, or when no picture was found in it. */
  keyframe: boolean | undefined;
  /** MD5 of the payload, when requested. */
  hash?: string;
}

/** Audio that does not start where the frames before it ended. */
export interface AudioSlip {
  packetIndex: number;
  pts: number;
  /** Positive: silence is missing; negative: overlap. */
  slipTicks: number;
}

export type PidKind = 'video' | 'audio' | 'data' | 'psi' | 'unknown';

export interface PidVerdict {
  pid: number;
  /** stream_type of the PMT (table 2-34); undefined when no PMT names the PID. */
  streamType: number | undefined;
  codec: string;
  kind: PidKind;
  packets: number;
  pesCount: number;
  continuityErrors: ContinuityEvent[];
  signalledDiscontinuities: SignalledDiscontinuity[];
  /** Repeated packets; 2.4.3.3 allows each packet to be sent twice. */
  duplicates: number;
  /** DTS that did not grow. */
  dtsBackSteps: DtsStep[];
  /** How often each DTS step occurred. */
  dtsSteps: Map<number, number>;
  /** In decoding order, unwrapped. */
  ptsList: number[];
  dtsList: number[];
  pes: PesRecord[];
  /** DTS steps longer than `Verdict.gapMs`. */
  gaps: MediaGap[];
  partialPes: PartialPes[];
  /** Unbounded PES whose last packet is full. A cut PES looks like this, and by chance one complete PES in 184. */
  suspectPes: number[];
  /** PTS of keyframes according to their own bytes, whatever random_access_indicator says. */
  keyframePts: number[];
  /** Video keyframes with and without random_access_indicator. */
  randomAccessIndicators: { onKeyframes: number; missing: number; wrong: number };
  audioFrames: number;
  /** Ticks of one audio frame (not rounded), 0 where unknown. */
  audioFrameTicks: number;
  audioSlips: AudioSlip[];
}

export interface PcrVerdict {
  pid: number | undefined;
  count: number;
  /** Unsignalled steps back, in 27 MHz units. */
  backSteps: { packetIndex: number; from: number; to: number }[];
  maxIntervalMs: number;
  /** Smallest DTS − PCR at a PES start; below zero a decoder would underrun. */
  minDtsLeadMs: number | undefined;
}

export interface StartVerdict {
  /** Packet index of the first PAT, PMT, media payload and video PES; undefined when there is none. */
  pat: number | undefined;
  pmt: number | undefined;
  firstMedia: number | undefined;
  firstVideo: number | undefined;
  firstVideoIsKeyframe: boolean;
  /** Packets before the first PAT, not counting other service information (PID below 0x20, such as FFmpeg's SDT). */
  packetsBeforePat: number;
  /** Bytes before the first valid sync byte. */
  bytesBeforeSync: number;
}

export interface Verdict {
  packets: number;
  bytes: number;
  /** Places where the 188-byte grid was lost. */
  syncErrors: { offset: number; skippedBytes: number }[];
  /** Packets with transport_error_indicator. */
  transportErrors: number;
  crcErrors: number;
  /** Every distinct PMT version seen, in order. */
  pmtVersions: number[];
  startsWith: StartVerdict;
  pids: PidVerdict[];
  video: PidVerdict | undefined;
  audio: PidVerdict | undefined;
  /** Shorter DTS steps are not listed as gaps. */
  gapMs: number;
  pcr: PcrVerdict;
  /** Media time from the first to the last DTS. */
  durationSeconds: number;
  wallSeconds: number;
  /** Since the request; undefined without arrival times or bytes. */
  firstByteMs: number | undefined;
  /** Arrival of the first packet of the first video keyframe. */
  firstKeyframeMs: number | undefined;
  /** Longest time between two arrivals, up to the end of the recording. */
  maxStallMs: number;
  /** Bit/s over media time. */
  bitrate: number;
}

/** One arrival: everything before `endOffset` had arrived `atMs` after the request. */
export interface Arrival {
  atMs: number;
  endOffset: number;
}

/** Bytes with their arrival times, as the recorder makes them. */
export interface TimedBytes {
  readonly bytes: Buffer;
  readonly arrivals: readonly Arrival[];
  /** When recording stopped, after the request. */
  readonly endedMs?: number;
}

export interface JudgeOptions {
  /** DTS steps longer than this are listed as gaps; default 1000 (FFmpeg puts up to 0.7 s of audio in a PES). */
  gapMs?: number;
  /** Hash every PES payload, to compare frames between clients. */
  hashPes?: boolean;
}
