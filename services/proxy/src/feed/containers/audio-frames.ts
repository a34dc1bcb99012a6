/** Cuts a bare sequence of audio frames (ADTS, MP3) into groups of about 100 ms. */
import type { AudioFrame } from '../../mpegts/syntax/adts.ts';
import { ByteQueue } from './byte-queue.ts';
import { ContainerError, type Fragmenter, type FragmentSink, refuseTooLarge } from './fragmenter.ts';

/** Reads a frame's header from its first 10 bytes; `undefined` if there is none. */
export type FrameParser = (header: Buffer) => AudioFrame | undefined;

/** Enough for a frame of either format, and the length of an ID3v2 header. */
const HEADER_BYTES = 10;

/** Smaller groups would cost more than they carry. A joining viewer waits at most about this long. */
const GROUP_S = 0.1;
/** Length of an ID3v1 tag. Tags are dropped: ID3v2 stands before the frames, ID3v1 after them. */
const ID3V1_BYTES = 128;

export class AudioFrameFragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #parse: FrameParser;
  readonly #queue = new ByteQueue();
  #group: Buffer[] = [];
  #groupSeconds = 0;
  #groupStart = 0;
  #started = false;

  constructor(sink: FragmentSink, parse: FrameParser) {
    this.#sink = sink;
    this.#parse = parse;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    while (this.#queue.length >= HEADER_BYTES) {
      const header = this.#queue.peek(HEADER_BYTES);
      const tag = tagBytes(header);
      const frame = tag === 0 ? this.#parse(header) : undefined;
      const bytes = frame?.bytes ?? tag;
      if (bytes === 0) throw new ContainerError('The audio output does not consist of frames of its format.');
      refuseTooLarge('An ID3 tag', bytes);
      if (this.#queue.length < bytes) return;
      const piece = this.#queue.take(bytes);
      if (frame !== undefined) this.#add(frame, piece);
    }
  }

  end(): void {
    if (this.#group.length > 0) this.#emit();
  }

  #add(frame: AudioFrame, bytes: Buffer[]): void {
    this.#group.push(...bytes);
    this.#groupSeconds += frame.samples / frame.sampleRate;
    if (this.#groupSeconds >= GROUP_S) this.#emit();
  }

  #emit(): void {
    if (!this.#started) this.#sink.init(Buffer.alloc(0));
    this.#started = true;
    // Every audio frame is an entry point. An MP3 frame may need bits of earlier frames; decoders mute it then.
    this.#sink.fragment(this.#group, true, this.#groupStart);
    this.#group = [];
    this.#groupStart += this.#groupSeconds;
    this.#groupSeconds = 0;
  }
}

/** Bytes of the ID3 tag that starts here; 0 if there is none. */
function tagBytes(header: Buffer): number {
  if (header.toString('latin1', 0, 3) === 'TAG') return ID3V1_BYTES;
  if (header.toString('latin1', 0, 3) !== 'ID3') return 0;
  const hasFooter = (header.readUInt8(5) & 0x10) !== 0;
  // Four times seven bits: the format keeps tags from looking like frames.
  const content = [6, 7, 8, 9].reduce((size, at) => (size << 7) | (header.readUInt8(at) & 0x7f), 0);
  return HEADER_BYTES + content + (hasFooter ? HEADER_BYTES : 0);
}
