/** Cuts fragmented mp4 into fragments: a `moof`, the `mdat` after it, and what precedes both. */
import { ByteQueue } from './byte-queue.ts';
import { ContainerError, type Fragmenter, type FragmentSink, refuseTooLarge } from './fragmenter.ts';
import {
  type BoxHeader,
  MAX_BOX_HEADER_BYTES,
  notJoinable,
  readBoxHeader,
  readFragmentFacts,
  readTracks,
  type Track,
} from './mp4-boxes.ts';

/** Dropped boxes outside fragments: they are padding or make sense only in a file read from its start. */
const DROPPED = ['mfra', 'free', 'skip'];

export class Mp4Fragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #queue = new ByteQueue();
  #init: Buffer[] = [];
  /** Undefined until `moov` has come. */
  #tracks: Track[] | undefined;
  #fragment: Buffer[] = [];
  #fragmentBytes = 0;
  #moof: Buffer | undefined;

  constructor(sink: FragmentSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    for (;;) {
      const header = readBoxHeader(this.#queue.peek(MAX_BOX_HEADER_BYTES));
      if (header === undefined) return;
      checkHeader(header);
      refuseTooLarge(`An mp4 box "${header.type}"`, header.bytes);
      if (this.#queue.length < header.bytes) return;
      this.#box(header, this.#queue.take(header.bytes));
    }
  }

  end(): void {
    this.#fragment = [];
    this.#moof = undefined;
  }

  #box(header: BoxHeader, bytes: Buffer[]): void {
    if (this.#tracks === undefined) this.#initBox(header, bytes);
    else if (!DROPPED.includes(header.type)) this.#fragmentBox(this.#tracks, header, bytes);
  }

  #initBox({ type, headerBytes }: BoxHeader, bytes: Buffer[]): void {
    if (type === 'mdat' || type === 'moof') {
      throw new ContainerError(
        'The mp4 output has media before its header, so no viewer could join it: add `-movflags empty_moov` to the profile.',
      );
    }
    const box = Buffer.concat(bytes);
    this.#init.push(box);
    if (type !== 'moov') return;
    this.#tracks = orDamaged(() => readTracks(box.subarray(headerBytes)));
    this.#sink.init(Buffer.concat(this.#init));
    this.#init = [];
  }

  #fragmentBox(tracks: readonly Track[], { type, headerBytes }: BoxHeader, bytes: Buffer[]): void {
    if (type === 'moov') throw notJoinable('has a second header in its middle');
    this.#fragment.push(...bytes);
    this.#fragmentBytes += bytes.reduce((sum, piece) => sum + piece.length, 0);
    refuseTooLarge('An mp4 fragment', this.#fragmentBytes);
    if (type === 'moof') this.#moof = Buffer.concat(bytes).subarray(headerBytes);
    if (type !== 'mdat') return;
    const moof = this.#moof;
    if (moof === undefined) {
      throw new ContainerError(
        'The mp4 output has media outside its fragments, so no viewer could join it: add ' +
          '`-movflags frag_keyframe+empty_moov+default_base_moof` to the profile.',
      );
    }
    const { randomAccess, mediaTimeSeconds } = orDamaged(() => readFragmentFacts(moof, tracks));
    this.#sink.fragment(this.#fragment, randomAccess, mediaTimeSeconds);
    this.#fragment = [];
    this.#fragmentBytes = 0;
    this.#moof = undefined;
  }
}

function checkHeader({ type, headerBytes, bytes }: BoxHeader): void {
  const readable = /^[\x20-\x7e]{4}$/.test(type);
  if (!readable || (bytes !== 0 && bytes < headerBytes)) throw new ContainerError('The output is not mp4.');
  if (bytes === 0) throw new ContainerError(`The mp4 box "${type}" has no length, so its end cannot be found.`);
}

/** Buffer throws a RangeError for a field that lies outside its box. */
function orDamaged<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new ContainerError('The mp4 output has a damaged box.', error);
    throw error;
  }
}
