/** Tickets say what they were issued with, to every worker of the cluster and for one stream, and nobody can make or change one. */

import { describe, expect, it } from 'vitest';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import {
  issueTicket,
  MAX_TICKET_CHARACTERS,
  openTicket,
  sessionClientId,
} from '../../../../services/proxy/src/viewers/sessions/tickets.ts';

const [STREAM, OTHER] = ['a'.repeat(32), 'b'.repeat(32)];
const TICKET = { clientId: 'tv', username: 'joe', issuedAtMs: 1_764_000_000_123 };
const sealer = new Sealer(() => ['a secret of the cluster']);
const text = issueTicket(sealer, STREAM, TICKET);

describe('a ticket', () => {
  it('is letters and digits, and says what it was issued with on another worker', () => {
    expect(text).toMatch(/^[0-9a-f]+$/);
    const another = new Sealer(() => ['a secret of the cluster']);
    expect(openTicket(another, STREAM, text)).toEqual(TICKET);
    const unnamed = { ...TICKET, username: undefined };
    expect(openTicket(sealer, STREAM, issueTicket(sealer, STREAM, unnamed))).toEqual(unnamed);
  });

  it('is opened after the secret has changed, as long as the former one counts', () => {
    const changed = new Sealer(() => ['a new secret', 'a secret of the cluster']);
    expect(openTicket(changed, STREAM, text)).toEqual(TICKET);
    expect(openTicket(new Sealer(() => ['a new secret']), STREAM, text)).toBeUndefined();
  });

  it.each<[string, string]>([
    ['of another stream', OTHER],
    ['of no stream', ''],
  ])('is worth nothing for a stream other than its own: %s', (_, stream) => {
    expect(openTicket(sealer, stream, text)).toBeUndefined();
  });

  it('cannot be changed in any digit, cut, or made longer', () => {
    for (let at = 0; at < text.length; at++) {
      const digit = text[at] === '0' ? '1' : '0';
      expect(openTicket(sealer, STREAM, text.slice(0, at) + digit + text.slice(at + 1)), `digit ${at}`).toBeUndefined();
      expect(openTicket(sealer, STREAM, text.slice(0, at)), `${at} digits`).toBeUndefined();
    }
    expect(openTicket(sealer, STREAM, `${text}00`)).toBeUndefined();
    expect(openTicket(sealer, STREAM, text.toUpperCase())).toBeUndefined();
  });

  it('is not what was sealed for another use', () => {
    const reference = sealer.seal('reference', STREAM, 'mhz\ntv\njoe');
    const written = Buffer.from(reference, 'base64url').toString('hex');
    for (const each of [reference, written]) expect(openTicket(sealer, STREAM, each)).toBeUndefined();
  });

  it.each(['', 'x', 'zz', '../..', '00'.repeat(200)])('is not the text %j', (forged) => {
    expect(openTicket(sealer, STREAM, forged)).toBeUndefined();
  });
});

describe('a long name or id', () => {
  it.each<[string, string]>([
    ['ASCII', 'joe'.repeat(100)],
    ['of several bytes a character', '🦊é'.repeat(100)],
  ])('%s: the name is cut, the ticket stays short', (_, username) => {
    const long = issueTicket(sealer, STREAM, { ...TICKET, clientId: 'x'.repeat(64), username });
    expect(long.length).toBeLessThanOrEqual(MAX_TICKET_CHARACTERS);
    const opened = openTicket(sealer, STREAM, long);
    expect(opened?.clientId).toBe('x'.repeat(64));
    expect(opened?.username?.length).toBeGreaterThan(15);
    expect(username.startsWith(opened?.username ?? '-')).toBe(true);
    expect(opened?.username).not.toContain('\ufffd');
  });

  it('is hashed where it is an id: the same each time, and no other id has it', () => {
    const long = 'x'.repeat(128);
    const opened = openTicket(sealer, STREAM, issueTicket(sealer, STREAM, { ...TICKET, clientId: long }));
    expect(opened?.clientId).toBe(sessionClientId(long));
    expect(sessionClientId(long)).toMatch(/^client_[0-9a-f]{32}$/);
    expect(sessionClientId(`${long}y`)).not.toBe(sessionClientId(long));
    expect(sessionClientId('x'.repeat(64))).toBe('x'.repeat(64));
  });
});
