/** Compares secrets in constant time. */

import { createHash, timingSafeEqual } from 'node:crypto';

/** Takes the same time for any texts of any length. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
