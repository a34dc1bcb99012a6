/** Attribute lists of HLS tags (RFC 8216, 4.2). Pure. */

export type Attributes = ReadonlyMap<string, string>;

/** The attributes of a line, without quotation marks. */
export function attributesOf(line: string): Attributes {
  const list = line.slice(line.indexOf(':') + 1);
  const pairs = list.matchAll(/([A-Z0-9-]+)\s*=\s*("[^"]*"|[^,]*)/g);
  return new Map([...pairs].map(([, name = '', value = '']) => [name, value.replace(/"/g, '').trim()]));
}
