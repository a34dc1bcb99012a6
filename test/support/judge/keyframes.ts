/** Tells from a picture's own bytes whether decoding can start there, whatever the transport layer claims. */

/**
 * Whether the access unit at the start of `es` is a keyframe: an IDR or an intra picture with a recovery point of 0 frames
 * (H.264), an IRAP (HEVC), or an I picture after a sequence header (MPEG-2). Undefined until its first picture has arrived.
 */
export function isKeyframe(codec: string, es: Buffer): boolean | undefined {
  if (codec === 'h264') return h264Keyframe(es);
  if (codec === 'hevc') return hevcKeyframe(es);
  return mpeg2Keyframe(es);
}

/** Positions just after each 00 00 01. */
function* startCodes(es: Buffer): Generator<number> {
  let at = es.indexOf(1, 2);
  while (at !== -1 && at + 1 < es.length) {
    if (es[at - 1] === 0 && es[at - 2] === 0) yield at + 1;
    at = es.indexOf(1, at + 1);
  }
}

function h264Keyframe(es: Buffer): boolean | undefined {
  let cleanRecoveryPoint = false;
  for (const at of startCodes(es)) {
    const type = (es[at] ?? 0) & 0x1f;
    if (type === 5) return true;
    if (type === 6) cleanRecoveryPoint ||= hasCleanRecoveryPoint(es.subarray(at + 1));
    if (type !== 1 && type !== 2) continue;
    if (es.length < at + 9) return undefined;
    const bits = new BitReader(es.subarray(at + 1, at + 9));
    bits.exponentialGolomb();
    return cleanRecoveryPoint && bits.exponentialGolomb() % 5 === 2;
  }
  return undefined;
}

/** A recovery point SEI (payload type 6) with recovery_frame_cnt 0, which is coded as a leading 1 bit. */
function hasCleanRecoveryPoint(sei: Buffer): boolean {
  let at = 0;
  while (at + 2 < sei.length && sei[at] !== 0x80) {
    let type = 0;
    while (sei[at] === 0xff) {
      type += 255;
      at++;
    }
    type += sei[at++] ?? 0;
    let size = 0;
    while (sei[at] === 0xff) {
      size += 255;
      at++;
    }
    size += sei[at++] ?? 0;
    if (type === 6) return ((sei[at] ?? 0) & 0x80) !== 0;
    at += size;
    if (sei[at] === 0 && sei[at + 1] === 0) return false;
  }
  return false;
}

function hevcKeyframe(es: Buffer): boolean | undefined {
  for (const at of startCodes(es)) {
    const type = ((es[at] ?? 0) >> 1) & 0x3f;
    if (type < 32) return type >= 16 && type <= 23;
  }
  return undefined;
}

function mpeg2Keyframe(es: Buffer): boolean | undefined {
  let sequenceHeader = false;
  for (const at of startCodes(es)) {
    if (es[at] === 0xb3) sequenceHeader = true;
    if (es[at] !== 0x00) continue;
    if (es.length < at + 3) return undefined;
    return sequenceHeader && (((es[at + 2] ?? 0) >> 3) & 7) === 1;
  }
  return undefined;
}

class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  #bit(): number {
    const bit = ((this.#bytes[this.#at >> 3] ?? 0xff) >> (7 - (this.#at & 7))) & 1;
    this.#at++;
    return bit;
  }

  /** ue(v) of ISO/IEC 14496-10, 9.1. */
  exponentialGolomb(): number {
    let zeros = 0;
    while (zeros < 31 && this.#bit() === 0) zeros++;
    let value = 1;
    for (let i = 0; i < zeros; i++) value = value * 2 + this.#bit();
    return value - 1;
  }
}
