/** Everything that a Redis holds, in one form whatever order it keeps it in: two are the same if these are equal. Pure. */

/** By key. */
export type Dump = Record<
  string,
  { readonly kind: string; readonly value: unknown; readonly expiresAtMs: number | undefined }
>;

/** An entry of a Redis Stream: its id, then names and values in turn. */
export type StreamText = readonly [id: string, fields: readonly string[]];

export interface DumpedKey {
  readonly key: string;
  /** As TYPE says it. */
  readonly kind: string;
  /** As GET, HGETALL, SMEMBERS, ZRANGE WITHSCORES, LRANGE and XRANGE answer. */
  readonly value: string | readonly string[] | readonly StreamText[];
  readonly expiry: number | undefined;
}

export function dumpOf(keys: readonly DumpedKey[]): Dump {
  const sorted = [...keys].sort((a, b) => (a.key < b.key ? -1 : 1));
  return Object.fromEntries(
    sorted.map(({ key, kind, value, expiry }) => [key, { kind, value: contentOf(kind, value), expiresAtMs: expiry }]),
  );
}

function contentOf(kind: string, value: DumpedKey['value']): unknown {
  if (typeof value === 'string') return unpacked(value);
  if (kind === 'stream') return entriesIn(value as readonly StreamText[]);
  const texts = (value as readonly string[]).map(unpacked);
  if (kind === 'list' || kind === 'zset') return texts;
  if (kind === 'set') return [...value].sort();
  return fieldsIn(value as readonly string[]);
}

/** In no order: a script that writes several entries goes through a set, and Redis promises no order of that. */
function entriesIn(entries: readonly StreamText[]): unknown {
  const contents = entries.map(([, fields]) =>
    fieldsIn(fields.flatMap((name, at) => (isNumber(fields, at) ? [] : name))),
  );
  return contents.sort((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
}

/** The same text whatever the order of the fields. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, each]) => `${name}:${textOf(each)}`).join()}}`;
}

/** Whether this is the number of the entry, or its name. */
function isNumber(fields: readonly string[], at: number): boolean {
  return fields[at - (at % 2)] === 'n';
}

function fieldsIn(flat: readonly string[]): unknown {
  const fields: [string, unknown][] = [];
  for (let at = 0; at < flat.length; at += 2) fields.push([flat[at] as string, unpacked(flat[at + 1] as string)]);
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
