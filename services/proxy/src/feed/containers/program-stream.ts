/**
 * Cuts a program stream of MPEG at its packs, and before each sequence header of its video, where a viewer can start.
 * Sources: ISO/IEC 13818-1, 2.5.3 (MPEG-2) and ISO/IEC 11172-1, 2.4.3 (MPEG-1); sequence headers and pictures:
 * ISO/IEC 13818-2, 6.2.
 */
import { ByteQueue } from './byte-queue.ts';
import { ContainerError, type Fragmenter, type FragmentSink, refuseTooLarge } from './fragmenter.ts';

const CODE = { end: 0xb9, pack: 0xba, sequence: 0xb3, picture: 0x00 } as const;
/** Longer than the header of a pack without stuffing, and of a packet without its fields. */
const HEADER_BYTES = 14;
const MPEG1_PACK_BYTES = 12;
const PACKET_HEADER_BYTES = 6;
const CLOCK_HZ = 90_000;
/** Smaller groups would cost more than they carry. */
const GROUP_S = 0.1;
/** Of a packet's header in MPEG-1. */
const STUFFING = 0xff;

interface Pack {
  readonly header: Buffer;
  readonly seconds: number;
}

export class ProgramStreamFragmenter implements Fragmenter {
  readonly #sink: FragmentSink;
  readonly #queue = new ByteQueue();
  #pack: Pack | undefined;
  #hasVideo = false;
  #isTold = false;
  #group: Buffer[] = [];
  #groupBytes = 0;
  #groupStart = 0;
  #isEntry = false;

  constructor(sink: FragmentSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk);
    while (this.#queue.length >= PACKET_HEADER_BYTES) {
      const start = this.#queue.peek(HEADER_BYTES);
      const code = start.readUInt8(3);
      if (start.readUIntBE(0, 3) !== 1 || code < CODE.end || (this.#pack === undefined && code !== CODE.pack)) {
        throw new ContainerError('The output is not a program stream.');
      }
      const bytes = lengthOf(code, start);
      if (bytes === undefined || this.#queue.length < bytes) return;
      this.#unit(code, Buffer.concat(this.#queue.take(bytes)));
    }
  }

  /** What came last are whole packs, or the beginning of one, which ends with a whole packet. */
  end(): void {
    this.#emit();
  }

  #unit(code: number, unit: Buffer): void {
    if (code === CODE.pack) this.#beginPack(unit);
    // The end of the stream: what follows it in a ring would be no longer read.
    else if (code === CODE.end) return;
    else if (code >= 0xe0 && code <= 0xef) this.#video(unit);
    else this.#add(unit);
  }

  #beginPack(header: Buffer): void {
    const seconds = clockOf(header);
    if (seconds - this.#groupStart >= GROUP_S || seconds < this.#groupStart) this.#emit();
    this.#pack = { header, seconds };
    this.#add(header);
  }

