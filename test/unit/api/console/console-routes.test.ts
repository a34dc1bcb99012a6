// The files of the console: who gets them, with which headers, and how people are led to them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyInstance } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readConsole } from '../../../../services/proxy/src/api/console/console-files.ts';
import { consoleRoutes } from '../../../../services/proxy/src/api/console/console-routes.ts';
import type { Api } from '../../../../services/proxy/src/api/http/typed-server.ts';
import { startApi } from '../support.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

/** A server with a console of these files. */
async function served(files: Record<string, string>): Promise<FastifyInstance> {
  const folder = mkdtempSync(join(tmpdir(), 'streampool-console-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const app = Fastify({ routerOptions: { ignoreTrailingSlash: true } });
  consoleRoutes(app as unknown as Api, readConsole(folder));
  await app.ready();
  return app;
}

const FILES = {
  'index.html': '<!doctype html>',
  'main-A1.js': 'plain',
  'main-A1.js.br': 'as br',
  'main-A1.js.gz': 'as gzip',
  'THIRD-PARTY-NOTICES.txt': 'licences',
  'notes.md': 'not for anybody',
};

describe('the files of the console', () => {
  it('go out under a policy that lets nothing in from elsewhere', async () => {
    const app = await served(FILES);
    for (const url of ['/console/', '/console/events', '/console/main-A1.js']) {
      const { statusCode, headers } = await app.inject(url);
      expect([url, statusCode, headers['content-security-policy']]).toEqual([url, 200, POLICY]);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });

  it('are kept for ever, but for the page that names them', async () => {
    const app = await served(FILES);
    expect((await app.inject('/console/main-A1.js')).headers['cache-control']).toBe(
      'public, max-age=31536000, immutable',
    );
    const { headers, body } = await app.inject('/console/');
    expect([headers['cache-control'], body]).toEqual(['no-cache', '<!doctype html>']);
    const again = await app.inject({ url: '/console/', headers: { 'if-none-match': String(headers.etag) } });
    expect([again.statusCode, again.body]).toEqual([304, '']);
  });

  it('have the licences of their libraries beside them, under a name that stays', async () => {
    const app = await served(FILES);
    const { headers, body } = await app.inject('/console/THIRD-PARTY-NOTICES.txt');
    expect([headers['content-type'], headers['cache-control'], body]).toEqual([
      'text/plain; charset=utf-8',
      'no-cache',
      'licences',
    ]);
  });

  it.each([
    ['gzip, deflate, br, zstd', 'br', 'as br'],
    ['gzip', 'gzip', 'as gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip', 'as gzip'],
    ['identity', undefined, 'plain'],
    [undefined, undefined, 'plain'],
  ])('are compressed as the browser likes it: %s', async (accept, encoding, body) => {
    const app = await served(FILES);
    const headers = accept === undefined ? {} : { 'accept-encoding': accept };
    const answer = await app.inject({ url: '/console/main-A1.js', headers });
    expect([answer.headers['content-encoding'], answer.body]).toEqual([encoding, body]);
    expect(answer.headers.vary).toContain('Accept-Encoding');
    expect(answer.headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  it.each([
    '/console/notes.md',
    '/console/old-B2.js',
    '/console/main-A1.js.br',
    '/console/..%2fmain.js',
    '/console/a/b',
  ])('are no others: %s', async (url) => {
    const app = await served(FILES);
    expect((await app.inject(url)).statusCode).toBe(404);
  });

  it('are found from the address without its last slash, without what stands behind it', async () => {
    const app = await served(FILES);
    expect((await app.inject('/console')).headers.location).toBe('./console/');
    expect((await app.inject('/console?api_token=t0ken')).headers.location).toBe('./console/');
  });

  it('say what to do when they have not been built', async () => {
    const app = Fastify();
    consoleRoutes(app as unknown as Api, undefined);
    const { statusCode, body } = await app.inject('/console/');
    expect([statusCode, body]).toEqual([404, expect.stringContaining('npm run build')]);
  });
});

describe('GET /', () => {
  it.each([
    ['/', './console/'],
    ['/m3u-proxy/', './console/'],
    ['/m3u-proxy', './m3u-proxy/console/'],
    ['/?a=b', './console/'],
  ])('%s leads a browser to the console, without a token', async (url, location) => {
    const api = await startApi({ API_TOKEN: 't0ken' });
    const { status, headers } = await api.get(url, HTML);
    expect([status, headers.location, headers['cache-control']]).toEqual([302, location, 'no-store']);
    expect(headers.vary).toContain('Accept');
  });

  it('is JSON for programs as before, with the token', async () => {
    const api = await startApi({ API_TOKEN: 't0ken' });
    const asked: Record<string, string>[] = [{}, { accept: '*/*' }, { accept: 'application/json' }];
    for (const headers of asked) {
      expect((await api.get('/', headers)).status).toBe(401);
      const { status, body } = await api.get('/', { ...headers, 'x-api-token': 't0ken' });
      expect([status, body.status]).toEqual([200, 'running']);
    }
  });
});

describe('CONSOLE=false', () => {
  it('has no console, and no page leads there', async () => {
    const api = await startApi({ CONSOLE: 'false' });
    for (const url of ['/console', '/console/', '/console/live?view=now', '/m3u-proxy/console/']) {
      expect([url, (await api.get(url, HTML)).status]).toEqual([url, 404]);
    }
    expect((await api.get('/', HTML)).body.status).toBe('running');
  });
});
