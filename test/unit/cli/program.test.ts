/** `streampool` against a worker: what each command does and says, and its exit codes. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { addViewer } from '../api/support.ts';
import { command, listeningApi } from './support.ts';

const SOURCE = 'http://127.0.0.1:1/live/joe/s3cret/bbc.ts';

/** A server that answers everything with this. */
async function stranger(status: number, body: string): Promise<string> {
  const server = createServer((_, response) => void response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A worker with a direct stream, and with another one that has a viewer. */
async function scene(env: Readonly<Record<string, string>> = {}) {
  const api = await listeningApi(env);
  const headers: Record<string, string> = env.API_TOKEN === undefined ? {} : { 'x-api-token': env.API_TOKEN };
  const create = async (url: string, name: string) => {
    const failover_urls = [`${url}?backup`];
    const { body } = await api.post('/streams', { url, metadata: { name }, failover_urls }, headers);
    return String(body.stream_id);
  };
  const watched = await create(SOURCE, 'BBC One');
  await addViewer(api, watched, 'tv');
  return { api, watched, env: { STREAMPOOL_URL: api.url, API_TOKEN: env.API_TOKEN }, create };
}

describe('how it is used', () => {
  it.each([[['--help']], [['status', '--help']], [['help', 'events']], [['start', '--help']]])(
    '%j is help',
    async (args) => {
      const { code, said } = await command(args);
      expect([code, said]).toEqual([0, expect.stringContaining('Usage: streampool')]);
      expect(said).toContain('--url <url>');
    },
  );

  it.each([
    [[], 'Usage: streampool'],
    [['stat'], "unknown command 'stat'"],
    [['status', '--wach'], "unknown option '--wach'"],
    [['stop'], "missing required argument 'stream'"],
    [['events', '--limit', 'many'], 'It must be a whole number'],
    [['failover', 'BBC One', 'second'], 'It must be "primary", the number of a backup'],
    [['record', 'BBC One', '--for', 'ever'], 'It must be a time such as 90s, 45m or 1h30m'],
    [['status', '--url', 'localhost:8085'], 'The address must be a URL such as http://localhost:8085'],
  ])('%j is wrong', async (args, says) => {
    const { code, said, noted } = await command(args);
    expect([code, said, noted]).toEqual([2, '', expect.stringContaining(says)]);
  });

  it('starts a worker where it stands, and a cluster only in a checkout', async () => {
    let started = 0;
    const startWorker = async () => void started++;
    expect([(await command(['start'], {}, { startWorker })).code, started]).toEqual([0, 1]);
    expect(await command(['cluster'])).toMatchObject({ code: 1, noted: expect.stringContaining('npm run cluster') });
  });
});

describe('whom it asks', () => {
  it('says so when nobody answers, or a stranger', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect(await command(['status', '--url', nobody])).toEqual({
      code: 3,
      said: '',
      noted: `Nothing answers at ${nobody}: the connection was refused. Give the address of a worker with --url or STREAMPOOL_URL.\n`,
    });
    for (const [status, body] of [
      [200, '<html>'],
      [200, '{"streams": 3}'],
      [502, 'Bad Gateway'],
    ] as const) {
      const { code, noted } = await command(['streams', '--url', await stranger(status, body)]);
      expect([code, noted]).toEqual([1, expect.stringContaining('is no Streampool')]);
    }
  });

  it('needs the token that the worker has', async () => {
    const { env } = await scene({ API_TOKEN: 'tok-en' });
    expect((await command(['streams'], env)).code).toBe(0);
    const without = { ...env, API_TOKEN: undefined };
    expect(await command(['streams'], without)).toMatchObject({
      code: 1,
      noted: expect.stringMatching(/needs its API token: set API_TOKEN, or give it with --token/),
    });
    expect((await command(['--token', 'tok-en', 'streams'], without)).code).toBe(0);
  });
});

describe('what it shows', () => {
  it('status: the numbers, what plays, and the workers', async () => {
    const { env, watched, create } = await scene({ WORKER_ID: 'one' });
    await create('http://127.0.0.1:1/other.ts', 'Nobody watches it');
    const { code, said } = await command(['status'], env);
    expect(code).toBe(0);
    expect(said).toMatch(/1 viewer {3}1 stream playing {3}0 FFmpegs {3}\d provider connections?\n/);
    expect(said).toMatch(new RegExp(`ID +PLAYING .*\\n${watched.slice(0, 8)} +BBC One +1 `));
    expect(said).toMatch(/\none +\d+ +0 +\d\.\d\d +serving\n/);
    expect(said).not.toMatch(/Nobody|s3cret|joe/);
    expect(JSON.parse((await command(['status', '--json'], env)).said)).toMatchObject({
      viewers: 1,
      playing: 1,
      workers: [{ worker_id: 'one' }],
    });
  });

  it('streams: those in use, or the idle ones', async () => {
    const { env, watched } = await scene();
    const { said } = await command(['streams'], env);
    expect(said).toMatch(
      new RegExp(`^ID .*\\n${watched.slice(0, 8)} +BBC One +Live Continuous +1 +0 +127.0.0.1:1\\n$`),
    );
    expect((await command(['streams', '--idle'], env)).said).toBe('No stream is idle.\n');
    expect(JSON.parse((await command(['streams', '--json'], env)).said)).toMatchObject([{ stream_id: watched }]);
  });

  it('events: as sentences, the newest last, or as JSON lines', async () => {
    const { env } = await scene();
    const { said } = await command(['events', '--stream', 'bbc one'], env);
    const sentences = said.split('\n').filter(Boolean);
    expect(sentences.map((line) => line.replace(/^.*? {2}/, ''))).toEqual([
      'BBC One plays',
      '192.0.2.7 watches BBC One',
    ]);
    const lines = (await command(['events', '--json', '--type', 'stream_started'], env)).said.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ event_type: 'stream_started' }]);
    expect((await command(['events', '--type', 'nothing'], env)).code).toBe(1);
  });
});

