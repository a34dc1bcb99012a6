/** Comparison of secrets: how long it takes says nothing about them. */

import { createHash, timingSafeEqual } from 'node:crypto';

/** Takes the same time whatever is alike, and whatever the lengths are. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
