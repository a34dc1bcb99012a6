/** Reads back whether fragmented mp4 that was written here has pictures: players are told by its content type. */

import { TRUN } from './boxes.ts';

/** Boxes that hold the ones that tell it. */
const OUTER = new Set(['moov', 'trak', 'mdia', 'moof', 'traf']);
const HEADER_BYTES = 8;

/** @param bytes an initialisation, a segment or a part of one */
export function isSoundOnly(bytes: Buffer): boolean {
  const tracks = kindsIn(bytes);
  return tracks.length > 0 && tracks.every((kind) => kind === 'sound');
}

/** What each track, or each run of samples, is. */
function kindsIn(bytes: Buffer): ('video' | 'sound')[] {
  const kinds: ('video' | 'sound')[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + HEADER_BYTES);
    const content = bytes.subarray(at + HEADER_BYTES, at + size);
    if (OUTER.has(type)) kinds.push(...kindsIn(content));
    else if (type === 'hdlr') kinds.push(content.toString('latin1', 8, 12) === 'vide' ? 'video' : 'sound');
    // Only pictures are shown at other times than they are decoded.
    else if (type === 'trun') kinds.push((content.readUInt32BE(0) & TRUN.compositionOffset) === 0 ? 'sound' : 'video');
    if (size < HEADER_BYTES) break;
    at += size;
  }
  return kinds;
}
