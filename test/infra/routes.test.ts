/** What the load balancer routes, held against the routes that a worker really has: the paths for people, and no others. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { routedPaths } from '../../infra/routes.ts';
import { buildServer } from '../../services/proxy/src/api/server.ts';
import { loadConfig } from '../../services/proxy/src/config/config.ts';
import { createWorker, type Worker } from '../../services/proxy/src/worker/worker.ts';
import { createLogger } from '../../services/shared/log.ts';
import { METRICS_PATH } from '../../services/shared/metric-names.ts';

const ROOT_PATH = '/m3u-proxy';

/** As the load balancer reads a pattern: `*` is any text, `?` any one character, case counts. */
function routed(path: string): boolean {
  return routedPaths(ROOT_PATH).some((patterns) =>
    patterns.some((pattern) =>
      new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(path),
    ),
  );
}

describe('the load balancer', () => {
  const paths: string[] = [];
  let worker: Worker;

  beforeAll(async () => {
    const config = loadConfig({ FFMPEG_PATH: process.env.FFMPEG_PATH });
    worker = await createWorker(config, createLogger('fatal'));
    const server = await buildServer(worker.services);
    await server.ready();
    const documented = Object.keys(server.swagger().paths ?? {}).filter((path) => path !== METRICS_PATH);
    paths.push(...documented, '/docs/', '/openapi.json');
    await server.close();
  });

  afterAll(async () => worker.drain(0));

  it('passes on every route of a worker but its metrics, under / and under ROOT_PATH', () => {
    expect(paths.length).toBeGreaterThan(20);
    const all = [...paths, ...paths.map((path) => `${ROOT_PATH}${path}`)];
    expect(all.map((path) => path.replace(/\{.*?\}/g, 'a1b2')).filter((path) => !routed(path))).toEqual([]);
  });

  it.each([
    METRICS_PATH,
    `${ROOT_PATH}${METRICS_PATH}`,
    '/relay/a1',
    '/feeds/a1',
    '/.env',
    '//livez',
    '/m3u-proxy2/stats',
  ])('does not pass on %s', (path) => {
    expect(routed(path)).toBe(false);
  });

  it('has no more than five values in a rule, the most that AWS takes, and asks for streams first', () => {
    const rules = routedPaths(ROOT_PATH);
    expect(Math.max(...rules.map(({ length }) => length))).toBeLessThanOrEqual(5);
    expect(rules[0]).toContain('/stream*');
  });

  it('without a ROOT_PATH routes once', () => {
    expect(routedPaths('').flat()).toHaveLength(routedPaths(ROOT_PATH).flat().length / 2);
  });
});
