/** Hides secrets in a structure of fields, such as a log line: by the names of the fields, and in every text. Pure. */

import { maskText } from './mask.ts';
import { HIDDEN, isSecretHeader } from './what-is-masked.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A field that names a caller: `token:ops` says which token was used, not its value. */
const CALLER = 'who';

/** @param secrets hidden in every text: see `maskText` */
export function maskFields(value: unknown, secrets: readonly string[] = []): unknown {
  if (typeof value === 'string') return maskText(value, secrets);
  if (Array.isArray(value)) return value.map((entry) => maskFields(entry, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as Fields).map(([name, field]) => [name, maskField(name, field, secrets)]),
  );
}

function maskField(name: string, field: unknown, secrets: readonly string[]): unknown {
  if (field === null || typeof field === 'boolean' || typeof field === 'number') return field;
  if (name === CALLER) return field;
  if (isSecretHeader(name)) return HIDDEN;
  // The Redis client adds its command to errors: the arguments may be a password or whole records.
  if (name === 'command' && typeof field === 'object' && 'args' in field) return { ...field, args: HIDDEN };
  return maskFields(field, secrets);
}
