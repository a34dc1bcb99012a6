/** The names of picture codecs, as players are told them (RFC 6381). */

import { withoutEmulation } from '../syntax/bit-reader.ts';
import type { VideoCodec } from '../syntax/elementary.ts';

const START_CODE = Buffer.from([0, 0, 1]);
const SPS = { h264: 7, hevc: 33 };
/** Bytes of profile, compatibility, constraints and level in HEVC's sequence parameter set, after its header and ids. */
export const HEVC_PROFILE = { from: 3, to: 15 };

/**
 * The codec of pictures that begin with these bytes, in the byte stream format, such as `avc1.64001f`. Undefined without a
 * sequence parameter set, and for codecs that HLS does not have.
 */
export function pictureCodec(codec: VideoCodec, bytes: Buffer): string | undefined {
  if (codec !== 'h264' && codec !== 'hevc') return undefined;
  for (let at = bytes.indexOf(START_CODE); at >= 0; at = bytes.indexOf(START_CODE, at + 3)) {
    const first = bytes[at + 3] ?? 0;
    const type = codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
    if (type !== SPS[codec]) continue;
    const next = bytes.indexOf(START_CODE, at + 3);
    const unit = bytes.subarray(at + 3, next < 0 ? undefined : next);
    if (codec === 'h264') return unit.length < 4 ? undefined : avcCodec(unit);
    const plain = withoutEmulation(unit);
    if (plain.length < HEVC_PROFILE.to) return undefined;
    return hevcCodec(plain.subarray(HEVC_PROFILE.from, HEVC_PROFILE.to));
  }
  return undefined;
}

/** @param sps H.264's sequence parameter set, without a start code */
export function avcCodec(sps: Buffer): string {
  return `avc1.${sps.toString('hex', 1, 4)}`;
}

/** ISO/IEC 14496-15, annex E.3. @param profile the bytes that `HEVC_PROFILE` says */
export function hevcCodec(profile: Buffer): string {
  const first = profile[0] as number;
  const space = ['', 'A', 'B', 'C'][first >> 6] as string;
  const flags = profile.readUInt32BE(1);
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) if ((flags / 2 ** bit) & 1) reversed += 2 ** (31 - bit);
  const constraints = [...profile.subarray(5, 11)];
  while (constraints.at(-1) === 0) constraints.pop();
  const tier = (first & 0x20) === 0 ? 'L' : 'H';
  return [
    `hvc1.${space}${first & 0x1f}`,
    reversed.toString(16).toUpperCase(),
    `${tier}${profile[11]}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join('.');
}
