/** The JSON of objects that seldom change: made once for each, and kept for as long as somebody has the object. */

/**
 * @param view what is shown of an object; it depends on nothing else
 *
 * @example const textOf = keptText(viewOf); textOf(record); // the second time without viewOf
 */
export function keptText<T extends object>(view: (of: T) => object): (of: T) => string {
  const texts = new WeakMap<T, string>();
  return (of) => {
    const kept = texts.get(of);
    if (kept !== undefined) return kept;
    const text = JSON.stringify(view(of));
    texts.set(of, text);
    return text;
  };
}