describe('what it does', () => {
  it('moves a stream to its next source, and deletes it', async () => {
    const { api, env, watched } = await scene();
    expect(await command(['failover', watched.slice(0, 6)], env)).toMatchObject({
      code: 0,
      said: 'The stream has moved to its next source; its viewers stay connected.\n',
    });
    expect((await api.get(`/streams/${watched}`)).body.stream).toMatchObject({ current_failover_index: 0 });
    expect((await command(['status'], env)).said).toContain('(backup 1)');
    expect(await command(['stop', 'BBC One'], env)).toEqual({
      code: 0,
      said: `Stream ${watched} deleted\n`,
      noted: '',
    });
    expect((await api.get(`/streams/${watched}`)).status).toBe(404);
    expect(await command(['stop', watched], env)).toMatchObject({ code: 1, noted: 'Stream not found\n' });
    expect(await command(['stop', 'BBC One'], env)).toMatchObject({
      code: 1,
      noted: expect.stringContaining('no stream'),
    });
  });

  it.each([
    [['1'], 'backup 1', 0],
    [[`${SOURCE}?backup`], 'backup 1', 0],
    [['primary'], 'its primary source', -1],
  ])('moves a stream to a chosen source: %j', async ([to = ''], where, index) => {
    const { api, env, watched } = await scene();
    if (index < 0) await command(['failover', watched], env);
    expect(await command(['failover', 'BBC One', to], env)).toMatchObject({
      code: 0,
      said: `The stream has moved to ${where}; its viewers stay connected.\n`,
    });
    expect((await api.get(`/streams/${watched}`)).body.stream).toMatchObject({ current_failover_index: index });
    expect(await command(['failover', watched, '2'], env)).toMatchObject({
      code: 1,
      noted: expect.stringContaining('it has 1 in failover_urls'),
    });
  });

  it('asks which one is meant when a name fits two', async () => {
    const { env, watched, create } = await scene();
    const other = await create('http://127.0.0.1:1/other.ts', 'bbc one');
    const { code, noted } = await command(['stop', 'BBC one'], env);
    expect(code).toBe(1);
    for (const id of [watched, other]) expect(noted).toContain(id);
  });

  it('drains a worker, but the last one only by force, and takes it back', async () => {
    const { env } = await scene({ WORKER_ID: 'one' });
    expect(await command(['drain', 'one'], env)).toMatchObject({ code: 1, noted: expect.stringContaining('last one') });
    expect((await command(['drain', 'one', '--force'], env)).said).toBe('Worker one is draining\n');
    expect((await command(['status'], env)).said).toMatch(/\none .* draining\n/);
    expect((await command(['undrain', 'one'], env)).said).toBe('Worker one takes viewers\n');
    expect((await command(['drain', 'two'], env)).code).toBe(1);
  });

  it('prints a URL that plays, and nothing beside it', async () => {
    const { api, env, watched } = await scene({ API_TOKEN: 'tok-en', PLAYBACK_AUTH: 'signed' });
    const { code, said, noted } = await command(['play-url', 'BBC One', '--ttl', '60'], env);
    expect([code, noted]).toEqual([0, expect.stringMatching(/^It can start playback until \d{4}-/)]);
    const url = new URL(said.trim());
    expect([url.origin, url.pathname]).toEqual([api.url, `/stream/${watched}`]);
    // Its source does not answer, but the signature opens the door.
    expect((await api.call({ method: 'GET', url: url.pathname + url.search })).status).toBe(502);
  });
});
