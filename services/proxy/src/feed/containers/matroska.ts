/** Cuts Matroska and WebM (RFC 9559) at their clusters. */
import { ByteQueue } from './byte-queue.ts';
import {
  type ElementHeader,
  elementsIn,
  MAX_ELEMENT_HEADER_BYTES,
  readElementHeader,
  readUnsigned,
  readVint,
} from './ebml.ts';
import { ContainerError, type Fragmenter, type FragmentSink, refuseTooLarge } from './fragmenter.ts';

const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  seekHead: 0x114d9b74,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackType: 0x83,
  chapters: 0x1043a770,
  attachments: 0x1941a469,
  cues: 0x1c53bb6b,
  tags: 0x1254c367,
  void: 0xec,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
  blockGroup: 0xa0,
  block: 0xa1,
  referenceBlock: 0xfb,
};

/** Elements that cannot be inside a cluster. Each of them ends a cluster of unknown size. */
const OUTSIDE_CLUSTERS = [
  ID.ebml,
  ID.segment,
  ID.seekHead,
  ID.info,
  ID.tracks,
  ID.chapters,
  ID.attachments,
  ID.cues,
  ID.tags,
  ID.cluster,
];
/**
 * Dropped elements: positions in a file that a joining viewer does not have, and tags, which describe a finished file.
 */
const DROPPED = [ID.seekHead, ID.cues, ID.tags, ID.void];
const TRACK_TYPE_VIDEO = 1;
/** After a block's track number: 2 bytes of time, then flags. */
const BLOCK_FLAGS_OFFSET = 2;
const BLOCK_KEYFRAME = 0x80;
const DEFAULT_TIMESTAMP_SCALE = 1_000_000;
const NANOSECONDS = 1e9;

interface Cluster {
  bytes: Buffer[];
  /** Including its header. */
  length: number;
  /** Content still to come; `undefined` for a cluster of unknown size. */
  remaining: number | undefined;
  timestamp: number | undefined;
  /** Whether the first video block is a keyframe; undefined before one has come. */
  startsWithKeyframe: boolean | undefined;
}

