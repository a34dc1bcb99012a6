/**
 * The ids for connections of one player. A player that opens a second connection asks for the id of its first one. From that
 * id the later ones can be found again, whichever worker serves them.
 */

import { createHash } from 'node:crypto';
import { CONSOLE_CLIENT } from '../shared/console/lists.ts';

/** A player that drops connections and opens others leaves at most this many behind within CLIENT_TIMEOUT. */
const LATER_IDS = 4;

/**
 * @param randomHex draws so many bytes
 * @returns the wanted id, then the ids to use when it is taken, in this order; the last one is always free
 */
export function clientIds(wanted: string, randomHex: (bytes: number) => string): string[] {
  const later = Array.from({ length: LATER_IDS }, (_, n) => createHash('md5').update(`${wanted} ${n}`).digest('hex'));
  return [wanted, ...[...later, randomHex(4)].map((hex) => `${wanted}_${hex.slice(0, 8)}`)];
}

/** The ids of a session, which all workers have to know: another client may have the wanted one. */
export function sessionIds(wanted: string): string[] {
  return [wanted, `${wanted}_hls`];
}

/** Whether a client is a player in a page of the console: somebody looks whether a stream plays. */
export function isLooking(clientId: string): boolean {
  return clientId.startsWith(CONSOLE_CLIENT);
}
