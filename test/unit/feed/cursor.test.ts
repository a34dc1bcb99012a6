/** Cursors: one write at a time, each reader at its own pace, skips and ends. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../services/proxy/src/feed/chunk.ts';
import { Cursor, type CursorSink } from '../../../services/proxy/src/feed/cursor.ts';
import { Feed, type FeedEnd } from '../../../services/proxy/src/feed/feed.ts';
import { until } from '../../support/until.ts';

const LIMITS = { retainMs: 0, joinBufferMs: 0, maxBytes: 3 * CHUNK_BYTES };

class Reader implements CursorSink {
  readonly parts: Buffer[] = [];
  readonly pending: (() => void)[] = [];
  readonly dropped_: string[] = [];
  /** Bytes after which it was told that these are all. */
  readonly allAt: number[] = [];
  end: FeedEnd | undefined;
  readonly #slow: boolean;

  constructor(slow = false) {
    this.#slow = slow;
  }

  write(bytes: Buffer, done: () => void, isAll: boolean): void {
    if (isAll) this.allAt.push(this.text.length + bytes.length);
    this.parts.push(Buffer.from(bytes));
    this.pending.push(done);
    if (!this.#slow) setImmediate(() => this.release());
  }

  release(): void {
    this.pending.shift()?.();
  }

  finished(end: FeedEnd): void {
    this.end = end;
  }

  dropped(reason: string): void {
    this.dropped_.push(reason);
  }

  get text(): string {
    return Buffer.concat(this.parts).toString('latin1');
  }
}

function put(feed: Feed, name: string, mediaMs: number, bytes: number): void {
  feed.ring.mark(Buffer.from(`[${name}]`), mediaMs);
  feed.ring.append(Buffer.alloc(bytes, name), 0, bytes);
  feed.publish();
}

