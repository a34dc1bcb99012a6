/**
 * What a relay sends: frames of one type byte, a 32-bit length and a body. Media goes as it is in the ring; who sends it and
 * how it ended goes between.
 */

import type { Owner } from '../../../registry/types.ts';
import type { Lineage, SourceClock } from './lineage.ts';

export type RelayEnd =
  /** The feed is over everywhere: nobody takes it over. */
  | { kind: 'ended' }
  | { kind: 'failed'; status: number; reason: string; message: string }
  /** Another worker makes the feed from here on, as far as is known `owner`. */
  | { kind: 'moved'; owner?: Owner | undefined };

export interface RelayHello {
  incarnation: string;
  lineage: Lineage;
}

export type RelayFrame =
  | { type: 'hello'; hello: RelayHello }
  | { type: 'clock'; clock: SourceClock | undefined }
  /** `whole`: the media so far ends with whole units; nothing more of them has to be waited for. */
  | { type: 'data'; bytes: Buffer; whole: boolean }
  | { type: 'end'; end: RelayEnd }
  | { type: 'ping' };

/** `data` and `whole` are followed by media, the others by JSON. */
const TYPES = ['hello', 'data', 'end', 'ping', 'clock', 'whole'] as const;
const HEADER_BYTES = 5;
/** Larger than anything that is sent in one piece. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;

/** The header in front of `length` bytes of media; `whole` if all units that have begun end with them. */
export function dataHeader(length: number, whole: boolean): Buffer {
  return header(whole ? 'whole' : 'data', length);
}

export function encodeFrame(frame: Exclude<RelayFrame, { type: 'data' }>): Buffer {
  const bytes = Buffer.from(JSON.stringify(frame));
  return Buffer.concat([header(frame.type, bytes.length), bytes]);
}

function header(type: (typeof TYPES)[number], length: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes[0] = TYPES.indexOf(type);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Bytes in any pieces, to frames. Media is passed on in the pieces in which it comes. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  #mediaLeft = 0;
  #isWhole = false;

  /** @throws Error when the bytes are no frames */
  push(chunk: Buffer, onFrame: (frame: RelayFrame) => void): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#mediaLeft > 0) {
        if (bytes.length === 0) break;
        const part = bytes.subarray(0, this.#mediaLeft);
        this.#mediaLeft -= part.length;
        bytes = bytes.subarray(part.length);
        onFrame({ type: 'data', bytes: part, whole: this.#isWhole && this.#mediaLeft === 0 });
        continue;
      }
      if (bytes.length < HEADER_BYTES) break;
      const type = TYPES[bytes[0] as number];
      const length = bytes.readUInt32BE(1);
      if (type === undefined || length > MAX_FRAME_BYTES) throw new Error('the relay sent something that is no frame');
      if (type === 'data' || type === 'whole') {
        this.#mediaLeft = length;
        this.#isWhole = type === 'whole';
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      if (bytes.length < HEADER_BYTES + length) break;
      onFrame(JSON.parse(bytes.toString('utf8', HEADER_BYTES, HEADER_BYTES + length)) as RelayFrame);
      bytes = bytes.subarray(HEADER_BYTES + length);
    }
    this.#rest = Buffer.from(bytes);
  }
}
