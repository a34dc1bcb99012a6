/** The example for one worker at home held against the worker: settings that exist, a token that is made, no Redis. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { loadConfig } from '../../../services/proxy/src/config/config.ts';
import { SETTINGS } from '../../../services/proxy/src/config/settings.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

const { streampool } = z
  .object({
    // It is alone: no Redis, no load balancer.
    services: z.strictObject({
      streampool: z.object({
        build: z.object({ context: z.literal('../..'), dockerfile: z.string(), target: z.string() }),
        environment: z.record(z.string(), z.union([z.string(), z.number().transform(String), z.null()])),
        ports: z.array(z.string()),
        stop_grace_period: z.string().regex(/^\d+s$/),
        read_only: z.literal(true),
        cap_drop: z.array(z.string()),
        cap_add: z.array(z.string()),
        // With no-new-privileges FFmpeg would keep the worker's user.
        security_opt: z.undefined().optional(),
      }),
    }),
  })
  .parse(parse(read('examples/home/docker-compose.yml'))).services;
const { environment } = streampool;
const example = read('examples/home/.env.example');

/** What compose makes of the environment with the token alone in .env. */
const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== null));
const config = loadConfig({ ...given, API_TOKEN: 'a-token' });

describe('the worker at home', () => {
  it('is told settings that exist, with values that it takes', () => {
    const known = new Set<string>(Object.values(SETTINGS).map(({ env }) => env));
    expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
    expect(config).toMatchObject({ shareDirectStreams: true, redisEnabled: false });
  });

  it('does not start without a token, and says how one is made', () => {
    expect(environment.API_TOKEN).toMatch(/^\$\{API_TOKEN:\?.*"sh local\/make-env examples\/home".*\}$/);
  });

  it('is reached on the port that it listens on, and its relay port is not', () => {
    expect(streampool.ports).toEqual([`\${HTTP_PORT:-${config.port}}:${config.port}`]);
  });

  it('is given the time to stop that its viewers are given', () => {
    expect(Number.parseInt(streampool.stop_grace_period, 10) * 1000).toBeGreaterThan(config.drainTimeoutMs);
  });

  it('is built from a stage of the Dockerfile', () => {
    const stage = new RegExp(`^FROM \\S+ AS ${streampool.build.target}$`, 'm');
    expect(read(streampool.build.dockerfile)).toMatch(stage);
  });

  it('keeps the capabilities with which FFmpeg is given another user, and no others', () => {
    expect([streampool.cap_drop, streampool.cap_add]).toEqual([['ALL'], ['SETUID', 'SETGID']]);
  });
});

describe('its .env', () => {
  it('names nothing that the compose file does not read', () => {
    const compose = read('examples/home/docker-compose.yml');
    const names = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name ?? '');
    expect(names).toContain('API_TOKEN');
    expect(names.filter((name) => !new RegExp(`(^ +${name}:|\\$\\{${name}\\b)`, 'm').test(compose))).toEqual([]);
  });

  it('gets a token from the command that the README names', () => {
    const [command = ''] = /^sh local\/make-env examples\/home/m.exec(read('examples/home/README.md')) ?? [];
    const folder = mkdtempSync(join(tmpdir(), 'streampool-home-'));
    try {
      for (const path of ['local', 'examples/home']) mkdirSync(join(folder, path), { recursive: true });
      for (const path of ['local/make-env', 'examples/home/.env.example']) {
        copyFileSync(join(ROOT, path), join(folder, path));
      }
      const said = execFileSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
      expect(said).toContain('examples/home/.env');
      const env = readFileSync(join(folder, 'examples/home/.env'), 'utf8');
      const [, token = ''] = /^API_TOKEN=([0-9a-f]{48})$/m.exec(env) ?? [];
      expect(env.replace(token, '')).toBe(example);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
