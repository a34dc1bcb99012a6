/** Where a viewer can enter pictures, as the headers at the start of an access unit say it. */

import type { VideoCodec } from './elementary.ts';

type Verdict = boolean | undefined;
/** Judges one header by the byte after its start code; `next` is the position after that byte. */
type HeaderReader = (unit: number, bytes: Buffer, next: number) => Verdict;
type KnownCodec = Exclude<VideoCodec, 'unknown'>;

const START_CODE = Buffer.from([0, 0, 1]);

/**
 * Whether the access unit that starts with `bytes` is a keyframe: an IDR or recovery point with its parameter sets
 * (H.264 7.4.1.2.3, HEVC 7.4.2.4.4), an MPEG-2 picture behind a sequence header, an MPEG-4 VOL or I-VOP. Undefined
 * while the bytes do not tell, or for a codec this does not read: then the random access indicator has to.
 */
export function isKeyframe(codec: VideoCodec, bytes: Buffer): Verdict {
  return codec === 'unknown' ? undefined : firstVerdict(ENTRIES[codec], bytes);
}

/**
 * Whether no picture after the keyframe that starts with `bytes` needs one from before it: an IDR picture, or a group
 * that is said to be closed. HEVC's CRA and BLA pictures are not, as pictures that are shown before them may follow.
 * Undefined while the bytes do not tell, or for a codec this does not read.
 */
export function isClosed(codec: VideoCodec, bytes: Buffer): Verdict {
  return codec === 'unknown' ? undefined : firstVerdict(CLOSED_ENTRIES[codec], bytes);
}

function firstVerdict(read: HeaderReader, bytes: Buffer): Verdict {
  for (let at = bytes.indexOf(START_CODE); at >= 0; at = bytes.indexOf(START_CODE, at + 3)) {
    const unit = bytes[at + 3];
    if (unit === undefined) return undefined;
    const verdict = read(unit, bytes, at + 4);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

const ENTRIES: Readonly<Record<KnownCodec, HeaderReader>> = {
  h264: (unit, bytes, next) => {
    const type = unit & 0x1f;
    if (type === 5 || type === 7) return true;
    if (type === 6 && bytes[next] === 6) return true; // SEI, first message a recovery point
    return type >= 1 && type <= 4 ? false : undefined;
  },
  hevc: (unit) => {
    const type = (unit >> 1) & 0x3f;
    if ((type >= 16 && type <= 23) || type === 32 || type === 33) return true;
    return type <= 15 ? false : undefined;
  },
  mpeg2: (unit) => {
    if (unit === 0xb3) return true;
    return unit === 0x00 ? false : undefined;
  },
  mpeg4: (unit, bytes, next) => {
    if (unit === 0xb0 || (unit >= 0x20 && unit <= 0x2f)) return true;
    if (unit !== 0xb6) return undefined;
    const first = bytes[next];
    return first === undefined ? undefined : first >> 6 === 0;
  },
};

const CLOSED_ENTRIES: Readonly<Record<KnownCodec, HeaderReader>> = {
  h264: (unit) => {
    const type = unit & 0x1f;
    return type >= 1 && type <= 5 ? type === 5 : undefined;
  },
  hevc: (unit) => {
    const type = (unit >> 1) & 0x3f;
    return type <= 31 ? type === 19 || type === 20 : undefined; // IDR_W_RADL, IDR_N_LP
  },
  // closed_gop after 25 bits of time code (ISO 13818-2, 6.2.2.6); a picture without a group header is in an open group.
  mpeg2: (unit, bytes, next) => {
    if (unit === 0xb8) return bitAt(bytes, next + 3, 0x40);
    return unit === 0x00 ? false : undefined;
  },
  // closed_gov after 18 bits of time code (ISO 14496-2, 6.2.4).
  mpeg4: (unit, bytes, next) => {
    if (unit === 0xb3) return bitAt(bytes, next + 2, 0x20);
    return unit === 0xb6 ? false : undefined;
  },
};

function bitAt(bytes: Buffer, at: number, mask: number): Verdict {
  const byte = bytes[at];
  return byte === undefined ? undefined : (byte & mask) !== 0;
}
