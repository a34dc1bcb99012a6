/** What viewers carry: nobody can make, read, change or exchange it, and every worker of the cluster can read it. */

import { describe, expect, it } from 'vitest';
import { SEAL_OVERHEAD_BYTES, Sealer } from '../../services/proxy/src/sealer.ts';

const STREAM = 'a'.repeat(32);
const OTHER_STREAM = 'b'.repeat(32);
const URL = 'https://user:password@provider.example/live/hd.m3u8?token=abc';

const same = (content: string): string => content;
const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64url');
const sealerOf = (...secrets: [string, ...string[]]) => new Sealer(() => secrets);

describe('a sealed text', () => {
  const sealed = sealerOf('secret').seal('reference', STREAM, URL);

  it('is read by every worker that knows the secret', () => {
    expect(sealerOf('secret').open('reference', STREAM, sealed, same)).toBe(URL);
    expect(bytesOf(sealed).length).toBe(Buffer.byteLength(URL) + SEAL_OVERHEAD_BYTES);
  });

  it('is the same for the same content, on every worker, and another for another content, stream or use', () => {
    const again = sealerOf('secret');
    expect(again.seal('reference', STREAM, URL)).toBe(sealed);
    const others = [
      again.seal('reference', STREAM, `${URL}&`),
      again.seal('reference', OTHER_STREAM, URL),
      again.seal('ticket', STREAM, URL),
      sealerOf('another').seal('reference', STREAM, URL),
    ];
    expect(new Set([sealed, ...others]).size).toBe(5);
  });

  it('shows nothing of its content', () => {
    for (const part of ['provider', 'password', 'token'])
      expect(bytesOf(sealed).toString('latin1')).not.toContain(part);
  });

  it.each([
    ['another stream', () => sealerOf('secret').open('reference', OTHER_STREAM, sealed, same)],
    ['another use', () => sealerOf('secret').open('ticket', STREAM, sealed, same)],
    ['another cluster', () => sealerOf('another').open('reference', STREAM, sealed, same)],
    ['nothing', () => sealerOf('secret').open('reference', STREAM, '', same)],
    ['an address in the clear', () => sealerOf('secret').open('reference', STREAM, URL, same)],
    ['something longer', () => sealerOf('secret').open('reference', STREAM, `${sealed}AA`, same)],
  ])('does not open for %s', (_what, open) => expect(open()).toBeUndefined());

  it('does not open when a single byte is changed or missing', () => {
    const sealer = sealerOf('secret');
    const bytes = bytesOf(sealed);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const cut = bytes.subarray(0, at);
      for (const each of [changed, cut])
        expect(sealer.open('reference', STREAM, each.toString('base64url'), same)).toBeUndefined();
    }
  });

  it('opens as long as its secret is one of the cluster, and never after that, however often it was opened', () => {
    let secrets: [string, ...string[]] = ['new', 'secret'];
    const sealer = new Sealer(() => secrets);
    for (let n = 0; n < 3; n++) expect(sealer.open('reference', STREAM, sealed, same)).toBe(URL);
    secrets = ['new'];
    expect(sealer.open('reference', STREAM, sealed, same)).toBeUndefined();
    secrets = ['secret'];
    expect(sealer.open('reference', STREAM, sealed, same)).toBe(URL);
  });

  it('opens among many others', () => {
    const sealer = sealerOf('secret');
    const many = Array.from({ length: 3_000 }, (_, n) => sealer.seal('ticket', STREAM, `${n} ${'x'.repeat(1_000)}`));
    for (let turn = 0; turn < 2; turn++) {
      for (const [n, each] of many.entries())
        expect(sealer.open('ticket', STREAM, each, same)?.split(' ')[0]).toBe(`${n}`);
    }
  });

  it('holds nothing, or any text', () => {
    const sealer = sealerOf('secret');
    for (const content of ['', '\0', 'ä€😀', 'x'.repeat(4_000)])
      expect(sealer.open('ticket', STREAM, sealer.seal('ticket', STREAM, content), same)).toBe(content);
  });
});

it('reads what was sealed with a former secret, and seals with the current one', () => {
  let secrets: [string, ...string[]] = ['alone'];
  const sealer = new Sealer(() => secrets);
  const before = sealer.seal('ticket', STREAM, 'viewer');
  secrets = ['of the cluster', 'alone'];
  expect(sealer.open('ticket', STREAM, before, same)).toBe('viewer');
  const after = sealer.seal('ticket', STREAM, 'viewer');
  expect(sealerOf('of the cluster').open('ticket', STREAM, after, same)).toBe('viewer');
  secrets = ['of the cluster'];
  expect(sealer.open('ticket', STREAM, before, same)).toBeUndefined();
});
