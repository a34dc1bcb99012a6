/** The worker's configuration: environment variables in, one typed and checked object out. */

import { decoded } from '../../../shared/masking/decoded.ts';
import { byUpperCaseName, ConfigError, readSettings, type ValuesOf } from '../../../shared/settings/read-settings.ts';
import type { Environment, Setting } from '../../../shared/settings/setting.ts';
import { IGNORED_SETTINGS } from './ignored.ts';
import { SETTING_GROUPS, SETTINGS } from './settings.ts';

export type { PrivateSources, TrustProxy } from '../../../shared/settings/kinds.ts';
export { ConfigError } from '../../../shared/settings/read-settings.ts';
export type { Environment } from '../../../shared/settings/setting.ts';

/** Every setting. Times end in `Ms`, sizes in `Bytes`. A limit of 0 means "no limit" where the table says so. */
export type Config = ValuesOf<typeof SETTINGS>;

export type SharingStrategy = Config['sharingStrategy'];

/**
 * Reads the settings. The case of a name does not matter; the upper-case one wins. An empty value counts as unset. It
 * reads no `.env` file: `node --env-file=.env dist/proxy/main.js` and docker compose do.
 *
 * @throws {ConfigError} naming every setting that is wrong
 * @example const config = loadConfig(process.env); // config.sharedStreamGraceMs === 3000
 */
export function loadConfig(env: Environment): Config {
  refuseRenamed(env);
  const config = readSettings(SETTINGS, env);
  if (config.playbackAuth === 'signed' && config.apiToken === undefined) {
    throw new ConfigError([
      'PLAYBACK_AUTH=signed: needs API_TOKEN. Without it anybody could create streams and get signed URLs.',
    ]);
  }
  return config;
}

/** Settings of earlier versions, and what has taken their place. */
const RENAMED: Readonly<Record<string, string>> = { KEYFRAME_INTERVAL: 'HLS_SEGMENT_TIME' };

/** Ignored, such a setting would leave the worker with another behaviour than the one that was asked for. */
function refuseRenamed(env: Environment): void {
  const given = byUpperCaseName(env);
  const problems = Object.entries(RENAMED)
    .filter(([name]) => given[name] !== undefined)
    .map(([name, now]) => `${name}: is no setting any more. Set ${now} in its place.`);
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * The secrets among the settings, for `maskText`. Of a URL it takes the password too, but not the user: that is mostly
 * `default`, a word that logs use.
 */
export function secretsIn(config: Config): string[] {
  return Object.entries<Setting<unknown>>(SETTINGS).flatMap(([key, { kind }]) => {
    const value = config[key as keyof Config];
    if (kind.secret !== true || typeof value !== 'string') return [];
    const inUrl = URL.canParse(value) ? new URL(value).password : '';
    return [value, inUrl, decoded(inUrl)].filter((secret) => secret !== '');
  });
}

/** One line for the log at start for each setting of m3u-proxy that is set and has no effect here. */
export function ignoredSettings(env: Environment): string[] {
  const given = byUpperCaseName(env);
  return Object.entries(IGNORED_SETTINGS)
    .filter(([name]) => given[name] !== undefined)
    .map(([name, reason]) => `${name} has no effect: ${reason}.`);
}

/** The settings as Markdown, one table per group. docs/settings.md holds exactly this. */
export function settingsTable(): string {
  return Object.entries(SETTING_GROUPS)
    .map(([title, group]) => {
      const rows = Object.values<Setting<unknown>>(group).map(row);
      return [`## ${title}`, '', '| setting | default | meaning |', '|---|---|---|', ...rows].join('\n');
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
