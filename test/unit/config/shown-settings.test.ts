/** The settings as people see them: with where each has come from, and no secret. */

import { expect, it } from 'vitest';
import { type Environment, loadConfig } from '../../../services/proxy/src/config/config.ts';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';
import { shownSettings } from '../../../services/proxy/src/config/shown-settings.ts';

function shown(env: Environment) {
  const config = loadConfig(env);
  const settings = shownSettings(config, env);
  const of = (name: string) => settings.find((each) => each.name === name);
  return { config, settings, of };
}

it('has every setting once, with its group and what it means', () => {
  const { settings } = shown({});
  expect(settings.map(({ name }) => name).sort()).toEqual(
    Object.values(SETTINGS)
      .map(({ env }) => env)
      .sort(),
  );
  for (const { name, group, meaning, default: usual } of settings) {
    expect([name, group === '', meaning === '']).toEqual([name, false, false]);
    expect(typeof usual).toBe('string');
  }
});

it('says which are set, and what the others are', () => {
  const { of } = shown({ port: '9000', LOG_LEVEL: ' ' });
  expect(of('PORT')).toMatchObject({ value: '9000', default: '8085', source: 'environment', group: 'Server' });
  expect(of('LOG_LEVEL')).toMatchObject({ value: 'info', source: 'default' });
  expect(of('METRICS_STAGE')).toMatchObject({ value: null, source: 'default' });
  // It follows PORT.
  expect(of('RELAY_PORT')).toMatchObject({ source: 'default' });
});

it('shows a default that differs from start to start as it is here', () => {
  const { config, of } = shown({});
  expect(of('WORKER_ID')).toMatchObject({ value: config.workerId, source: 'default' });
});

it('shows no secret, and no credentials in what is none', () => {
  const secret = 'a-secret-of-24-characters';
  const env = { API_TOKEN: secret, REDIS_PASSWORD: secret, METRICS_STAGE: secret };
  const { settings, of } = shown(env);
  expect(of('API_TOKEN')).toMatchObject({ value: 'set', source: 'environment' });
  expect(of('PLAYBACK_SECRET')).toMatchObject({ value: null });
  expect(JSON.stringify(settings)).not.toContain(secret);
});
