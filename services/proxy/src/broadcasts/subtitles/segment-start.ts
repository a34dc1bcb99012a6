/** When a segment of MPEG-TS begins, as its own media says. */

import { FeedProgram } from '../../feed/hls/feed-program.ts';
import { UnitScanner } from '../../mpegts/segmenting/unit-scanner.ts';
import { PACKET_SIZE } from '../../mpegts/syntax/packet.ts';

/** Tables and a picture's header are within so many bytes, nearly always. */
const STEP_BYTES = 100 * PACKET_SIZE;

/** PTS of the first picture, or of the first sound where there are none: 90 kHz, 33 bits. Undefined: it has no such thing. */
export function firstTicks(media: Buffer): number | undefined {
  const program = new FeedProgram();
  let ticks: number | undefined;
  const scanner = new UnitScanner((unit) => {
    if (ticks !== undefined || program.isTable(unit)) return;
    if (unit.starts && program.tracks.get(unit.pid)?.leads === true) ticks = unit.pts;
  });
  for (let at = 0; at < media.length && ticks === undefined; at += STEP_BYTES) {
    scanner.push(media, at, Math.min(at + STEP_BYTES, media.length));
  }
  scanner.flush();
  return ticks;
}
