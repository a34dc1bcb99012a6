/** Media that several viewers read while it arrives, and what of it is kept. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import type { Media, MediaBody } from '../../../../services/proxy/src/upstream/hls/shared-media.ts';

/** A provider's answer that the test sends piece by piece. */
class Answer {
  readonly media: Media;
  isClosed = false;
  asked = 0;
  #pieces: (Buffer | undefined)[] = [];
  #error: SourceError | undefined;
  #wake: (() => void) | undefined;

  constructor(status = 200) {
    const body: MediaBody = {
      read: async () => {
        this.asked += 1;
        for (;;) {
          if (this.#error !== undefined) throw this.#error;
          if (this.#pieces.length > 0) return this.#pieces.shift();
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      },
      close: () => {
        this.isClosed = true;
        this.#error ??= new SourceError('stopped', 'The source was closed.');
        this.#wake?.();
      },
    };
    this.media = { head: { status, headers: {} }, body };
  }

  send(...pieces: string[]): this {
    this.#pieces.push(...pieces.map((piece) => Buffer.from(piece)));
    this.#wake?.();
    return this;
  }

  end(): this {
    this.#pieces.push(undefined);
    this.#wake?.();
    return this;
  }

  breakOff(): void {
    this.#error = new SourceError('ended', 'The source broke off.');
    this.#wake?.();
  }
}

const MB = 1024 ** 2;
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function text({ body }: Media): Promise<string> {
  let all = '';
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) all += chunk.toString();
  body.close();
  return all;
}

describe('media of a provider', () => {
  it('is fetched once for all who ask at the same time, and given to each from its first byte on', async () => {
    const cache = new HlsCache(64 * MB);
    const answer = new Answer().send('one ');
    let fetched = 0;
    const fetch = async () => {
      fetched += 1;
      return answer.media;
    };
    const [first, second] = await Promise.all([cache.open('a', fetch), cache.open('a', fetch)]);
    expect((await first.body.read())?.toString()).toBe('one ');
    answer.send('two ');
    await settled();
    const late = await cache.open('a', fetch);
    answer.send('three').end();
    expect(await Promise.all([text(second), text(late)])).toEqual(['one two three', 'one two three']);
    expect(await text(first)).toBe('two three');
    const afterwards = await cache.open('a', fetch);
    expect(await text(afterwards)).toBe('one two three');
    expect([fetched, cache.hits, cache.heldBytes]).toEqual([1, 3, 13]);
  });

  it('is there at once as far as it has come, of so many bytes at most', async () => {
    const answer = new Answer().send('one', 'two', 'three', 'four');
    const { body } = await new HlsCache(64 * MB).open('a', async () => answer.media);
    await settled();
    const ready = (maxBytes: number) => body.ready?.(maxBytes).map(String);
    expect([(await body.read())?.toString(), ready(2), ready(8), ready(100), ready(100)]).toEqual([
      ...['one', [], ['two', 'three'], ['four'], []],
    ]);
    answer.send('five').end();
    expect(await text({ head: answer.media.head, body })).toBe('five');
  });

  it('is given in large pieces to who comes when it is whole, and read on as it came by who is in the middle of it', async () => {
    const pieces = Array.from({ length: 20 }, (_, n) => String.fromCharCode(97 + n).repeat(60 * 1024));
    const answer = new Answer().send(...pieces).end();
    const cache = new HlsCache(64 * MB);
    const fetch = async () => answer.media;
    const early = await cache.open('a', fetch);
    const begun = [await early.body.read(), ...(early.body.ready?.(100 * 1024) ?? [])];
    await settled();
    const late = await cache.open('a', fetch);
    const lengths: number[] = [];
    let all = '';
    for (let chunk = await late.body.read(); chunk !== undefined; chunk = await late.body.read()) {
      lengths.push(chunk.length);
      all += chunk;
    }
    expect(lengths).toEqual([512 * 1024, 512 * 1024, 176 * 1024]);
    expect(all).toBe(pieces.join(''));
    expect(begun.map(String)).toEqual(pieces.slice(0, 2));
    expect(await text(early)).toBe(pieces.slice(2).join(''));
    expect([cache.hits, cache.heldBytes]).toEqual([1, 1_200 * 1024]);
  });

  it('arrives at full speed, however slowly anybody reads', async () => {
    const answer = new Answer().send(...Array.from({ length: 50 }, (_, n) => `${n},`)).end();
    const media = await new HlsCache(64 * MB).open('a', async () => answer.media);
    await settled();
    expect(answer.asked).toBe(51);
    expect((await text(media)).length).toBeGreaterThan(100);
  });

  it('is no longer fetched when nobody reads it any more, and is fetched anew for the next one', async () => {
    const cache = new HlsCache(64 * MB);
    const [broken, whole] = [new Answer().send('half'), new Answer().send('whole').end()];
    const viewer = await cache.open('a', async () => broken.media);
    await viewer.body.read();
    viewer.body.close();
    await settled();
    expect([broken.isClosed, cache.heldBytes]).toEqual([true, 0]);
    expect(await text(await cache.open('a', async () => whole.media))).toBe('whole');
  });

  it('that breaks off is an error for each reader, behind what has come, and is not kept', async () => {
    const cache = new HlsCache(64 * MB);
    const answer = new Answer().send('half');
    const media = await cache.open('a', async () => answer.media);
    expect((await media.body.read())?.toString()).toBe('half');
    answer.breakOff();
    await expect(media.body.read()).rejects.toThrow('broke off');
    expect(await text(await cache.open('a', async () => new Answer().send('new').end().media))).toBe('new');
  });

  it('that cannot be had is an error for all who ask, and is asked for again afterwards', async () => {
    const cache = new HlsCache(64 * MB);
    const fail = async (): Promise<Media> => {
      throw new SourceError('refused', 'no');
    };
    const both = await Promise.allSettled([cache.open('a', fail), cache.open('a', fail)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await text(await cache.open('a', async () => new Answer().send('ok').end().media))).toBe('ok');
  });

  it('that is too long is held in part only, and waits for its slowest reader', async () => {
    const cache = new HlsCache(200);
    const answer = new Answer().send(...Array.from({ length: 40 }, () => 'x'.repeat(10))).end();
    const fetch = async () => answer.media;
    const [fast, slow] = await Promise.all([cache.open('a', fetch), cache.open('a', fetch)]);
    await settled();
    // 100 bytes are half of what the worker keeps.
    for (let turn = 0; turn < 11; turn += 1) await fast.body.read();
    await settled();
    expect(answer.asked).toBeLessThan(14);
    expect(cache.heldBytes).toBe(0);
    expect(await Promise.all([text(fast), text(slow)])).toEqual(['x'.repeat(290), 'x'.repeat(400)]);
    let again = 0;
    const other = await cache.open('a', async () => {
      again += 1;
      return new Answer().send('new').end().media;
    });
    expect([await text(other), again]).toEqual(['new', 1]);
  });

  it('that is too long gives up a reader that takes nothing for 2 s while another one waits', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const cache = new HlsCache(200);
    const answer = new Answer().send(...Array.from({ length: 40 }, () => 'x'.repeat(10))).end();
    const fetch = async () => answer.media;
    const [fast, slow] = await Promise.all([cache.open('a', fetch), cache.open('a', fetch)]);
    await slow.body.read();
    const rest = text(fast);
    let isWhole = false;
    void rest.then(() => {
      isWhole = true;
    });
    vi.advanceTimersByTime(1_500);
    await settled();
    expect(isWhole).toBe(false);
    vi.advanceTimersByTime(1_000);
    expect(await rest).toBe('x'.repeat(400));
    await expect(slow.body.read()).rejects.toThrow('The viewer took nothing for 2 s, and others waited for it.');
  });

  it('goes, used least recently first, when the rest would not fit, and when it is old', async () => {
    let nowMs = 0;
    const cache = new HlsCache(100, () => nowMs);
    const fetched: string[] = [];
    const get = async (key: string) => {
      const media = await cache.open(key, async () => {
        fetched.push(key);
        return new Answer().send(key.repeat(40)).end().media;
      });
      return text(media);
    };
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await get(key);
    expect(fetched).toEqual(['a', 'b', 'c', 'b']);
    expect(cache.heldBytes).toBeLessThanOrEqual(100);
    nowMs = 59_999;
    await get('a');
    nowMs = 60_000;
    await get('a');
    expect(fetched).toEqual(['a', 'b', 'c', 'b', 'a']);
  });

  it('is not kept at all when nothing may be kept', async () => {
    const cache = new HlsCache(0);
    let fetched = 0;
    for (let turn = 0; turn < 2; turn += 1) {
      const media = await cache.open('a', async () => {
        fetched += 1;
        return new Answer().send('x').end().media;
      });
      expect(await text(media)).toBe('x');
    }
    expect([fetched, cache.heldBytes]).toEqual([2, 0]);
  });
});
