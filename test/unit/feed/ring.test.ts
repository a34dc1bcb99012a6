/** The ring: what it keeps, what it lets go, where a reader enters. */

import { describe, expect, it } from 'vitest';
import { CHUNK_BYTES } from '../../../services/proxy/src/feed/chunk.ts';
import { Ring, type RingLimits } from '../../../services/proxy/src/feed/ring.ts';

const LIMITS: RingLimits = { retainMs: 4_000, joinBufferMs: 2_000, maxBytes: 100 * CHUNK_BYTES };

/** Appends one GOP of `bytes` that starts at `mediaMs` and lasts `gopMs`. */
function gop(ring: Ring, mediaMs: number, gopMs: number, bytes: number, fill = 0): void {
  ring.mark(Buffer.from([fill]), mediaMs);
  ring.append(Buffer.alloc(bytes, fill), 0, bytes);
  ring.advance(mediaMs + gopMs - 40);
}

describe('Ring', () => {
  it('gives back what was appended, across chunks, without copying', () => {
    const ring = new Ring(LIMITS);
    const bytes = Buffer.alloc(2 * CHUNK_BYTES + 1_000);
    for (let at = 0; at < bytes.length; at++) bytes[at] = at % 251;
    for (let at = 0; at < bytes.length; at += 7_777) ring.append(bytes, at, Math.min(at + 7_777, bytes.length));
    const parts: Buffer[] = [];
    for (let position = 0; position < ring.head; position += parts.at(-1)?.length ?? 1) {
      parts.push(ring.view(position, ring.head, 50_000) as Buffer);
    }
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    const view = ring.view(10, ring.head, 100) as Buffer;
    expect(view.buffer).toBe((ring.view(20, ring.head, 100) as Buffer).buffer);
  });

  it('offers nothing that is gone or not there yet', () => {
    const ring = new Ring({ ...LIMITS, maxBytes: 2 * CHUNK_BYTES });
    gop(ring, 0, 1_000, 5 * CHUNK_BYTES);
    expect(ring.tail).toBe(3 * CHUNK_BYTES);
    expect(ring.view(0, ring.head, 100)).toBeUndefined();
    expect(ring.view(ring.head, ring.head, 100)).toBeUndefined();
  });

  it('lets a reader in at the newest entry that leaves the join buffer behind it', () => {
    const ring = new Ring(LIMITS);
    gop(ring, 0, 2_000, 1_000);
    expect(ring.joinEntry()?.mediaMs).toBe(0);
    gop(ring, 2_000, 2_000, 1_000);
    expect(ring.joinEntry()?.mediaMs).toBe(0);
    ring.advance(4_000);
    expect(ring.joinEntry()?.mediaMs).toBe(2_000);
    expect(ring.newestEntry()?.mediaMs).toBe(2_000);
  });

  it('keeps the wanted time and no more than a chunk beyond it', () => {
    const ring = new Ring(LIMITS);
    for (let n = 0; n < 100; n++) gop(ring, n * 1_000, 1_000, CHUNK_BYTES / 2);
    const oldest = ring.entries[0]?.mediaMs ?? 0;
    expect(ring.headMs - oldest).toBeGreaterThanOrEqual(LIMITS.retainMs);
    expect(ring.headMs - oldest).toBeLessThan(LIMITS.retainMs + 4_000);
  });

  it('keeps the join buffer and two GOPs where that is more than the wanted time', () => {
    const ring = new Ring({ ...LIMITS, retainMs: 1_000 });
    for (let n = 0; n < 20; n++) gop(ring, n * 10_000, 10_000, 2 * CHUNK_BYTES);
    expect(ring.headMs - (ring.entries[0]?.mediaMs ?? 0)).toBeGreaterThanOrEqual(22_000);
  });

  it('never holds more than its maximum, whatever it should keep', () => {
    const ring = new Ring({ ...LIMITS, maxBytes: 8 * CHUNK_BYTES });
    for (let n = 0; n < 50; n++) {
      gop(ring, n * 10_000, 10_000, 3 * CHUNK_BYTES);
      expect(ring.heldBytes).toBeLessThanOrEqual(8 * CHUNK_BYTES);
    }
    ring.setLimits({ ...LIMITS, maxBytes: 4 * CHUNK_BYTES });
    gop(ring, 500_000, 10_000, CHUNK_BYTES);
    expect(ring.heldBytes).toBeLessThanOrEqual(4 * CHUNK_BYTES);
    expect(ring.entries.every((entry) => entry.position >= ring.tail)).toBe(true);
  });
});
