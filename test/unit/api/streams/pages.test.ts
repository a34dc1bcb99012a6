// GET /validate-cookies-file and POST /ytdlp/metadata.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startApi } from '../support.ts';

describe('GET /validate-cookies-file', () => {
  it('says whether a file can be used, and why not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cookies-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'a.txt'), '.tv.test\tTRUE\t/\tTRUE\t0\tid\tsecret\n');
    const api = await startApi({ COOKIES_DIR: folder });
    const ask = async (path: string) => api.get(`/validate-cookies-file?path=${encodeURIComponent(path)}`);
    expect((await ask(join(folder, 'a.txt'))).body).toEqual({ valid: true, message: 'The cookies file can be used.' });
    for (const path of ['/etc/passwd', '../../etc/passwd', 'b.txt', '']) {
      const { status, body } = await ask(path);
      expect([path, status, body.valid]).toEqual([path, 200, false]);
      expect(body.message).toMatch(/^The cookies are refused: /);
    }
    expect((await api.get('/validate-cookies-file')).status).toBe(422);
    const none = await startApi();
    expect((await none.get('/validate-cookies-file?path=/x')).body.message).toMatch(/COOKIES_DIR/);
  });

  it('needs the token', async () => {
    const api = await startApi({ API_TOKEN: 't' });
    expect((await api.get('/validate-cookies-file?path=/x')).status).toBe(401);
    expect((await api.post('/ytdlp/metadata', { url: 'http://tv.test/' })).status).toBe(401);
  });
});

describe('POST /ytdlp/metadata', () => {
  const url = 'http://127.0.0.1:9/page';

  it('is 400 when yt-dlp is switched off, 503 when it is not there', async () => {
    const off = await startApi({ YTDLP_ENABLED: 'false' });
    expect((await off.post('/ytdlp/metadata', { url })).status).toBe(400);
    const missing = await startApi({ YTDLP_PATH: 'no-such-yt-dlp' });
    expect((await missing.post('/ytdlp/metadata', { url })).status).toBe(503);
    const nowhere = await startApi({ YTDLP_PATH: '/nonexistent/yt-dlp' });
    expect((await nowhere.post('/ytdlp/metadata', { url })).status).toBe(503);
  });

  it('refuses an address, a format and a cookies file before anything runs', async () => {
    // It is there, and would answer something else than JSON.
    const api = await startApi({ YTDLP_PATH: process.execPath });
    const ask = async (body: object) => (await api.post('/ytdlp/metadata', { url, ...body })).status;
    expect(await ask({ url: 'file:///etc/passwd' })).toBe(422);
    expect(await ask({ url: 'http://169.254.169.254/' })).toBe(422);
    expect(await ask({ format: 'best --exec id' })).toBe(422);
    expect(await ask({ cookies_path: '/etc/passwd' })).toBe(400);
  });
});
