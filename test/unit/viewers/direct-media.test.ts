/** What direct streams consist of whose viewers have a connection each. */

import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { DirectMedia, type DirectTap } from '../../../services/proxy/src/viewers/direct-media.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { fixture, type LoopName } from '../../support/fixtures.ts';

const PACKET = 188;
const PLAIN = { resolution: '320x180', videoCodec: 'h264', fps: 25, audioCodec: 'aac', audioChannels: 'mono' };

function stage() {
  let nowMs = 1_000;
  const media = new DirectMedia({ ...systemClock, monotonicMs: () => nowMs });
  /** One connection sends a loop, in whole packets, as fast as it plays. */
  const send = async (tap: DirectTap, name: LoopName) => {
    const { path, loopTicks } = await fixture(name);
    const bytes = await readFile(path);
    const before = Buffer.from(bytes);
    const size = Math.ceil(bytes.length / PACKET / 40) * PACKET;
    for (let at = 0; at < bytes.length; at += size) {
      nowMs += loopTicks / 90 / 40;
      tap.packets(bytes.subarray(at, at + size), at === 0);
      media.made();
    }
    // The viewer gets the same bytes.
    expect(bytes.equals(before)).toBe(true);
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { media, send, wait };
}

it('is read from what one of the viewers gets, with its bit rate', async () => {
  const { media, send, wait } = stage();
  const [one, two] = [media.begin('a'), media.begin('a')];
  expect(media.made()).toEqual({});
  await send(one, 'plain');
  wait(500);
  const { input, output, bitsPerSecond } = media.made().a ?? {};
  expect(output).toEqual(PLAIN);
  expect(input).toMatchObject({ ...PLAIN, lastByteAgoMs: 500, bitsPerSecond });
  expect(bitsPerSecond).toBeGreaterThan(300_000);
  expect(bitsPerSecond).toBeLessThan(450_000);
  one.end();
  // The other one is looked at when the first has left.
  await send(two, 'mp2');
  expect(media.made().a?.output).toMatchObject({ audioCodec: 'mp2' });
  two.end();
  expect(media.made()).toEqual({});
});

it('is read again with each connection: it may lead to another source', async () => {
  const { media, send } = stage();
  const tap = media.begin('a');
  await send(tap, 'plain');
  await send(tap, 'fps-50');
  expect(media.made().a?.output).toMatchObject({ fps: 50 });
});

it('is read again after a while of one connection', async () => {
  const { media, send, wait } = stage();
  const tap = media.begin('a');
  await send(tap, 'plain');
  wait(60_000);
  const continued: DirectTap = { packets: (bytes) => tap.packets(bytes, false), end: tap.end };
  await send(continued, 'fps-50');
  expect(media.made().a?.output).toMatchObject({ fps: 50 });
});

it('is nothing when there is nothing to read, and no error', () => {
  const { media, wait } = stage();
  const tap = media.begin('a');
  const noise = Buffer.alloc(100 * PACKET, 0x47);
  for (let n = 0; n < 60; n++) {
    tap.packets(noise, n === 0);
    wait(1_000);
  }
  expect(media.made().a?.output).toBeUndefined();
  expect(media.made().a?.input?.videoCodec).toBeUndefined();
});
