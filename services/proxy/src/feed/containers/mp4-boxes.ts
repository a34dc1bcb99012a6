/** Reads the few ISO base media boxes (ISO/IEC 14496-12) that tell whether a viewer can join at a fragment. Pure. */
import { SAMPLE_IS_NON_SYNC, TFHD, TRUN } from './cmaf/boxes.ts';
import { ContainerError } from './fragmenter.ts';

export interface Box {
  readonly type: string;
  readonly content: Buffer;
}

export interface BoxHeader {
  readonly type: string;
  readonly headerBytes: number;
  /** Including its header; 0 means "to the end of the file". */
  readonly bytes: number;
}

/** Enough for any box header. */
export const MAX_BOX_HEADER_BYTES = 16;

/** A track as `moov` describes it. */
export interface Track {
  readonly id: number;
  readonly video: boolean;
  /** Units per second. */
  readonly timescale: number;
  /** Flags of samples for which no fragment gives any. */
  readonly defaultSampleFlags: number;
}

/** What one `moof` says about one track. */
interface TrackFragment {
  readonly trackId: number;
  readonly firstSampleFlags: number | undefined;
  readonly decodeTime: bigint | undefined;
}

const TFHD_FIELDS_BEFORE_FLAGS = [0x2, 0x8, 0x10];
const TRUN_FIELDS_BEFORE_FLAGS: readonly number[] = [TRUN.duration, TRUN.size];

/** The header of the box at the start of `bytes`; `undefined` when more bytes are needed. */
export function readBoxHeader(bytes: Buffer): BoxHeader | undefined {
  if (bytes.length < 8) return undefined;
  const type = bytes.toString('latin1', 4, 8);
  const size = bytes.readUInt32BE(0);
  if (size !== 1) return { type, headerBytes: 8, bytes: size };
  if (bytes.length < 16) return undefined;
  return { type, headerBytes: 16, bytes: Number(bytes.readBigUInt64BE(8)) };
}

export function* boxesIn(content: Buffer): Generator<Box> {
  for (let offset = 0; offset < content.length; ) {
    const header = readBoxHeader(content.subarray(offset));
    const bytes = header?.bytes === 0 ? content.length - offset : header?.bytes;
    if (header === undefined || bytes === undefined || bytes < header.headerBytes || offset + bytes > content.length) {
      throw new ContainerError('The mp4 output has a damaged box.');
    }
    yield { type: header.type, content: content.subarray(offset + header.headerBytes, offset + bytes) };
    offset += bytes;
  }
}

function child(content: Buffer, ...path: string[]): Buffer | undefined {
  const [type, ...rest] = path;
  if (type === undefined) return content;
  for (const box of boxesIn(content)) if (box.type === type) return child(box.content, ...rest);
  return undefined;
}

/** An error for an output that FFmpeg lays out differently with the right option. */
export function notJoinable(why: string): ContainerError {
  const option = '-movflags frag_keyframe+empty_moov+default_base_moof';
  return new ContainerError(`The mp4 output ${why}, so no viewer could join it: add \`${option}\` to the profile.`);
}

/** The tracks of a `moov`. @throws {ContainerError} when the `moov` is not that of a fragmented file */
export function readTracks(moov: Buffer): Track[] {
  const mvex = child(moov, 'mvex');
  if (mvex === undefined) {
    throw notJoinable('is not fragmented');
  }
  const defaults = new Map<number, number>();
  for (const { type, content } of boxesIn(mvex)) {
    if (type === 'trex') defaults.set(content.readUInt32BE(4), content.readUInt32BE(20));
  }
  const tracks: Track[] = [];
  for (const { type, content } of boxesIn(moov)) {
    if (type === 'trak') tracks.push(readTrack(content, defaults));
  }
  return tracks;
}

