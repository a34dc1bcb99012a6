/** A hang is noticed by the source's own rhythm, and no source that lives is taken for one. */

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { MediaScan } from '../../../../services/proxy/src/mpegts/syntax/media-scan.ts';
import { LiveReader } from '../../../../services/proxy/src/upstream/failover/live-reader.ts';
import { relayedLimitMs, Silence } from '../../../../services/proxy/src/upstream/failover/silence.ts';
import { BodyReader } from '../../../../services/proxy/src/upstream/messages/body-reader.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';

const MAX_MS = 15_000;

/** A source that sends for `seconds`, once every `everyMs`. */
function sends(silence: Silence, seconds: number, everyMs: number): void {
  for (let ms = 0; ms < seconds * 1000; ms += everyMs) silence.note(everyMs, 'media');
}

function opened(openedMs = 50): Silence {
  const silence = new Silence(MAX_MS);
  silence.begin(openedMs);
  return silence;
}

describe('the limit of silence', () => {
  it.each([
    ['before it has sent anything', 0, 40, MAX_MS],
    ['while it may still be one that sends in bursts', 4, 40, MAX_MS],
    ['until a minute of its rhythm is known', 30, 40, 6_000],
    ['after that minute', 70, 40, 3_000],
    ['of a source with one picture in 2 s', 70, 2_000, 6_000],
    ['of a source that sends in bursts of 6 s, from its second burst on', 7, 6_000, MAX_MS],
    ['of the same, after a minute', 70, 6_000, MAX_MS],
  ])('%s', (_what, seconds, everyMs, limitMs) => {
    const silence = opened();
    sends(silence, seconds, everyMs);
    expect(silence.limitMs).toBe(limitMs);
  });

  it('forgets a pause that is longer ago than two minutes, not sooner than after one', () => {
    const silence = opened();
    sends(silence, 10, 40);
    silence.note(4_000, 'media');
    sends(silence, 59, 40);
    expect(silence.limitMs).toBe(12_000);
    sends(silence, 62, 40);
    expect(silence.limitMs).toBe(3_000);
  });

  it('is never longer than LIVE_CHUNK_TIMEOUT_SECONDS', () => {
    const silence = new Silence(1_000);
    silence.begin(50);
    sends(silence, 90, 40);
    expect([silence.limitMs, silence.newConnectionMs]).toEqual([1_000, 1_000]);
  });

  it('of a new connection is 3 s, or three times what the source has needed before', () => {
    expect(opened().newConnectionMs).toBe(MAX_MS);
    const quick = opened(100);
    sends(quick, 1, 40);
    expect(quick.newConnectionMs).toBe(3_000);
    const slow = opened(100);
    slow.note(1_900, 'media');
    expect(slow.newConnectionMs).toBe(6_000);
    slow.begin(undefined);
    slow.note(1, 'media');
    expect(slow.newConnectionMs).toBe(6_000);
  });

  it('of a new connection ends with its first media', () => {
    const silence = opened();
    sends(silence, 30, 40);
    silence.begin(50, 3_000);
    expect([silence.silentMs, silence.limitMs]).toEqual([0, 3_000]);
    silence.note(10, 'media');
    expect(silence.limitMs).toBe(6_000);
  });
});

it('is 3 s longer for a source that another worker reads', () => {
  expect([undefined, 40, 2_500, 6_000].map((ms) => relayedLimitMs(MAX_MS, ms))).toEqual([
    18_000, 9_000, 10_500, 18_000,
  ]);
});

describe('what counts as silence', () => {
  it('is all but media, once the source has sent media', () => {
    const silence = opened();
    silence.note(9_000, 'bytes');
    expect(silence.silentMs).toBe(0);
    silence.note(10, 'media');
    silence.note(2_000, 'bytes');
    silence.note(1_000, 'nothing');
    expect(silence.silentMs).toBe(3_000);
    const known = new Silence(MAX_MS, true);
    known.note(2_000, 'bytes');
    expect(known.silentMs).toBe(2_000);
  });

  it('is half over once', () => {
    const silence = opened();
    let halves = 0;
    const off = silence.onHalf(() => halves++);
    sends(silence, 30, 40);
    silence.note(2_900, 'nothing');
    expect([halves, Math.round(silence.nextMs)]).toEqual([0, 100]);
    silence.note(100, 'bytes');
    silence.note(100, 'bytes');
    expect([halves, Math.round(silence.nextMs)]).toEqual([1, 2_900]);
    silence.note(10, 'media');
    silence.note(5_000, 'nothing');
    expect(halves).toBe(2);
    off();
    silence.note(10, 'media');
    silence.note(5_000, 'nothing');
    expect(halves).toBe(2);
  });
});

