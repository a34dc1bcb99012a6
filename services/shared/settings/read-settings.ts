/** Reads a table of settings from the environment. Checks and types each, or refuses with all reasons at once. */
import type { Environment, Setting } from './setting.ts';

export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of a table of settings. */
export type ValuesOf<Table extends SettingsTable> = {
  readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never;
};

/** All settings that cannot be used, with one line each that says what is allowed. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'a setting' : `${problems.length} settings`;
    super(`Streampool did not start because of ${count}:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * The values of the settings in `table`.
 *
 * @throws {ConfigError} naming every setting that is wrong
 */
export function readSettings<Table extends SettingsTable>(table: Table, env: Environment): ValuesOf<Table> {
  const given = byUpperCaseName(env);
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, setting] of Object.entries<Setting<unknown>>(table)) {
    const { env: name, kind, fallback } = setting;
    const raw = given[name] ?? (typeof fallback === 'function' ? fallback(env) : fallback);
    if (raw === undefined) continue;
    const result = kind.schema.safeParse(raw);
    if (result.success) values[key] = result.data;
    else problems.push(`${name}=${kind.secret ? '(hidden)' : JSON.stringify(raw)}: must be ${kind.allowed}.`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // Every key is now set or has no default, as ValuesOf says. Only this line asserts it.
  return values as ValuesOf<Table>;
}

/** Settings under their upper-case names, without the empty ones. */
export function byUpperCaseName(env: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value.trim() === '') continue;
    const upper = name.toUpperCase();
    if (name === upper || result[upper] === undefined) result[upper] = value;
  }
  return result;
}