function readTrack(trak: Buffer, defaults: ReadonlyMap<number, number>): Track {
  const tkhd = child(trak, 'tkhd');
  const mdhd = child(trak, 'mdia', 'mdhd');
  const hdlr = child(trak, 'mdia', 'hdlr');
  if (tkhd === undefined || mdhd === undefined || hdlr === undefined) {
    throw new ContainerError('The mp4 output has a track without headers.');
  }
  // Version 1 has two times of 8 bytes before these fields, version 0 two of 4.
  const id = tkhd.readUInt32BE(tkhd[0] === 1 ? 20 : 12);
  const timescale = mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12);
  const video = hdlr.toString('latin1', 8, 12) === 'vide';
  return { id, video, timescale, defaultSampleFlags: defaults.get(id) ?? 0 };
}

export interface FragmentFacts {
  /** Whether the first video sample is a sync sample. Always true without a video track. */
  readonly randomAccess: boolean;
  /** Decode time of the first sample, of the video if there is one. */
  readonly mediaTimeSeconds: number | undefined;
}

/** What a `moof` says about the start of its fragment. */
export function readFragmentFacts(moof: Buffer, tracks: readonly Track[]): FragmentFacts {
  const fragments: TrackFragment[] = [];
  for (const { type, content } of boxesIn(moof)) {
    if (type === 'traf') fragments.push(readTrackFragment(content));
  }
  const hasVideo = tracks.some(({ video }) => video);
  const leading = tracks.filter(({ video }) => video === hasVideo);
  const first = fragments.find(({ trackId }) => leading.some(({ id }) => id === trackId));
  const track = leading.find(({ id }) => id === first?.trackId);
  if (first === undefined || track === undefined) return { randomAccess: false, mediaTimeSeconds: undefined };
  const flags = first.firstSampleFlags ?? track.defaultSampleFlags;
  return {
    randomAccess: !hasVideo || (flags & SAMPLE_IS_NON_SYNC) === 0,
    mediaTimeSeconds: first.decodeTime === undefined ? undefined : Number(first.decodeTime) / track.timescale,
  };
}

function readTrackFragment(traf: Buffer): TrackFragment {
  const tfhd = child(traf, 'tfhd');
  if (tfhd === undefined) throw new ContainerError('The mp4 output has a fragment without a header.');
  const flags = tfhd.readUIntBE(1, 3);
  if ((flags & TFHD.baseDataOffset) !== 0) {
    throw new ContainerError(
      'The mp4 output counts positions from the start of the file, so no viewer could join it: add `default_base_moof` to ' +
        '`-movflags` in the profile.',
    );
  }
  const skipped = fieldBytes(flags, TFHD_FIELDS_BEFORE_FLAGS);
  const defaultFlags = (flags & TFHD.defaultFlags) === 0 ? undefined : tfhd.readUInt32BE(8 + skipped);
  const trun = child(traf, 'trun');
  return {
    trackId: tfhd.readUInt32BE(4),
    firstSampleFlags: (trun === undefined ? undefined : firstFlagsOfRun(trun)) ?? defaultFlags,
    decodeTime: decodeTime(child(traf, 'tfdt')),
  };
}

function firstFlagsOfRun(trun: Buffer): number | undefined {
  const flags = trun.readUIntBE(1, 3);
  const optional = 8 + fieldBytes(flags, [TRUN.dataOffset]);
  if ((flags & TRUN.firstSampleFlags) !== 0) return trun.readUInt32BE(optional);
  if ((flags & TRUN.flags) === 0 || trun.readUInt32BE(4) === 0) return undefined;
  return trun.readUInt32BE(optional + fieldBytes(flags, TRUN_FIELDS_BEFORE_FLAGS));
}

function decodeTime(tfdt: Buffer | undefined): bigint | undefined {
  if (tfdt === undefined) return undefined;
  return tfdt[0] === 1 ? tfdt.readBigUInt64BE(4) : BigInt(tfdt.readUInt32BE(4));
}

/** Bytes of those optional 4-byte fields that are present. */
function fieldBytes(flags: number, fields: readonly number[]): number {
  return fields.filter((field) => (flags & field) !== 0).length * 4;
}
