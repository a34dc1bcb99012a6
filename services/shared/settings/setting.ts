/** One row of the settings table: an environment variable, its kind, its default and its meaning. */
import type { Kind } from './kinds.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Setting<T, Name extends string = string> {
  readonly env: Name;
  readonly kind: Kind<T>;
  /** The default as text, or a function when it depends on the machine; none: the setting stays undefined. */
  readonly fallback: string | ((env: Environment) => string) | undefined;
  /** How people see the default, if not as the text above. */
  readonly shownDefault: string | undefined;
  /** What it does, in one sentence, with its unit. */
  readonly meaning: string;
}

export function setting<T, const Name extends string>(
  env: Name,
  kind: Kind<T>,
  fallback: string | ((env: Environment) => string),
  meaning: string,
  shownDefault?: string,
): Setting<T, Name> {
  return { env, kind, fallback, shownDefault, meaning };
}

/** A setting that may stay unset; it is `undefined` then. */
export function optional<T, const Name extends string>(
  env: Name,
  kind: Kind<T>,
  meaning: string,
  shownDefault: string,
): Setting<T | undefined, Name> {
  return { env, kind, fallback: undefined, shownDefault, meaning };
}