  #video(packet: Buffer): void {
    const at = payloadOf(packet);
    const sequence = findCode(packet, at, CODE.sequence);
    if (!this.#hasVideo) {
      const isStart = sequence === at;
      if (!isStart) {
        throw new ContainerError(
          'The program stream has pictures other than MPEG-1 and MPEG-2 video, so no viewer could join it: use `-c:v mpeg2video`.',
        );
      }
      this.#hasVideo = true;
    }
    if (sequence < 0 || this.#pack === undefined) {
      this.#add(packet);
      return;
    }
    const [before, after] = sequence === at ? [undefined, packet] : splitPacket(packet, at, sequence);
    if (before !== undefined) this.#add(before);
    const own = this.#group.length === 1 && this.#group[0] === this.#pack.header;
    if (!own) {
      this.#emit();
      // The header of a pack again: a joiner needs one first.
      this.#add(this.#pack.header);
    }
    this.#isEntry = true;
    this.#add(after);
  }

  #add(unit: Buffer): void {
    if (this.#group.length === 0) this.#groupStart = this.#pack?.seconds ?? 0;
    this.#group.push(unit);
    this.#groupBytes += unit.length;
    refuseTooLarge('A group of packs', this.#groupBytes);
  }

  #emit(): void {
    if (this.#group.length === 0) return;
    if (!this.#isTold) this.#sink.init(Buffer.alloc(0));
    this.#isTold = true;
    this.#sink.fragment(this.#group, this.#isEntry || !this.#hasVideo, this.#groupStart);
    this.#group = [];
    this.#groupBytes = 0;
    this.#isEntry = false;
  }
}

/** Bytes of the unit that begins with this start code; undefined when more bytes are needed. */
function lengthOf(code: number, start: Buffer): number | undefined {
  if (code === CODE.end) return 4;
  if (code !== CODE.pack) return PACKET_HEADER_BYTES + start.readUInt16BE(4);
  if (start.length < HEADER_BYTES) return undefined;
  return isMpeg2Pack(start) ? HEADER_BYTES + (start.readUInt8(13) & 0x07) : MPEG1_PACK_BYTES;
}

function isMpeg2Pack(header: Buffer): boolean {
  return (header.readUInt8(4) & 0xc0) === 0x40;
}

/** Seconds of the system clock reference: 33 bits of 90 kHz, in 3, 15 and 15 bits with a marker bit after each. */
function clockOf(header: Buffer): number {
  // Where the three groups begin, in bits from the fifth byte: MPEG-2 has two bits before them, MPEG-1 four.
  const from = isMpeg2Pack(header) ? 2 : 4;
  const bits = header.readBigUInt64BE(4);
  const group = (start: number, length: number): number =>
    Number((bits >> BigInt(64 - start - length)) & ((1n << BigInt(length)) - 1n));
  return (group(from, 3) * 2 ** 30 + group(from + 4, 15) * 2 ** 15 + group(from + 20, 15)) / CLOCK_HZ;
}

/** Where the media of a packet begins. */
function payloadOf(packet: Buffer): number {
  const first = packet[PACKET_HEADER_BYTES] ?? 0;
  if ((first & 0xc0) === 0x80) return PACKET_HEADER_BYTES + 3 + (packet[8] ?? 0);
  let at = PACKET_HEADER_BYTES;
  while (packet[at] === STUFFING) at += 1;
  if (((packet[at] ?? 0) & 0xc0) === 0x40) at += 2;
  const kind = (packet[at] ?? 0) >> 4;
  return at + (kind === 2 ? 5 : kind === 3 ? 10 : 1);
}

/** Where a start code begins at or after `from`; -1: nowhere. One that spans two packets is not found: a later one is. */
function findCode(bytes: Buffer, from: number, code: number): number {
  return bytes.indexOf(Buffer.from([0, 0, 1, code]), from);
}

/**
 * Two packets in place of one. The times in its header are those of the first picture that begins in it, and go to the
 * part that has this picture.
 */
function splitPacket(packet: Buffer, payload: number, at: number): [Buffer, Buffer] {
  const picture = findCode(packet, payload, CODE.picture);
  const isBefore = picture >= 0 && picture < at;
  const full = packet.subarray(PACKET_HEADER_BYTES, payload);
  const isMpeg2 = ((packet[PACKET_HEADER_BYTES] ?? 0) & 0xc0) === 0x80;
  const bare = isMpeg2 ? Buffer.from([packet[PACKET_HEADER_BYTES] ?? 0x80, 0, 0]) : Buffer.from([0x0f]);
  const made = (fields: Buffer, content: Buffer): Buffer => {
    const head = Buffer.from(packet.subarray(0, PACKET_HEADER_BYTES));
    head.writeUInt16BE(fields.length + content.length, 4);
    return Buffer.concat([head, fields, content]);
  };
  return [
    made(isBefore ? full : bare, packet.subarray(payload, at)),
    made(isBefore ? bare : full, packet.subarray(at)),
  ];
}
