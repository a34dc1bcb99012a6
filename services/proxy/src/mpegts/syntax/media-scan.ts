/**
 * Tells media from what a provider sends to keep a connection busy. Null packets and tables are no media. Pure.
 */

import { hasPayload, isDamaged, NULL_PID, PACKET_SIZE, payloadOffset, pidOf, startsUnit } from './packet.ts';
import { Packetizer } from './packetizer.ts';
import { isScrambled } from './scrambling.ts';

/** Looks through the bytes of one connection. */
export class MediaScan {
  readonly #packetizer = new Packetizer();

  /** Whether a picture or a piece of sound begins in these bytes, or scrambled media is in them. */
  finds(bytes: Buffer): boolean {
    let found = false;
    this.#packetizer.push(bytes, (packet, offset) => {
      found ||= beginsMedia(packet, offset);
      return found;
    });
    return found;
  }
}

function beginsMedia(bytes: Buffer, offset: number): boolean {
  if (pidOf(bytes, offset) === NULL_PID || isDamaged(bytes, offset) || !hasPayload(bytes, offset)) return false;
  // Nobody can look into it. It is what the provider has to send.
  if (isScrambled(bytes, offset)) return true;
  if (!startsUnit(bytes, offset)) return false;
  const at = payloadOffset(bytes, offset);
  if (at + 4 > offset + PACKET_SIZE) return false;
  return bytes.readUIntBE(at, 3) === 1 && isMediaStream(bytes[at + 3] as number);
}

/** stream_id (ISO 13818-1, table 2-22): audio, video, private_stream_1 (AC-3 and others), extended. */
function isMediaStream(id: number): boolean {
  return (id >= 0xc0 && id <= 0xef) || id === 0xbd || id === 0xfd;
}
