// The documentation says what the code does: docs/routes.md, /openapi.json and /docs.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { routesTable } from '../../../services/proxy/src/api/routes-table.ts';
import { startApi } from './support.ts';

const ROUTE = /^\| (GET|HEAD|POST|DELETE) \| `(.+?)` \| (?:yes|no) \| .+ \|$/;

describe('the table of routes', () => {
  it('stands in docs/routes.md as the code has it (`npm run docs` writes it)', async () => {
    const { app } = await startApi();
    const page = readFileSync(new URL('../../../docs/routes.md', import.meta.url), 'utf8');
    const section = /<!-- routes -->([\s\S]*?)<!-- \/routes -->/.exec(page)?.[1];
    expect(section?.trim()).toBe(routesTable(app));
  });

  it('names routes that exist, each with a summary', async () => {
    const { app } = await startApi();
    const rows = routesTable(app).split('\n').slice(2);
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const [, method = '', path = ''] = ROUTE.exec(row) ?? [row];
      const url = path.replace(/\{(\w+)\}/g, ':$1');
      expect([row, app.hasRoute({ method: method as 'GET', url })]).toEqual([row, true]);
    }
  });

  it('leaves nothing out that the server answers', async () => {
    const { app } = await startApi();
    const described = Object.entries(app.swagger().paths ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const printed = app.printRoutes({ commonPrefix: false });
    for (const name of [
      'livez',
      'webhooks',
      'broadcast',
      'recordings',
      'stats',
      'clients',
      'transcode',
      'test-connection',
    ]) {
      expect(printed).toContain(name);
      expect(described.some((route) => route.includes(name))).toBe(true);
    }
  });
});

describe('/docs', () => {
  it('is where /redoc leads; /favicon.ico is empty and /static has nothing, all without a token', async () => {
    const api = await startApi({ API_TOKEN: 'secret' });
    for (const root of ['', '/m3u-proxy']) {
      expect((await api.get(`${root}/redoc`)).headers.location).toBe('docs/');
      expect((await api.get(`${root}/redoc/`)).headers.location).toBe('../docs/');
      expect((await api.get(`${root}/favicon.ico`)).status).toBe(204);
      expect((await api.get(`${root}/static/swagger-ui.css`)).status).toBe(404);
    }
  });

  it('is a page with its files beside it, below ROOT_PATH too', async () => {
    const api = await startApi();
    for (const root of ['', '/m3u-proxy']) {
      expect((await api.get(`${root}/docs`)).headers.location).toBe('docs/');
      expect((await api.get(`${root}/docs/`)).text).toContain('./static/swagger-ui.css');
      expect((await api.get(`${root}/docs/static/swagger-ui.css`)).status).toBe(200);
      expect((await api.get(`${root}/docs/json`)).body.info?.title).toBe('Streampool');
      expect((await api.get(`${root}/openapi.json`)).body.paths?.['/transcode']?.post?.summary).toBeTruthy();
    }
  });
});