export class MatroskaFragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #queue = new ByteQueue();
  #init: Buffer[] = [];
  #initDone = false;
  #cluster: Cluster | undefined;
  #videoTracks = new Set<number>();
  #timestampScale = DEFAULT_TIMESTAMP_SCALE;

  constructor(sink: FragmentSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    try {
      while (this.#element()) {
        // Each turn takes one element, or only the header of an element that is read piece by piece.
      }
    } catch (error) {
      if (error instanceof RangeError) throw new ContainerError('The Matroska output has a damaged element.', error);
      throw error;
    }
  }

  /** A cluster of unknown size may have been cut anywhere, so the last one is dropped. */
  end(): void {
    this.#cluster = undefined;
  }

  /** Takes the next element. Returns whether there was one. */
  #element(): boolean {
    const header = readElementHeader(this.#queue.peek(MAX_ELEMENT_HEADER_BYTES));
    if (header === undefined) return false;
    if (!this.#initDone && this.#init.length === 0 && header.id !== ID.ebml) {
      throw new ContainerError('The output is not Matroska or WebM.');
    }
    if (this.#cluster !== undefined && this.#cluster.remaining === undefined && OUTSIDE_CLUSTERS.includes(header.id)) {
      this.#emitCluster(this.#cluster);
    }
    if (header.id === ID.segment || (header.id === ID.cluster && this.#cluster === undefined)) {
      this.#openElement(header);
      return true;
    }
    if (header.contentBytes === undefined)
      throw new ContainerError('The Matroska output has an element without a length.');
    const bytes = header.headerBytes + header.contentBytes;
    refuseTooLarge('A Matroska element', bytes);
    if (this.#queue.length < bytes) return false;
    const pieces = this.#queue.take(bytes);
    if (this.#cluster !== undefined) this.#clusterChild(this.#cluster, header, pieces);
    else if (!this.#initDone) this.#initElement(header, pieces);
    else if (header.id === ID.ebml) throw new ContainerError('The Matroska output has a second header in the middle.');
    return true;
  }

  /** The header of the segment or of a cluster. Its content is read element by element. */
  #openElement(header: ElementHeader): void {
    const bytes = Buffer.concat(this.#queue.take(header.headerBytes));
    if (header.id === ID.segment) {
      if (this.#initDone) throw new ContainerError('The Matroska output has a second header in the middle.');
      this.#init.push(endlessSegment(bytes));
      return;
    }
    if (!this.#initDone) {
      this.#sink.init(Buffer.concat(this.#init));
      this.#init = [];
      this.#initDone = true;
    }
    const cluster: Cluster = {
      bytes: [bytes],
      length: bytes.length,
      remaining: header.contentBytes,
      timestamp: undefined,
      startsWithKeyframe: undefined,
    };
    refuseTooLarge('A Matroska cluster', header.contentBytes ?? 0);
    // An empty cluster ends with its header. It carries nothing, so it is dropped.
    if (header.contentBytes !== 0) this.#cluster = cluster;
  }

  #initElement(header: ElementHeader, pieces: Buffer[]): void {
    if (DROPPED.includes(header.id)) return;
    const bytes = Buffer.concat(pieces);
    this.#init.push(bytes);
    const content = bytes.subarray(header.headerBytes);
    if (header.id === ID.tracks) this.#videoTracks = videoTracks(content);
    if (header.id === ID.info) {
      for (const { id, content: value } of elementsIn(content)) {
        if (id === ID.timestampScale) this.#timestampScale = readUnsigned(value);
      }
    }
  }

  #clusterChild(cluster: Cluster, header: ElementHeader, pieces: Buffer[]): void {
    const bytes = header.headerBytes + (header.contentBytes ?? 0);
    cluster.bytes.push(...pieces);
    cluster.length += bytes;
    refuseTooLarge('A Matroska cluster', cluster.length);
    if (header.id === ID.timestamp) {
      cluster.timestamp = readUnsigned(Buffer.concat(pieces).subarray(header.headerBytes));
    } else if (cluster.startsWithKeyframe === undefined) {
      cluster.startsWithKeyframe = this.#videoKeyframe(header, pieces);
    }
    if (cluster.remaining === undefined) return;
    cluster.remaining -= bytes;
    if (cluster.remaining < 0) throw new ContainerError('The Matroska output has a damaged cluster.');
    if (cluster.remaining === 0) this.#emitCluster(cluster);
  }

  #emitCluster({ bytes, timestamp, startsWithKeyframe }: Cluster): void {
    this.#cluster = undefined;
    const randomAccess = this.#videoTracks.size === 0 || startsWithKeyframe === true;
    const seconds = timestamp === undefined ? undefined : (timestamp * this.#timestampScale) / NANOSECONDS;
    this.#sink.fragment(bytes, randomAccess, seconds);
  }

  /** Whether a block of video is a keyframe; `undefined` for anything else. */
  #videoKeyframe({ id, headerBytes }: ElementHeader, pieces: Buffer[]): boolean | undefined {
    if (id !== ID.simpleBlock && id !== ID.blockGroup) return undefined;
    const content = Buffer.concat(pieces).subarray(headerBytes);
    const children = id === ID.blockGroup ? [...elementsIn(content)] : [];
    const block = id === ID.simpleBlock ? content : children.find((child) => child.id === ID.block)?.content;
    if (block === undefined) return undefined;
    const track = readVint(block, 0);
    if (track.value === undefined || !this.#videoTracks.has(track.value)) return undefined;
    if (id === ID.blockGroup) return !children.some((child) => child.id === ID.referenceBlock);
    return (block.readUInt8(track.bytes + BLOCK_FLAGS_OFFSET) & BLOCK_KEYFRAME) !== 0;
  }
}

/** The segment's header with its size replaced by "unknown": a viewer that joins late gets less than the whole. */
function endlessSegment(header: Buffer): Buffer {
  const idBytes = 4;
  const sizeBytes = header.length - idBytes;
  const unknown = Buffer.alloc(sizeBytes, 0xff);
  unknown.writeUInt8((0xff >> (sizeBytes - 1)) & 0xff, 0);
  return Buffer.concat([header.subarray(0, idBytes), unknown]);
}

/** Numbers of the video tracks in a Tracks element. */
function videoTracks(tracks: Buffer): Set<number> {
  const numbers = new Set<number>();
  for (const { id, content } of elementsIn(tracks)) {
    if (id !== ID.trackEntry) continue;
    const fields = new Map([...elementsIn(content)].map((field) => [field.id, field.content]));
    const type = readUnsigned(fields.get(ID.trackType) ?? Buffer.alloc(0));
    if (type === TRACK_TYPE_VIDEO) numbers.add(readUnsigned(fields.get(ID.trackNumber) ?? Buffer.alloc(0)));
  }
  return numbers;
}
