/** Splits work that is too large for one step. Pure. */

/** Lists of items whose JSON takes at most `bytes` each, in order; a larger item is alone in its list. */
export function inParts<T>(items: readonly T[], bytes: number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    const size = JSON.stringify(item).length;
    if (size > left) {
      parts.push([]);
      left = bytes;
    }
    parts.at(-1)?.push(item);
    left -= size;
  }
  return parts;
}
