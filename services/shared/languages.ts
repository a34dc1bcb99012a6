/** Gives each language one code, however it is written: `de`, `de-AT`, `ger` and `deu` are the same. */

import { iso6392 } from 'iso-639-2';

/** Keyed by every code: ISO 639-1, and both forms of ISO 639-2. */
const CODES = new Map(
  iso6392.flatMap(({ iso6391, iso6392B, iso6392T = iso6392B }) =>
    [iso6391, iso6392B, iso6392T].flatMap((code) => (code === undefined ? [] : [[code, iso6392T] as const])),
  ),
);

/** Keyed by the terminological code, where the bibliographic one is another. */
const BIBLIOGRAPHIC = new Map(
  iso6392.flatMap(({ iso6392B, iso6392T }) => (iso6392T === undefined ? [] : [[iso6392T, iso6392B] as const])),
);

/** How files write a language: MP4 has the terminological code (`deu`), Matroska the bibliographic one (`ger`). */
export function codesInFiles(code: string): readonly string[] {
  const other = BIBLIOGRAPHIC.get(code);
  return other === undefined ? [code] : [code, other];
}

/** The terminological ISO 639-2 code of a language code, or of a BCP 47 tag that begins with one; undefined for other text. */
export function languageCode(text: string): string | undefined {
  return CODES.get((text.trim().split(/[-_]/, 1)[0] ?? '').toLowerCase());
}
