/**
 * Cuts Ogg (RFC 3533) at its pages. Sources of what codecs put into them: RFC 7845 (Opus), RFC 5334, the Vorbis I
 * specification (sections 4.2, A.2), the Theora specification (sections 6, A), the FLAC mapping of RFC 9639 (10.1), and
 * the Ogg mapping of VP8 that FFmpeg writes (`OVP80`).
 */
import { ByteQueue } from './byte-queue.ts';
import { ContainerError, type Fragmenter, type FragmentSink } from './fragmenter.ts';

const PAGE_HEADER_BYTES = 27;
const CAPTURE = 'OggS';
const FLAG = { continued: 0x01, first: 0x02 } as const;
/** No packet ends on the page. */
const NO_TIME = -1n;
/** A lacing value below it ends a packet. */
const PACKET_GOES_ON = 255;
const MOST_TOKENS = 255;

/** A logical stream: one track. */
interface Track {
  /** Packets of its header that are still to come. */
  headersLeft: number;
  /** What further packets of the header begin with, if their number is not known. */
  readonly moreHeaders?: string;
  readonly isVideo: boolean;
  /** Whether a packet of media begins a picture that needs no other. */
  readonly isKeyframe: (packet: Buffer) => boolean;
  /** Seconds at a granule position; undefined: this program cannot tell. */
  readonly secondsAt: (granule: bigint) => number | undefined;
  /** Where its newest page ended. */
  endedAt: bigint;
}

interface Page {
  readonly flags: number;
  readonly granule: bigint;
  readonly serial: number;
  readonly lacing: Buffer;
  readonly headerBytes: number;
  readonly bytes: number;
}

export class OggFragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #queue = new ByteQueue();
  readonly #tracks = new Map<number, Track>();
  #init: Buffer[] = [];
  #isTold = false;

  constructor(sink: FragmentSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    for (;;) {
      const page = readPage(this.#queue.peek(PAGE_HEADER_BYTES + MOST_TOKENS));
      if (page === undefined || this.#queue.length < page.bytes) return;
      this.#page(page, this.#queue.take(page.bytes));
    }
  }

  end(): void {
    // Every page was passed on when it was complete.
  }

  #page(page: Page, pieces: Buffer[]): void {
    if ((page.flags & FLAG.first) !== 0) {
      if (this.#isTold) throw new ContainerError('The Ogg output has a second header in the middle.');
      const content = Buffer.concat(pieces).subarray(page.headerBytes);
      this.#tracks.set(page.serial, trackOf(content));
    }
    const track = this.#tracks.get(page.serial);
    if (track === undefined) throw new ContainerError('The Ogg output has a page of a track that has no header.');
    if (isHeader(track, page, pieces)) {
      if (this.#isTold) throw new ContainerError('The Ogg output has a second header in the middle.');
      // Where the header ends, the page does: all these mappings ask for that.
      track.headersLeft -= page.lacing.filter((value) => value < PACKET_GOES_ON).length;
      this.#init.push(...pieces);
      return;
    }
    if (!this.#isTold) {
      this.#isTold = true;
      this.#sink.init(Buffer.concat(this.#init));
      this.#init = [];
    }
    const seconds = track.secondsAt(track.endedAt);
    this.#sink.fragment(pieces, this.#isEntry(track, page, pieces), seconds);
    if (page.granule !== NO_TIME) track.endedAt = page.granule;
  }

  #isEntry(track: Track, page: Page, pieces: readonly Buffer[]): boolean {
    if ((page.flags & FLAG.continued) !== 0) return false;
    if (!track.isVideo) return ![...this.#tracks.values()].some(({ isVideo }) => isVideo);
    return track.isKeyframe(Buffer.concat(pieces).subarray(page.headerBytes));
  }
}

function isHeader({ headersLeft, moreHeaders }: Track, { headerBytes }: Page, pieces: readonly Buffer[]): boolean {
  if (headersLeft > 0 || moreHeaders === undefined) return headersLeft > 0;
  const start = Buffer.concat(pieces).toString('latin1', headerBytes, headerBytes + moreHeaders.length);
  return start === moreHeaders;
}

/** The page at the start of `bytes`; undefined when more bytes are needed. */
function readPage(bytes: Buffer): Page | undefined {
  if (!CAPTURE.startsWith(bytes.toString('latin1', 0, 4)) || (bytes[4] ?? 0) !== 0) {
    throw new ContainerError('The output is not Ogg.');
  }
  if (bytes.length < PAGE_HEADER_BYTES) return undefined;
  const tokens = bytes.readUInt8(26);
  const headerBytes = PAGE_HEADER_BYTES + tokens;
  if (bytes.length < headerBytes) return undefined;
  const lacing = bytes.subarray(PAGE_HEADER_BYTES, headerBytes);
  return {
    flags: bytes.readUInt8(5),
    granule: bytes.readBigInt64LE(6),
    serial: bytes.readUInt32LE(14),
    lacing,
    headerBytes,
    bytes: headerBytes + lacing.reduce((sum, value) => sum + value, 0),
  };
}

const NEVER = (): boolean => false;
const UNKNOWN = (): undefined => undefined;

/** @param header the first packet of a track, which says what it is */
function trackOf(header: Buffer): Track {
  const begins = (text: string): boolean => header.toString('latin1', 0, text.length) === text;
  const sound = (headers: number, rate: number, skipped = 0): Track => ({
    ...{ headersLeft: headers, isVideo: false, isKeyframe: NEVER, endedAt: 0n },
    secondsAt: rate > 0 ? (granule) => Math.max(0, Number(granule) - skipped) / rate : UNKNOWN,
  });
  try {
    if (begins('OpusHead')) return sound(2, 48_000, header.readUInt16LE(10));
    if (begins('\x01vorbis')) return sound(3, header.readUInt32LE(12));
    if (begins('\x7fFLAC')) return sound(1 + header.readUInt16BE(7), header.readUIntBE(27, 3) >> 4);
    if (begins('\x80theora')) return theora(header);
    if (begins('OVP80')) return vp8(header);
  } catch (error) {
    if (error instanceof RangeError) throw new ContainerError('The Ogg output has a damaged header.', error);
    throw error;
  }
  throw new ContainerError(
    'The Ogg output has a track of an unknown kind, so no viewer could join it: use Opus, Vorbis, FLAC, Theora or VP8.',
  );
}

function theora(header: Buffer): Track {
  const rate = header.readUInt32BE(22) / header.readUInt32BE(26);
  // 6 bits of quality and 5 of the shift, in the last two bytes but one.
  const shift = BigInt((header.readUInt16BE(40) >> 5) & 0x1f);
  return {
    ...{ headersLeft: 3, isVideo: true, endedAt: 0n },
    // A packet of no bytes repeats the picture before.
    isKeyframe: (packet) => packet.length > 0 && (packet.readUInt8(0) & 0xc0) === 0,
    secondsAt: (granule) => {
      const key = granule >> shift;
      return Number(key + (granule - (key << shift))) / rate;
    },
  };
}

function vp8(header: Buffer): Track {
  const rate = header.readUInt32BE(18) / header.readUInt32BE(22);
  return {
    // The comment may be missing.
    ...{ headersLeft: 1, moreHeaders: 'OVP80', isVideo: true, endedAt: 0n },
    // RFC 6386, 9.1: the lowest bit is 0 in a key frame.
    isKeyframe: (packet) => packet.length > 0 && (packet.readUInt8(0) & 0x01) === 0,
    secondsAt: (granule) => Number(granule >> 32n) / rate,
  };
}
