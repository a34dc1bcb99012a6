/** Percent-encoded text as a lenient server reads it. Pure. */

/** Enough for an encoded URL in an encoded URL, plus one more level. */
const MAX_ROUNDS = 4;

/**
 * Decodes until nothing is left to decode. Bytes that are not UTF-8 become Latin-1, and a lone `%` stays.
 *
 * @param each changes the text after each round
 */
export function decoded(text: string, each: (text: string) => string = (plain) => plain): string {
  let plain = each(text);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = plain.replace(/(?:%[0-9a-f]{2})+/gi, bytesOf);
    if (next === plain) break;
    plain = each(next);
  }
  return plain;
}

function bytesOf(run: string): string {
  try {
    return decodeURIComponent(run);
  } catch {
    return Buffer.from(run.replaceAll('%', ''), 'hex').toString('latin1');
  }
}
