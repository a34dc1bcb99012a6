/**
 * Cuts FLV at its tags. Sources: Adobe Flash Video File Format Specification 10.1, Annex E; for codecs that it does not
 * have, Enhanced RTMP (Veovera) v1 and v2.
 */
import { ByteQueue } from './byte-queue.ts';
import { ContainerError, type Fragmenter, type FragmentSink, refuseTooLarge } from './fragmenter.ts';

const FILE_HEADER_BYTES = 9;
const TAG_HEADER_BYTES = 11;
/** After each tag, and after the file's header: the length of what stood before. */
const BACK_POINTER_BYTES = 4;
const HAS_VIDEO = 0x01;
const TAG = { audio: 8, video: 9, script: 18 } as const;
/** The lower bits of a tag's first byte; the two bits above are reserved and a mark of encryption. */
const TAG_TYPE = 0x1f;

const KEYFRAME = 1;
const AVC = 7;
const AAC = 10;
/** The sound format that says: Enhanced RTMP. */
const EXTENDED_SOUND = 9;
/** Set in a picture's first byte for Enhanced RTMP. */
const EXTENDED_PICTURE = 0x80;
/** In AVC, AAC and Enhanced RTMP alike: 0 is what a decoder needs first, 1 is media. */
const PACKET = { configuration: 0, media: 1, mediaWithoutOffset: 3 } as const;

/** Smaller groups would cost more than they carry. */
const GROUP_MS = 100;

interface Tag {
  readonly type: number;
  readonly timeMs: number;
  /** With what a decoder needs first, in place of media. */
  readonly isConfiguration: boolean;
  readonly isKeyframe: boolean;
}

export class FlvFragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #queue = new ByteQueue();
  #head: Buffer | undefined;
  #hasVideo = false;
  /** The newest of each kind, by tag type: metadata and configurations of decoders. */
  readonly #first = new Map<number, Buffer>();
  /** Whether the sink has what is in `#first` now. */
  #isTold = false;
  #hasMedia = false;
  #group: Buffer[] = [];
  #groupBytes = 0;
  #groupStart: Tag | undefined;

  constructor(sink: FragmentSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    if (this.#head === undefined && !this.#readHead()) return;
    while (this.#queue.length >= TAG_HEADER_BYTES + BACK_POINTER_BYTES) {
      const header = this.#queue.peek(TAG_HEADER_BYTES + 2);
      const type = header.readUInt8(0) & TAG_TYPE;
      if (type !== TAG.audio && type !== TAG.video && type !== TAG.script) {
        throw new ContainerError('The FLV output has something other than sound, pictures and metadata.');
      }
      const bytes = TAG_HEADER_BYTES + header.readUIntBE(1, 3) + BACK_POINTER_BYTES;
      if (this.#queue.length < bytes) return;
      this.#tag(readTag(header, type), this.#queue.take(bytes), bytes);
    }
  }

  /** The last group is complete: it consists of whole tags. */
  end(): void {
    this.#emit();
  }

  #readHead(): boolean {
    const wanted = FILE_HEADER_BYTES + BACK_POINTER_BYTES;
    const start = this.#queue.peek(wanted);
    if (!'FLV\x01'.startsWith(start.toString('latin1', 0, 4))) throw new ContainerError('The output is not FLV.');
    if (start.length < wanted) return false;
    if (start.readUInt32BE(5) !== FILE_HEADER_BYTES) throw new ContainerError('The FLV output has a damaged header.');
    this.#hasVideo = (start.readUInt8(4) & HAS_VIDEO) !== 0;
    this.#head = Buffer.concat(this.#queue.take(wanted));
    return true;
  }

  #tag(tag: Tag, pieces: Buffer[], bytes: number): void {
    const since = this.#groupStart === undefined ? 0 : tag.timeMs - this.#groupStart.timeMs;
    const follows = this.#groupStart?.isConfiguration === true && !tag.isConfiguration;
    if (tag.isConfiguration || tag.isKeyframe || since >= GROUP_MS || follows) this.#emit();
    if (tag.isConfiguration) {
      this.#first.set(tag.type, Buffer.concat(pieces));
      this.#isTold = false;
      if (!this.#hasMedia) return;
      // Viewers who are there already get what has changed in its place.
    } else this.#hasMedia = true;
    this.#groupStart ??= tag;
    this.#group.push(...pieces);
    this.#groupBytes += bytes;
    refuseTooLarge('An FLV group', this.#groupBytes);
  }

  #emit(): void {
    const start = this.#groupStart;
    if (start === undefined) return;
    const isEntry = this.#hasVideo ? start.isKeyframe : !start.isConfiguration && start.type === TAG.audio;
    if (!this.#isTold) {
      this.#isTold = true;
      this.#sink.init(Buffer.concat([this.#head ?? Buffer.alloc(0), ...this.#first.values()]));
    }
    this.#sink.fragment(this.#group, isEntry, start.timeMs / 1000);
    this.#group = [];
    this.#groupBytes = 0;
    this.#groupStart = undefined;
  }
}

/** @param header of the tag, and the first two bytes of its content, if it has them */
function readTag(header: Buffer, type: number): Tag {
  // The upper 8 bits stand behind the lower 24.
  const timeMs = header.readUIntBE(4, 3) + header.readUInt8(7) * 2 ** 24;
  const size = header.readUIntBE(1, 3);
  const [first, second] = [size > 0 ? header[11] : undefined, size > 1 ? header[12] : undefined];
  if (type === TAG.script) return { type, timeMs, isConfiguration: true, isKeyframe: false };
  const packet = type === TAG.video ? pictureOf(first, second) : soundOf(first, second);
  const isMedia = packet === PACKET.media || packet === PACKET.mediaWithoutOffset;
  const isKeyframe = type === TAG.video && isMedia && ((first ?? 0) & 0x70) >> 4 === KEYFRAME;
  return { type, timeMs, isConfiguration: packet === PACKET.configuration, isKeyframe };
}

/** Which kind of packet a video tag holds; codecs without kinds have media alone. */
function pictureOf(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined) return undefined;
  if ((first & EXTENDED_PICTURE) !== 0) return first & 0x0f;
  return (first & 0x0f) === AVC ? second : PACKET.media;
}

function soundOf(first: number | undefined, second: number | undefined): number | undefined {
  if (first === undefined) return undefined;
  const format = first >> 4;
  if (format === EXTENDED_SOUND) return first & 0x0f;
  return format === AAC ? second : PACKET.media;
}
