/** The settings of a running worker for people: what each is, what it would be, and where it has come from. Never a secret. */

import type { ShownSetting } from '../../../shared/console/worker.ts';
import { maskText } from '../../../shared/masking/mask.ts';
import { byUpperCaseName } from '../../../shared/settings/read-settings.ts';
import type { Environment, Setting } from '../../../shared/settings/setting.ts';
import { type Config, secretsIn } from './config.ts';
import { SETTING_GROUPS, SETTINGS } from './settings.ts';

/** What a secret shows. */
const SET = 'set';

/** @param env that the configuration was read from */
export function shownSettings(config: Config, env: Environment): ShownSetting[] {
  const given = byUpperCaseName(env);
  const secrets = secretsIn(config);
  const keys = new Map(Object.entries<Setting<unknown>>(SETTINGS).map(([key, { env: name }]) => [name, key]));
  return Object.entries(SETTING_GROUPS).flatMap(([group, settings]) =>
    Object.values<Setting<unknown>>(settings).map((setting): ShownSetting => {
      const { env: name, kind, fallback, shownDefault, meaning } = setting;
      const raw = given[name];
      const value = raw ?? defaultOf(setting, config[keys.get(name) as keyof Config], env);
      const shown = value === undefined ? null : kind.secret === true ? SET : maskText(value, secrets);
      return {
        ...{ name, group, value: shown, meaning },
        default: shownDefault ?? (typeof fallback === 'string' ? fallback : ''),
        source: raw === undefined ? 'default' : 'environment',
      };
    }),
  );
}

/** What a setting is that nobody has set. Some defaults differ from call to call, so what was read counts. */
function defaultOf({ fallback }: Setting<unknown>, read: unknown, env: Environment): string | undefined {
  if (typeof fallback !== 'function') return fallback;
  return typeof read === 'string' || typeof read === 'number' ? String(read) : fallback(env);
}
