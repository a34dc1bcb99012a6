/** The values that a playlist defines with `EXT-X-DEFINE` and uses as `{$name}` (RFC 8216bis, 4.4.2.3). Pure. */

import { attributesOf } from './attribute-list.ts';

/** By name. */
export type HlsValues = ReadonlyMap<string, string>;

export interface ValueSources {
  /** The playlist's URL, for `QUERYPARAM`. */
  readonly baseUrl: string;
  /** What the multivariant playlist has, for `IMPORT`. */
  readonly imported: HlsValues;
}

/** What one tag defines: a name and its value, or nothing. */
export function definedBy(line: string, { baseUrl, imported }: ValueSources): [name: string, value: string][] {
  const attributes = attributesOf(line);
  const name = attributes.get('NAME');
  if (name !== undefined) return [[name, attributes.get('VALUE') ?? '']];
  const parameter = attributes.get('QUERYPARAM');
  if (parameter !== undefined) return [[parameter, quotable(new URL(baseUrl).searchParams.get(parameter) ?? '')]];
  const wanted = attributes.get('IMPORT');
  const value = wanted === undefined ? undefined : imported.get(wanted);
  return wanted === undefined || value === undefined ? [] : [[wanted, value]];
}

/** A value of the playlist's query, written as a definition of its own: the viewer's address has another query. */
export function writtenOut(line: string, values: HlsValues): string {
  return line.replace(/(^|[,:])QUERYPARAM="([^"]*)"/, (_whole, before: string, name: string) => {
    return `${before}NAME="${name}",VALUE="${values.get(name) ?? ''}"`;
  });
}

/** A text with each `{$name}` that is defined replaced. */
export function withValues(text: string, values: HlsValues): string {
  if (values.size === 0) return text;
  return text.replace(/\{\$([\w-]+)\}/g, (whole, name: string) => values.get(name) ?? whole);
}

/** What ends a quoted text or a line stays encoded. */
function quotable(value: string): string {
  return value.replace(/["\r\n\0]/g, (character) => encodeURIComponent(character));
}
