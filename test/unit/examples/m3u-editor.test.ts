/** The example for m3u-editor held against the worker: settings that exist, routes that exist, a Redis that does not evict. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../services/proxy/src/config/config.ts';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const environment = z.record(z.string(), z.union([z.string(), z.number()]).transform(String));
const healthcheck = z.object({ test: z.array(z.string()) });
const { services, networks } = z
  .object({
    services: z.object({
      streampool: z.object({
        build: z.object({ context: z.literal('../..'), dockerfile: z.string(), target: z.string() }),
        environment,
        networks: z.array(z.string()),
        healthcheck: z.undefined().optional(),
        restart: z.literal('unless-stopped'),
        stop_grace_period: z.string().regex(/^\d+s$/),
        // Nobody outside reaches it.
        ports: z.undefined().optional(),
      }),
      'streampool-redis': z.object({
        command: z.array(z.string()),
        networks: z.array(z.string()),
        healthcheck,
        ports: z.undefined().optional(),
      }),
      'm3u-editor': z.object({ image: z.string(), environment, networks: z.array(z.string()) }),
    }),
    networks: z.object({ state: z.object({ internal: z.literal(true) }), editor: z.null() }),
  })
  .parse(parse(read('examples/m3u-editor/docker-compose.yml')));
const { streampool, 'streampool-redis': redis, 'm3u-editor': editor } = services;

/** What compose makes of a variable that must be set. */
const REQUIRED = /^\$\{API_TOKEN:\?.+\}$/;
const config = loadConfig({ ...streampool.environment, API_TOKEN: 'a-token' });

describe('Streampool beside m3u-editor', () => {
  it('is told settings that exist, with values that they take', () => {
    const known = Object.values(SETTINGS).map(({ env }) => env);
    expect(Object.keys(streampool.environment).filter((name) => !known.some((env) => env === name))).toEqual([]);
    expect(config).toMatchObject({ shareDirectStreams: true, redisEnabled: true, trustProxy: ['uniquelocal'] });
  });

  it('does not start without the token, which both have', () => {
    expect(streampool.environment.API_TOKEN).toMatch(REQUIRED);
    expect(editor.environment.M3U_PROXY_TOKEN).toBe(streampool.environment.API_TOKEN);
  });

  it('is where m3u-editor looks for it', () => {
    const { M3U_PROXY_HOST, M3U_PROXY_PORT, M3U_PROXY_ENABLED } = editor.environment;
    expect([M3U_PROXY_HOST, M3U_PROXY_PORT, M3U_PROXY_ENABLED]).toEqual(['streampool', String(config.port), 'false']);
    expect(editor.networks.filter((name) => streampool.networks.includes(name))).toEqual(['editor']);
  });

  it('is asked for its health as its image says, which ends it when it hangs, and then started again', () => {
    const stages = read(streampool.build.dockerfile).split('\nFROM ');
    const stage = stages.find((text) => text.startsWith(`media AS ${streampool.build.target}\n`));
    expect(stage).toMatch(/^HEALTHCHECK .* CMD \["\/app\/probe\.sh"\]$/m);
  });

  it('is given the time to stop that its viewers are given', () => {
    expect(Number.parseInt(streampool.stop_grace_period, 10) * 1000).toBeGreaterThan(config.drainTimeoutMs);
  });
});

describe('its Redis', () => {
  it('is an instance of its own that never evicts', () => {
    expect(redis.command[redis.command.indexOf('--maxmemory-policy') + 1]).toBe('noeviction');
    expect(config.redisHost).toBe('streampool-redis');
    expect(redis.networks).toEqual(['state']);
    expect(networks.state.internal).toBe(true);
    expect(editor.networks).not.toContain('state');
  });
});

it('is linked from the README', () => {
  expect(read('README.md')).toContain('](examples/m3u-editor/)');
});
