/**
 * The ids that the connections of one player get. A player that opens a second connection asks for the id of its first one; the
 * later ones are found again by it, wherever they are served.
 */

import { createHash, randomBytes } from 'node:crypto';

/** A player that gives up on connections and opens others leaves so many behind within CLIENT_TIMEOUT at the most. */
const LATER_IDS = 4;

/** @returns the wanted id and what follows when it is taken, in this order; the last one is taken by nobody */
export function clientIds(wanted: string): string[] {
  const later = Array.from({ length: LATER_IDS }, (_, n) => createHash('md5').update(`${wanted} ${n}`).digest('hex'));
  return [wanted, ...[...later, randomBytes(4).toString('hex')].map((hex) => `${wanted}_${hex.slice(0, 8)}`)];
}