describe('Cursor', () => {
  it('says with which bytes all that is published is written, and only then', async () => {
    const feed = new Feed({ ...LIMITS, maxBytes: 8 * CHUNK_BYTES });
    const entry = feed.entry();
    put(feed, 'a', 0, 188);
    const reader = new Reader(true);
    new Cursor(feed, await entry, reader, 0);
    reader.release();
    await expect.poll(() => reader.allAt).toEqual([3 + 188]);
    // More than one write, and beyond the border of a chunk.
    put(feed, 'b', 40, 188 * Math.ceil((2 * CHUNK_BYTES) / 188));
    const total = feed.ring.head + 3;
    await expect.poll(() => reader.release() ?? reader.text.length).toBe(total);
    expect(reader.parts.length).toBeGreaterThan(3);
    expect(reader.allAt).toEqual([3 + 188, reader.text.length]);
  });

  it('gives every reader its prefix and then the same bytes', async () => {
    const feed = new Feed(LIMITS);
    const entry = feed.entry();
    put(feed, 'a', 0, 188);
    const readers = [new Reader(), new Reader()];
    for (const reader of readers) new Cursor(feed, await entry, reader, 0);
    put(feed, 'b', 40, 188);
    await sleep(60);
    for (const reader of readers) expect(reader.text).toBe(`[a]${'a'.repeat(188)}${'b'.repeat(188)}`);
    feed.finish({ kind: 'ended' });
    await sleep(10);
    expect(readers.map((reader) => reader.end?.kind)).toEqual(['ended', 'ended']);
    expect(feed.readerCount).toBe(0);
  });

  it('has one write under way and skips to the newest entry when it falls off the ring', async () => {
    const feed = new Feed(LIMITS);
    put(feed, 'a', 0, 188);
    const slow = new Reader(true);
    const cursor = new Cursor(feed, await feed.entry(), slow, 0);
    for (let n = 0; n < 8; n++) put(feed, 'bcdefghi'[n] as string, 1_000 * (n + 1), CHUNK_BYTES);
    await sleep(30);
    expect(slow.pending).toHaveLength(1);
    slow.release();
    expect(slow.text.endsWith('[i]')).toBe(true);
    expect(cursor.stats.skips).toBe(1);
    // Seven of the pieces, which are a second each.
    expect(cursor.stats.skippedMs).toBeCloseTo(7_000, -2);
    expect(slow.pending).toHaveLength(1);
  });

  it('skips behind a whole unit, even where the ring has dropped the rest of it', async () => {
    const feed = new Feed(LIMITS);
    const unitPackets = 1_000;
    const putUnit = (name: string, mediaMs: number): void => {
      const unit = Buffer.alloc(unitPackets * 188, name);
      for (let at = 0; at < unit.length; at += 188) unit[at + 1] = at === 0 ? 0x40 : 0;
      feed.ring.mark(Buffer.alloc(188, '['), mediaMs);
      feed.ring.append(unit, 0, unit.length);
    };
    for (const [index, name] of ['a', 'b'].entries()) putUnit(name, index * 1_000);
    feed.publish();
    const slow = new Reader(true);
    const cursor = new Cursor(feed, await feed.entry(), slow, 0);
    for (const [index, name] of [...'cdefghijkl'].entries()) putUnit(name, (index + 2) * 1_000);
    feed.publish();
    await sleep(30);
    while (cursor.stats.skips === 0) slow.release();
    const [prefix, ...rest] = slow.parts.slice(0, -1);
    expect(prefix?.length).toBe(188);
    expect(Buffer.concat(rest).length % (unitPackets * 188)).toBe(0);
    expect(slow.parts.at(-1)?.toString('latin1', 0, 1)).toBe('[');
  });

  it('drops a reader of opaque fragments instead of sending it half of one', async () => {
    const feed = new Feed(LIMITS, true);
    put(feed, 'a', 0, 188);
    const slow = new Reader(true);
    new Cursor(feed, await feed.entry(), slow, 0);
    for (let n = 0; n < 8; n++) put(feed, 'b', 1_000 * (n + 1), CHUNK_BYTES);
    await sleep(30);
    slow.release();
    expect(slow.dropped_).toEqual(['fell_behind']);
    expect(feed.readerCount).toBe(0);
  });

  it('drops a reader that takes nothing for the stall time, and only then', async () => {
    const feed = new Feed(LIMITS);
    put(feed, 'a', 0, 188);
    const stuck = new Reader(true);
    const cursor = new Cursor(feed, await feed.entry(), stuck, 1_000);
    const idle = new Reader();
    const waiting = new Cursor(feed, await feed.entry(), idle, 1_000);
    await until(() => idle.parts.length === 2 && idle.pending.length === 0, { what: 'the other one to take all' });
    const now = performance.now();
    cursor.checkStall(now + 900);
    expect(stuck.dropped_).toEqual([]);
    cursor.checkStall(now + 1_100);
    expect(stuck.dropped_).toEqual(['stalled']);
    // Nothing to read is not the reader's fault.
    waiting.checkStall(now + 60_000);
    expect(idle.dropped_).toEqual([]);
  });

  it('goes by a stall time that has become shorter since', async () => {
    const feed = new Feed(LIMITS);
    put(feed, 'a', 0, 188);
    const stuck = new Reader(true);
    let stallMs = 0;
    const cursor = new Cursor(feed, await feed.entry(), stuck, () => stallMs);
    const now = performance.now();
    cursor.checkStall(now + 900_000);
    stallMs = 1_000;
    cursor.checkStall(now + 900);
    expect(stuck.dropped_).toEqual([]);
    cursor.checkStall(now + 1_100);
    expect(stuck.dropped_).toEqual(['stalled']);
  });

  it('ends at a limit as if the feed had ended there', async () => {
    const feed = new Feed(LIMITS);
    put(feed, 'a', 0, 188);
    const reader = new Reader();
    const cursor = new Cursor(feed, await feed.entry(), reader, 0);
    put(feed, 'b', 40, 188);
    cursor.limitTo(188);
    await sleep(50);
    expect(reader.text).toBe(`[a]${'a'.repeat(188)}`);
    expect(reader.end?.kind).toBe('ended');
  });

  it('tells those who wait for the first entry why there will be none', async () => {
    const feed = new Feed(LIMITS);
    const waiting = feed.entry();
    feed.finish({ kind: 'failed', error: new Error('no source') });
    await expect(waiting).rejects.toThrow('no source');
    await expect(feed.entry()).rejects.toThrow('no source');
  });
});
