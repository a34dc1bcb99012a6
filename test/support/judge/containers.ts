/** Checks the start and structure of fMP4, Matroska/WebM, ADTS and MP3 bytes, as a joining player needs them. */

export type Container = 'mpegts' | 'fmp4' | 'matroska' | 'webm' | 'adts' | 'mp3' | 'unknown';

/** The container that the first bytes indicate. */
export function containerOf(bytes: Buffer): Container {
  if (bytes.length < 12) return 'unknown';
  if (bytes[0] === 0x47 && (bytes.length < 189 || bytes[188] === 0x47)) return 'mpegts';
  if (bytes.toString('latin1', 4, 8) === 'ftyp') return 'fmp4';
  if (bytes.readUInt32BE(0) === 0x1a45dfa3) return bytes.subarray(0, 64).includes('webm') ? 'webm' : 'matroska';
  if (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0) return 'adts';
  if (bytes.toString('latin1', 0, 3) === 'ID3') return 'mp3';
  if (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe0) === 0xe0) return 'mp3';
  return 'unknown';
}

export interface Mp4Structure {
  /** Top-level box types in order. */
  boxes: string[];
  /** `ftyp`, then `moov`, then fragments only. */
  startsWithInit: boolean;
  fragments: number;
  /** The bytes end with a complete `mdat`, as a response does that ended on purpose. */
  endsWithFragment: boolean;
}

/** Top-level boxes of a fragmented MP4 (ISO/IEC 14496-12). */
export function mp4Structure(bytes: Buffer): Mp4Structure {
  const boxes: string[] = [];
  let at = 0;
  let complete = true;
  while (at + 8 <= bytes.length) {
    const short = bytes.readUInt32BE(at);
    const size = short === 1 && at + 16 <= bytes.length ? Number(bytes.readBigUInt64BE(at + 8)) : short;
    boxes.push(bytes.toString('latin1', at + 4, at + 8));
    complete = size >= 8 && at + size <= bytes.length;
    if (!complete) break;
    at += size;
  }
  const media = boxes.filter((box) => box === 'moof' || box === 'mdat');
  return {
    boxes,
    startsWithInit: boxes[0] === 'ftyp' && boxes[1] === 'moov' && !boxes.slice(2).includes('moov'),
    fragments: media.filter((box) => box === 'moof').length,
    endsWithFragment: complete && at === bytes.length && boxes.at(-1) === 'mdat',
  };
}

export interface MatroskaStructure {
  docType: string;
  /** EBML header, Segment, Info and Tracks come before the first Cluster. */
  startsWithInit: boolean;
  clusters: number;
}

const CLUSTER_ID = Buffer.from([0x1f, 0x43, 0xb6, 0x75]);
const SEGMENT_ID = Buffer.from([0x18, 0x53, 0x80, 0x67]);
const INFO_ID = Buffer.from([0x15, 0x49, 0xa9, 0x66]);
const TRACKS_ID = Buffer.from([0x16, 0x54, 0xae, 0x6b]);
const DOCTYPE_ID = Buffer.from([0x42, 0x82]);

/** Finds the 4-byte EBML IDs (RFC 8794, RFC 9559) by value: enough to see whether a join starts with the initialisation. */
export function matroskaStructure(bytes: Buffer): MatroskaStructure {
  const cluster = bytes.indexOf(CLUSTER_ID);
  const before = cluster === -1 ? bytes : bytes.subarray(0, cluster);
  const positions = [SEGMENT_ID, INFO_ID, TRACKS_ID].map((id) => before.indexOf(id));
  const docTypeAt = before.indexOf(DOCTYPE_ID);
  const docTypeLength = docTypeAt === -1 ? 0 : (before[docTypeAt + 2] ?? 0x80) & 0x7f;
  let clusters = 0;
  for (let at = cluster; at !== -1; at = bytes.indexOf(CLUSTER_ID, at + 4)) clusters++;
  return {
    docType: bytes.toString('latin1', docTypeAt + 3, docTypeAt + 3 + docTypeLength),
    startsWithInit: bytes.readUInt32BE(0) === 0x1a45dfa3 && positions.every((position) => position > 0),
    clusters,
  };
}
