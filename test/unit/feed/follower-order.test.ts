/** A follower's ring holds the units of its owner's in the same order, wherever the relay cuts the bytes. */

import { describe, expect, it } from 'vitest';
import { Cursor } from '../../../services/proxy/src/feed/cursor.ts';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { tsOutput } from '../../../services/proxy/src/feed/feed-output.ts';
import { PACKET_SIZE, payloadOffset, pidOf, startsUnit } from '../../../services/proxy/src/mpegts/syntax/packet.ts';
import { parsePesHeader } from '../../../services/proxy/src/mpegts/syntax/pes.ts';
import { dataHeader, FrameReader } from '../../../services/proxy/src/relay/relay-frames.ts';
import { AUDIO_PID, TsBuilder, VIDEO_PID } from '../mpegts/build-ts.ts';

const LIMITS = { retainMs: 60_000, joinBufferMs: 60_000, maxBytes: 64 * 1024 ** 2 };
const FRAME = 3_600;

/** 25 pictures a second of 1 to 9 packets without a length, in decoding order I P B B, and sound in between. */
function media(pictures: number): Buffer {
  const builder = new TsBuilder().tables();
  const shown = [2, -1, 0];
  for (let n = 0; n < pictures; n++) {
    const dts = 900_000 + n * FRAME;
    const keyframe = n % 24 === 0;
    const reorder = n % 24 === 0 ? 1 : 1 + (shown[(n - 1) % 3] as number);
    builder.video(dts + reorder * FRAME, dts, keyframe, keyframe ? 1_500 : 150 * (1 + (n % 4)));
    if (n % 3 !== 2) builder.adts(dts + 1_000, 1 + (n % 5));
    if (n % 10 === 9) builder.tables();
  }
  return builder.take();
}

/** PID and PTS of each unit in a ring, in the order of its bytes. */
function unitsIn({ ring }: Feed): string[] {
  const units: string[] = [];
  for (let at = ring.tail; at < ring.head; at += PACKET_SIZE) {
    const packet = ring.view(at, at + PACKET_SIZE, PACKET_SIZE) as Buffer;
    const pid = pidOf(packet, 0);
    if ((pid !== VIDEO_PID && pid !== AUDIO_PID) || !startsUnit(packet, 0)) continue;
    units.push(`${pid} ${parsePesHeader(packet, payloadOffset(packet, 0), PACKET_SIZE)?.pts}`);
  }
  return units;
}

async function follow(owner: Feed, pieceBytes: number): Promise<Feed> {
  const follower = new Feed(LIMITS);
  const output = tsOutput(follower, true);
  output.begin({ kind: 'relay', continues: { shift: 0, samePictures: false } });
  const frames = new FrameReader();
  const receive = (bytes: Buffer) => {
    frames.push(bytes, (frame) => {
      if (frame.type !== 'data') return;
      output.push(Buffer.from(frame.bytes), 0);
      if (frame.whole) output.flush();
    });
  };
  const entry = await owner.entry();
  await new Promise<void>((resolve) => {
    const write = (bytes: Buffer, done: () => void, isAll: boolean) => {
      receive(dataHeader(bytes.length, isAll));
      for (let at = 0; at < bytes.length; at += pieceBytes) receive(bytes.subarray(at, at + pieceBytes));
      done();
    };
    new Cursor(owner, entry, { write, finished: () => resolve(), dropped: () => resolve() }, 0);
  });
  output.end(true);
  follower.finish({ kind: 'ended' });
  return follower;
}

describe('the ring of a follower', () => {
  it.each([188, 1_000, 65_536])(
    'has 0 of its positions different when the relay comes in pieces of %i bytes',
    async (pieceBytes) => {
      const owner = new Feed(LIMITS);
      const output = tsOutput(owner, true);
      output.begin({ kind: 'run', continues: undefined });
      output.push(media(144), 0);
      output.end(true);
      owner.finish({ kind: 'ended' });

      const follower = await follow(owner, pieceBytes);
      const [theirs, mine] = [unitsIn(owner), unitsIn(follower)];
      expect(theirs.length).toBe(239);
      expect(theirs.filter((unit, at) => unit !== mine[at])).toEqual([]);
      expect(mine.length).toBe(theirs.length);
      // The follower of a follower.
      expect(unitsIn(await follow(follower, pieceBytes))).toEqual(theirs);
    },
  );
});