describe('media', () => {
  const nulls = Buffer.alloc(188 * 20, 0xff);
  for (let at = 0; at < nulls.length; at += 188) nulls.writeUInt32BE(0x471fff10, at);
  const scrambled = Buffer.alloc(188 * 3, 0xff);
  for (let at = 0; at < scrambled.length; at += 188) scrambled.writeUInt32BE(0x47010090, at);
  const ts = new TsBuilder();
  const tables = Buffer.concat(Array.from({ length: 5 }, () => ts.tables().take()));

  it.each([
    ['a picture', ts.video(90_000, 90_000, false).take(), true],
    ['sound', ts.audio(90_000).take(), true],
    ['scrambled packets', scrambled, true],
    ['null packets', nulls, false],
    ['tables', tables, false],
    ['a page', Buffer.from('<html>no channel</html>'.repeat(30)), false],
  ])('%s: %s', (_what, bytes, isMedia) => {
    expect(new MediaScan().finds(bytes)).toBe(isMedia);
  });

  it('is found across the border of two chunks', () => {
    const scan = new MediaScan();
    const bytes = Buffer.concat([nulls, ts.video(90_000, 90_000, true).take(), nulls]);
    const found = [bytes.subarray(0, nulls.length + 90), bytes.subarray(nulls.length + 90)].map((part) =>
      scan.finds(part),
    );
    expect(found).toEqual([false, true]);
  });
});

describe('a connection', () => {
  const picture = () => new TsBuilder().video(90_000, 90_000, true).take();
  const tables = () => new TsBuilder().tables().take();

  /** A body, its silence with a short limit, and the reader of both. */
  function reading(maxMs: number, isLeft?: () => boolean) {
    const body = new PassThrough();
    const silence = new Silence(maxMs);
    silence.begin(0);
    const reader = new LiveReader(new BodyReader(body, 'http://tv.test/1.ts'), 'http://tv.test/1.ts', silence, {
      isMpegTs: true,
      isLeft,
      clock: systemClock,
    });
    return { body, silence, reader };
  }

  it('that sends nothing more hangs', async () => {
    const { body, reader } = reading(120);
    body.write(picture());
    expect(await reader.read()).toMatchObject({ hasMedia: true });
    await expect(reader.read()).rejects.toMatchObject({
      reason: 'stalled',
      message: expect.stringMatching(/^The source http:\/\/tv\.test\/1\.ts sent nothing for [\d.]+ s\.$/),
    });
  });

  it('that sends tables and no more pictures hangs too', async () => {
    const { body, reader } = reading(120);
    body.write(picture());
    await reader.read();
    const timer = setInterval(() => body.write(tables()), 20);
    const all = async () => {
      for (;;) expect(await reader.read()).toMatchObject({ hasMedia: false });
    };
    await expect(all()).rejects.toMatchObject({
      reason: 'stalled',
      message: expect.stringMatching(/^The source http:\/\/tv\.test\/1\.ts sent no picture or sound for [\d.]+ s\.$/),
    });
    clearInterval(timer);
  });

  it('does not hang while nobody reads it', async () => {
    const { body, silence, reader } = reading(60);
    body.write(picture());
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 150));
    body.write(picture());
    expect(await reader.read()).toMatchObject({ hasMedia: true });
    expect(silence.silentMs).toBe(0);
  });

  it('that was left is not waited for', async () => {
    let isLeft = false;
    const { body, reader } = reading(60_000, () => isLeft);
    body.write(picture());
    await reader.read();
    setTimeout(() => {
      isLeft = true;
    }, 20);
    expect(await reader.read()).toBe('left');
  });

  it('that ends, ends', async () => {
    const { body, reader } = reading(60_000);
    body.end(picture());
    expect(await reader.read()).toMatchObject({ hasMedia: true, bytes: picture() });
    expect(await reader.read()).toBeUndefined();
  });
});
