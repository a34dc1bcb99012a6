/** The worker's configuration: environment variables in, one typed and checked object out. */
import { IGNORED_SETTINGS } from './config/ignored.ts';
import type { Environment, Setting } from './config/setting.ts';
import { SETTING_GROUPS, SETTINGS } from './config/settings.ts';

export type { PrivateSources, TrustProxy } from './config/kinds.ts';
export type { Environment } from './config/setting.ts';

type ValueOf<S> = S extends Setting<infer T> ? T : never;

/** Every setting. Times end in `Ms`, sizes in `Bytes`; a limit of 0 means "no limit" where the table says so. */
export type Config = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> };

export type SharingStrategy = Config['sharingStrategy'];
export type HwAccelType = Config['hwAccelType'];

/** The settings that cannot be used, all of them, each as one line that says what is allowed. */
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
 * Reads the settings. Names count in any case (the upper-case one wins), an empty value counts as unset, and nothing
 * but `env` is read: no `.env` file (`node --env-file=.env dist/proxy/main.js` and docker compose read one).
 *
 * @throws {ConfigError} naming every setting that is wrong
 * @example const config = loadConfig(process.env); // config.sharedStreamGraceMs === 3000
 */
export function loadConfig(env: Environment): Config {
  const given = byUpperCaseName(env);
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, setting] of Object.entries<Setting<unknown>>(SETTINGS)) {
    const { env: name, kind, fallback } = setting;
    const raw = given[name] ?? (typeof fallback === 'function' ? fallback(env) : fallback);
    if (raw === undefined) continue;
    const result = kind.schema.safeParse(raw);
    if (result.success) values[key] = result.data;
    else problems.push(`${name}=${kind.secret ? '(hidden)' : JSON.stringify(raw)}: must be ${kind.allowed}.`);
  }
  // Every key of SETTINGS is now set or has no default, which is what Config says; this is the one place that asserts it.
  const config = values as Config;
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** One line for each setting of m3u-proxy that is set and has no effect here; for the log at start. */
export function ignoredSettings(env: Environment): string[] {
  const given = byUpperCaseName(env);
  return Object.entries(IGNORED_SETTINGS)
    .filter(([name]) => given[name] !== undefined)
    .map(([name, reason]) => `${name} has no effect: ${reason}.`);
}

/** The settings as Markdown tables, one a group. The README holds exactly this between its settings markers. */
export function settingsTable(): string {
  return Object.entries(SETTING_GROUPS)
    .map(([title, group]) => {
      const rows = Object.values<Setting<unknown>>(group).map(row);
      return [`### ${title}`, '', '| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
    })
    .join('\n\n');
}

function row({ env, fallback, shownDefault, meaning, kind }: Setting<unknown>): string {
  const shown = shownDefault ?? `\`${typeof fallback === 'string' ? fallback : ''}\``;
  const allowed = kind.allowed.startsWith('one of ') ? ` ${capital(kind.allowed)}.` : '';
  return `| \`${env}\` | ${shown} | ${meaning}${allowed} |`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

/** Settings under their upper-case names, without the empty ones. */
function byUpperCaseName(env: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || value.trim() === '') continue;
    const upper = name.toUpperCase();
    if (name === upper || result[upper] === undefined) result[upper] = value;
  }
  return result;
}
