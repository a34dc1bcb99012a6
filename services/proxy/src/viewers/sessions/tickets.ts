/**
 * Tickets: what a player carries from request to request, so that any worker knows its session without asking for it. A ticket stands
 * in the path of playlists and segments. It proves that the playback began legitimately, and holds for one stream.
 */

import { createHash } from 'node:crypto';
import { SEAL_OVERHEAD_BYTES, type Sealer } from '../../sealer.ts';

export interface Ticket {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly issuedAtMs: number;
}

/** FFmpeg and others limit the length of a line in a playlist, and m3u-editor that of a path component. */
export const MAX_TICKET_CHARACTERS = 300;
/** Hex digits are two for a byte. */
const MAX_CONTENT_BYTES = MAX_TICKET_CHARACTERS / 2 - SEAL_OVERHEAD_BYTES;
/** The rest is for the time and for the name. */
const MAX_CLIENT_ID_BYTES = 64;

/** The id by which a session is counted, given the one that its player wants: a long one would not fit into a ticket. */
export function sessionClientId(wanted: string): string {
  if (Buffer.byteLength(wanted) <= MAX_CLIENT_ID_BYTES) return wanted;
  return `client_${createHash('sha256').update(wanted).digest('hex').slice(0, 32)}`;
}

/** @returns letters and digits only, so that the ticket can stand behind the id of its stream */
export function issueTicket(sealer: Sealer, streamId: string, { clientId, username, issuedAtMs }: Ticket): string {
  const head = `${issuedAtMs.toString(36)}\n${sessionClientId(clientId)}\n`;
  const name = cut(username ?? '', MAX_CONTENT_BYTES - Buffer.byteLength(head));
  return sealer.seal('ticket', streamId, head + name);
}

/** What a ticket says; undefined for a text that this cluster did not issue for this stream. */
export function openTicket(sealer: Sealer, streamId: string, text: string): Ticket | undefined {
  return text.length > MAX_TICKET_CHARACTERS ? undefined : sealer.open('ticket', streamId, text, read);
}

function read(content: string): Ticket | undefined {
  const [, issued = '', clientId = '', name = ''] = /^([0-9a-z]+)\n([^\n]+)\n(.*)$/s.exec(content) ?? [];
  const issuedAtMs = Number.parseInt(issued, 36);
  if (!Number.isSafeInteger(issuedAtMs)) return undefined;
  return { clientId, username: name === '' ? undefined : name, issuedAtMs };
}

/** The beginning of a text, in whole characters. */
function cut(text: string, maxBytes: number): string {
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > maxBytes) break;
    kept += character;
  }
  return kept;
}
