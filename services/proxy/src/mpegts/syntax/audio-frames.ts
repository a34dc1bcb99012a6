/** Reads the header of an MPEG audio layer III frame (ISO/IEC 11172-3, 2.4; ISO/IEC 13818-3 for the lower rates). */
import type { AudioFrame } from '../../mpegts/syntax/adts.ts';

/** kbit/s by bitrate_index; 0 is "free", 15 is forbidden. */
const BITRATES_MPEG1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const BITRATES_MPEG2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
const SAMPLE_RATES_MPEG1 = [44100, 48000, 32000];
/**
 * Sample rate divisors by version bits: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5. Each halves the rate of the one
 * before.
 */
const RATE_DIVISORS = [4, undefined, 2, 1];
const LAYER_III = 1;

export function mp3Frame(header: Buffer): AudioFrame | undefined {
  const bits = header.readUInt32BE(0);
  const version = (bits >>> 19) & 3;
  const rateDivisor = RATE_DIVISORS[version];
  if (bits >>> 21 !== 0x7ff || rateDivisor === undefined || ((bits >>> 17) & 3) !== LAYER_III) return undefined;
  const mpeg1 = version === 3;
  const kilobits = (mpeg1 ? BITRATES_MPEG1 : BITRATES_MPEG2)[(bits >>> 12) & 0xf];
  const baseRate = SAMPLE_RATES_MPEG1[(bits >>> 10) & 3];
  if (!kilobits || baseRate === undefined) return undefined;
  const sampleRate = baseRate / rateDivisor;
  const samples = mpeg1 ? 1152 : 576;
  const padding = (bits >>> 9) & 1;
  const bytes = Math.floor((samples / 8) * ((kilobits * 1000) / sampleRate)) + padding;
  return { bytes, samples, sampleRate };
}
