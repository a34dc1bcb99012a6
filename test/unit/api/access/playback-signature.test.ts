// Signatures of playback URLs: what each is worth, for which stream, at which time, and every way of writing it differently.
import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judge, sign } from '../../../../services/proxy/src/api/access/playback-signature.ts';

const SECRET = 'a secret of a cluster';
const ID = '5b0c2f6b1d6f4c1e8a7b9c0d1e2f3a4b';
const NOW_MS = 1_790_000_000_500;
const GOOD = sign(SECRET, ID, NOW_MS + 60_000);

const [expiry = '', code = ''] = GOOD.split('.');
/** The same 32 bytes with another last character: 43 characters of base64url hold two bits more. */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const twin = code.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(code.slice(-1)) + 1);

describe('sign', () => {
  it('writes the expiry in seconds, rounded up, and an HMAC-SHA256 of it and the id as base64url', () => {
    expect(expiry).toBe('1790000061');
    const hmac = createHmac('sha256', SECRET).update(`streampool playback 1790000061 ${ID}`).digest('base64url');
    expect(code).toBe(hmac);
    expect(code).toMatch(/^[\w-]{43}$/);
  });

  it('needs no encoding in a URL, whatever the id is', () => {
    for (const id of [ID, '', 'a b&c', 'é'.repeat(600)]) {
      const signature = sign(SECRET, id, NOW_MS + 1);
      expect(encodeURIComponent(signature)).toBe(signature);
      expect(judge([SECRET], id, signature, NOW_MS)).toEqual({ kind: 'valid' });
    }
  });
});

describe('judge', () => {
  it.each<[string, string | undefined, string]>([
    ['the signature itself', GOOD, 'valid'],
    ['none', undefined, 'missing'],
    ['an empty one', '', 'missing'],
    ["another stream's", sign(SECRET, `${ID.slice(0, -1)}c`, NOW_MS + 60_000), 'wrong'],
    ['one that another secret made', sign('another secret', ID, NOW_MS + 60_000), 'wrong'],
    ['a later expiry', `${Number(expiry) + 1}.${code}`, 'wrong'],
    ['an earlier expiry', `${Number(expiry) - 1}.${code}`, 'wrong'],
    ['an expiry with a zero before it', `0${expiry}.${code}`, 'wrong'],
    ['an expiry in hexadecimal', `0x${Number(expiry).toString(16)}.${code}`, 'wrong'],
    ['an expiry with a fraction', `${expiry}.0.${code}`, 'wrong'],
    ['an endless expiry', `Infinity.${code}`, 'wrong'],
    ['an expiry of too many digits', `${'9'.repeat(30)}.${code}`, 'wrong'],
    ['an expired expiry that nobody signed', `1.${code}`, 'wrong'],
    ['another first character', `${expiry}.${code.startsWith('A') ? 'B' : 'A'}${code.slice(1)}`, 'wrong'],
    ['padding', `${GOOD}=`, 'wrong'],
    ['a code cut short', GOOD.slice(0, -1), 'wrong'],
    ['a code too long', `${GOOD}A`, 'wrong'],
    ['only the code', code, 'wrong'],
    ['only the expiry', expiry, 'wrong'],
    ['another case', `${expiry}.${code.toUpperCase()}`, 'wrong'],
    ['space around it', ` ${GOOD}`, 'wrong'],
    ['a line behind it', `${GOOD}\n`, 'wrong'],
  ])('%s', (_, signature, kind) => {
    expect(judge([SECRET], ID, signature, NOW_MS)).toEqual({ kind });
  });

  it.each<[number, string]>([
    [0, 'valid'],
    [1_790_000_060_999, 'valid'],
    [1_790_000_061_000, 'expired'],
    [Number.MAX_SAFE_INTEGER, 'expired'],
  ])('at %d ms it is %2$s', (nowMs, kind) => {
    expect(judge([SECRET], ID, GOOD, nowMs).kind).toBe(kind);
  });

  it('takes one spelling only, though another one has the same bytes', () => {
    expect(twin).not.toBe(code);
    expect(Buffer.from(twin, 'base64url')).toEqual(Buffer.from(code, 'base64url'));
    expect(judge([SECRET], ID, `${expiry}.${twin}`, NOW_MS)).toEqual({ kind: 'wrong' });
  });

  it('tells when one expired, and only of one that was valid', () => {
    const late = 1_790_000_100_000;
    expect(judge([SECRET], ID, GOOD, late)).toEqual({ kind: 'expired', expiredAtMs: 1_790_000_061_000 });
    expect(judge(['another secret'], ID, GOOD, late)).toEqual({ kind: 'wrong' });
    expect(judge(['another secret', SECRET], ID, GOOD, late).kind).toBe('expired');
  });
});
