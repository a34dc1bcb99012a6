/** What a decoder has to know before the first frame of sound, read from that frame: its sample entry in an initialisation. */

import { soundCodec } from '../../../mpegts/naming/sound-codec.ts';
import { adtsFrame } from '../../../mpegts/syntax/adts.ts';
import { AC3_CHANNELS, type AudioCodec, audioFrame, skipMixLevels } from '../../../mpegts/syntax/audio-frames.ts';
import { BitReader, bytesOfBits } from '../../../mpegts/syntax/bit-reader.ts';
import { box, fullBox, u8, u16, u32 } from './boxes.ts';

export interface SoundConfig {
  /** As RFC 6381 writes it. */
  readonly codec: string;
  /** Hz. It is the time scale of the track. */
  readonly sampleRate: number;
  readonly samplesPerFrame: number;
  /** The sample entry. */
  readonly entry: Buffer;
}

/** Codecs that browsers take from fragmented mp4. */
export type CmafSoundCodec = Exclude<AudioCodec, 'mpeg'>;

const ADTS_HEADER_BYTES = 7;
const ADTS_CRC_BYTES = 2;
/** Channels by channel_configuration of AAC; 0 is described in the stream itself, which mp4 has no place for. */
const AAC_CHANNELS = [undefined, 1, 2, 3, 4, 5, 6, 8];

/** The frame as a sample: without the header that says its length. */
export function soundSample(codec: CmafSoundCodec, frame: Buffer): Buffer {
  if (codec !== 'aac') return frame;
  const hasCrc = ((frame[1] as number) & 1) === 0;
  return frame.subarray(ADTS_HEADER_BYTES + (hasCrc ? ADTS_CRC_BYTES : 0));
}

/** Undefined when mp4 cannot describe such sound. */
export function soundConfig(codec: CmafSoundCodec, frame: Buffer): SoundConfig | undefined {
  switch (codec) {
    case 'aac':
      return aacConfig(frame);
    case 'ac3':
      return ac3Config(frame);
    case 'eac3':
      return eac3Config(frame);
  }
}

function aacConfig(frame: Buffer): SoundConfig | undefined {
  const header = adtsFrame(frame);
  if (header === undefined) return undefined;
  const bits = new BitReader(frame.subarray(2, 4));
  const objectType = bits.bits(2) + 1;
  const rateIndex = bits.bits(4);
  bits.skip(1);
  const channelConfiguration = bits.bits(3);
  const channels = AAC_CHANNELS[channelConfiguration];
  if (channels === undefined) return undefined;
  const config = u16((objectType << 11) | (rateIndex << 7) | (channelConfiguration << 3));
  const { sampleRate, samples } = header;
  const entry = sampleEntry('mp4a', channels, sampleRate, esds(config));
  return { codec: soundCodec('aac', frame), sampleRate, samplesPerFrame: samples, entry };
}

/** ISO/IEC 14496-1, 7.2.6: an elementary stream of MPEG-4 audio. */
function esds(config: Buffer): Buffer {
  const descriptor = (tag: number, ...content: readonly Buffer[]) => {
    const body = Buffer.concat(content);
    return Buffer.concat([u8(tag, body.length), body]);
  };
  // The type of sound, and that it is sound; no size of a buffer and no rates are said.
  const decoder = descriptor(4, u8(0x40, 0x15, 0, 0, 0), u32(0, 0), descriptor(5, config));
  return fullBox('esds', 0, 0, descriptor(3, u16(0), u8(0), decoder, descriptor(6, u8(2))));
}

/** ETSI TS 102 366, annex F.4. */
function ac3Config(frame: Buffer): SoundConfig | undefined {
  const header = audioFrame('ac3', frame);
  if (header === undefined) return undefined;
  const bits = new BitReader(frame.subarray(4, 9));
  const rateCode = bits.bits(2);
  const sizeCode = bits.bits(6);
  const bsid = bits.bits(5);
  const bsmod = bits.bits(3);
  const acmod = bits.bits(3);
  skipMixLevels(bits, acmod);
  const lfe = bits.bit();
  const fields = [
    [rateCode, 2],
    [bsid, 5],
    [bsmod, 3],
    [acmod, 3],
    [lfe, 1],
    [sizeCode >> 1, 5],
    [0, 5],
  ] as const;
  const { sampleRate, samples } = header;
  const entry = sampleEntry('ac-3', channelsOf(acmod, lfe), sampleRate, box('dac3', packed(fields)));
  return { codec: soundCodec('ac3', frame), sampleRate, samplesPerFrame: samples, entry };
}

/** ETSI TS 102 366, annex F.6: one independent substream. */
function eac3Config(frame: Buffer): SoundConfig | undefined {
  const header = audioFrame('eac3', frame);
  if (header === undefined || header.samples === 0) return undefined;
  const bits = new BitReader(frame.subarray(4, 9));
  const rateCode = bits.bits(2);
  bits.skip(2);
  const acmod = bits.bits(3);
  const lfe = bits.bit();
  const bsid = bits.bits(5);
  const { sampleRate, samples, bytes } = header;
  const kilobits = Math.round((bytes * 8 * sampleRate) / samples / 1000);
  const substream = [
    [rateCode, 2],
    [bsid, 5],
    [0, 1],
    [0, 1],
    [0, 3],
    [acmod, 3],
    [lfe, 1],
    [0, 3],
    [0, 4],
    [0, 1],
  ] as const;
  const fields = [[kilobits, 13], [0, 3], ...substream] as const;
  const entry = sampleEntry('ec-3', channelsOf(acmod, lfe), sampleRate, box('dec3', packed(fields)));
  return { codec: soundCodec('eac3', frame), sampleRate, samplesPerFrame: samples, entry };
}

function channelsOf(acmod: number, lfe: number): number {
  return (AC3_CHANNELS[acmod] as number) + lfe;
}

/** Fields of some bits each, one after the other. */
function packed(fields: readonly (readonly [value: number, bits: number])[]): Buffer {
  return bytesOfBits(fields.map(([value, bits]) => value.toString(2).padStart(bits, '0')).join(''));
}

/** ISO/IEC 14496-12, 12.2.3. The rate has 16 bits; a higher one stands only in the codec's own box. */
function sampleEntry(type: string, channels: number, sampleRate: number, config: Buffer): Buffer {
  return box(
    type,
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(8),
    u16(channels, 16, 0, 0),
    u16(sampleRate > 0xffff ? 0 : sampleRate, 0),
    config,
  );
}
