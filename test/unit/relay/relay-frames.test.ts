/** What a relay sends arrives whole, however the network cuts it. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  dataHeader,
  encodeFrame,
  FrameReader,
  type RelayFrame,
} from '../../../services/proxy/src/relay/relay-frames.ts';

const OWNER = { workerId: 'w', incarnation: 'i', address: '127.0.0.1:1', epoch: 3 };
const CONTROL: Exclude<RelayFrame, { type: 'data' }>[] = [
  { type: 'hello', hello: { incarnation: 'i', lineage: { timeline: 't', epoch: 3, changes: [] }, ticks: 2 ** 34 } },
  { type: 'clock', clock: { timeline: 's', shift: 900 } },
  {
    type: 'clock',
    clock: { timeline: 's', shift: 900, origin: { source: 's:a', shift: 1, sent: [[2 ** 34, 2 ** 47]] } },
  },
  {
    type: 'segments',
    segments: {
      marks: [
        {
          list: 'clock',
          n: 436_001_234,
          pts: 2 ** 34,
          pdtMs: Date.UTC(2026, 0, 1) + 1 / 3,
          discontinuities: 1,
          discontinuity: true,
        },
      ],
      source: { openInARow: 0, openCounts: false },
    },
  },
  { type: 'ping' },
  { type: 'end', end: { kind: 'moved', owner: OWNER } },
];

it('takes the same frames out of bytes in any pieces', () => {
  const frame = fc.oneof(fc.constantFrom(...CONTROL), fc.uint8Array({ minLength: 1, maxLength: 2_000 }));
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 700 }), (frames, piece) => {
      const media: Buffer[] = [];
      /** Where it said that all units are whole. */
      const wholes: number[] = [];
      const wanted: RelayFrame[] = [];
      const bytes = Buffer.concat(
        frames.map((each) => {
          if (!(each instanceof Uint8Array)) {
            wanted.push(each);
            return encodeFrame(each);
          }
          media.push(Buffer.from(each));
          const whole = each.length % 2 === 0;
          wholes.push(whole ? Buffer.concat(media).length : 0);
          return Buffer.concat([dataHeader(each.length, whole), each]);
        }),
      );
      const reader = new FrameReader();
      const got: RelayFrame[] = [];
      const gotMedia: Buffer[] = [];
      const gotWholes: number[] = [];
      for (let from = 0; from < bytes.length; from += piece) {
        reader.push(Buffer.from(bytes.subarray(from, from + piece)), (each) => {
          if (each.type !== 'data') return got.push(each);
          gotMedia.push(Buffer.from(each.bytes));
          if (each.whole) gotWholes.push(Buffer.concat(gotMedia).length);
        });
      }
      expect(got).toEqual(wanted);
      expect(gotWholes).toEqual(wholes.filter((position) => position > 0));
      expect(Buffer.concat(gotMedia).equals(Buffer.concat(media))).toBe(true);
    }),
  );
});

it('refuses what is not a frame', () => {
  expect(() => new FrameReader().push(Buffer.alloc(8, 0x47), () => undefined)).toThrow('not a frame');
});
