/** Everything that a Redis holds, in one form whatever order it keeps it in: two are the same if these are equal. Pure. */

/** By key. */
export type Dump = Record<
  string,
  { readonly kind: string; readonly value: unknown; readonly expiresAtMs: number | undefined }
>;

export interface DumpedKey {
  readonly key: string;
  /** As TYPE says it. */
  readonly kind: string;
  /** As GET, HGETALL, SMEMBERS, ZRANGE WITHSCORES and LRANGE answer. */
  readonly value: string | readonly string[];
  readonly expiry: number | undefined;
}

export function dumpOf(keys: readonly DumpedKey[]): Dump {
  const sorted = [...keys].sort((a, b) => (a.key < b.key ? -1 : 1));
  return Object.fromEntries(
    sorted.map(({ key, kind, value, expiry }) => [key, { kind, value: contentOf(kind, value), expiresAtMs: expiry }]),
  );
}

function contentOf(kind: string, value: string | readonly string[]): unknown {
  if (typeof value === 'string') return unpacked(value);
  const texts = value.map(unpacked);
  if (kind === 'list' || kind === 'zset') return texts;
  if (kind === 'set') return [...value].sort();
  const fields: [string, unknown][] = [];
  for (let at = 0; at < value.length; at += 2) fields.push([value[at] as string, texts[at + 1]]);
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON is compared by what it says: writers differ in the order of fields and in what they escape. */
function unpacked(text: string): unknown {
  if (!/^[[{]/.test(text)) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
