/** Cuts a live MPEG-TS at packet boundaries, so that one connection's bytes can follow another's. Pure. */

import { PACKET_SIZE } from '../../mpegts/syntax/packet.ts';
import { Packetizer } from '../../mpegts/syntax/packetizer.ts';

/** Packets that follow each other in one buffer. */
interface Run {
  readonly bytes: Buffer;
  readonly from: number;
  to: number;
}

export class PacketAligner {
  readonly #packetizer = new Packetizer();

  /** The whole packets so far. Bytes that are no packet are left out; a packet that is not whole yet waits for the next call. */
  push(chunk: Buffer): Buffer {
    const runs: Run[] = [];
    this.#packetizer.push(chunk, (bytes, offset) => {
      const last = runs.at(-1);
      if (last?.bytes === bytes && last.to === offset) last.to += PACKET_SIZE;
      else runs.push({ bytes, from: offset, to: offset + PACKET_SIZE });
    });
    const pieces = runs.map(({ bytes, from, to }) => bytes.subarray(from, to));
    const [only] = pieces;
    return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
  }
}
