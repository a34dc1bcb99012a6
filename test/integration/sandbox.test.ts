// What an FFmpeg cannot do in its sandbox, however it was told to: read files and secrets, write, reach hosts.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { locateFfmpeg } from '../../services/proxy/src/ffmpeg/host/locate.ts';
import { prepareFfmpeg } from '../../services/proxy/src/ffmpeg/host/prepare.ts';
import type { Sandbox } from '../../services/proxy/src/ffmpeg/host/sandbox.ts';
import { spawnFfmpeg } from '../../services/proxy/src/ffmpeg/process/process.ts';
import { startFileSource } from '../support/file-source.ts';
import { processInfo } from '../support/processes.ts';
import { allPlaying, COPY, ffmpegCount, LIGHT, staged } from '../support/stage.ts';

const log = { debug: () => undefined, warn: () => undefined };
const NO_HARDWARE = { type: 'cpu', device: '' };
const SILENT = ['-hide_banner', '-nostdin', '-loglevel', 'level+info'];

let ffmpegPath = '';
let sandbox: Sandbox;
let listener: Server;
let visits = 0;
let folder = '';

beforeAll(async () => {
  ffmpegPath = (await locateFfmpeg(process.env.FFMPEG_PATH)).path;
  sandbox = (await prepareFfmpeg(ffmpegPath, NO_HARDWARE)).sandbox;
  listener = createServer((_request, response) => {
    visits++;
    response.end('nothing');
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'streampool-sandbox-'));
});

afterAll(() => {
  listener.close();
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

/** Runs FFmpeg with arguments that no check has seen; answers its last words. */
async function inside(args: readonly string[], gatewayPort?: number): Promise<string> {
  const gateway = gatewayPort === undefined ? undefined : { port: gatewayPort, environment: {} };
  const child = spawnFfmpeg({ sandbox, args: [...SILENT, ...args], input: 'none', log, name: 'test', gateway });
  child.stdout.resume();
  return (await child.exited).detail;
}

const picture = (filter: string) => ['-f', 'lavfi', '-i', `${filter}`, '-frames:v', '1', '-f', 'null', '-'];

describe('an FFmpeg in its sandbox', () => {
  test('works, and each layer that is missing is named', () => {
    const { missing, ...holds } = sandbox.report;
    expect(missing.length > 0).toBe(Object.values(holds).includes(false));
  });

  test('encodes, with fonts', async () => {
    const args = picture('color=s=64x64:d=1,drawtext=text=hello');
    expect(await inside([...args.slice(0, -3), '-c:v', 'libx264', '-f', 'mpegts', 'pipe:1'])).toBe('The source ended.');
  });

  test.each(['/etc/passwd', '/proc/self/environ', `/proc/${process.pid}/environ`])('cannot read %s', async (path) => {
    if (!sandbox.report.files_closed) return expect(sandbox.report.missing).not.toEqual([]);
    expect(await inside(['-f', 'data', '-i', `file:${path}`, '-map', '0', '-f', 'data', 'pipe:1'])).toMatch(
      /Permission denied/,
    );
    // What callers proved with: a file's text in the picture.
    expect(await inside(picture(`color=s=64x64:d=1,drawtext=textfile=${path}`))).not.toBe('The source ended.');
  });

  test('cannot write: not to its working directory, nor to one that everybody may write to', async () => {
    if (!sandbox.report.files_closed) return expect(sandbox.report.missing).not.toEqual([]);
    const made = ['-f', 'lavfi', '-i', 'color=s=64x64:d=1', '-c:v', 'mpeg2video'];
    for (const path of ['0', join(folder, 'out.ts'), '/tmp/streampool-written.ts']) {
      expect(await inside([...made, '-y', '-f', 'mpegts', path])).toMatch(/Permission denied|Read-only/);
    }
    // x264 keeps its log where it works.
    expect(await inside([...made, '-c:v', 'libx264', '-flags', '+pass1', '-f', 'null', '-'])).not.toBe(
      'The source ended.',
    );
  });

  test('opens no socket when the worker reads its source', async () => {
    if (!sandbox.report.network_closed) return expect(sandbox.report.missing).not.toEqual([]);
    const before = visits;
    for (const url of [`http://127.0.0.1:${portOf(listener)}/`, `udp://127.0.0.1:${portOf(listener)}`]) {
      expect(await inside(['-i', url, '-f', 'null', '-'])).toMatch(/Permission denied/);
    }
    expect(visits).toBe(before);
  });

  test('reaches the gateway and nothing else when it opens its own source', async () => {
    if (!sandbox.report.gateway_only) return expect(sandbox.report.missing).not.toEqual([]);
    let asked: string[] = [];
    const gateway = createServer((request, response) => {
      asked.push(`${request.headers.host}${request.url}`);
      response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(gateway, 'listening');
    try {
      const port = portOf(gateway);
      const before = visits;
      // Wherever it wants to go, it arrives at the gateway, which knows none of these.
      for (const host of [`127.0.0.1:${port}`, `127.0.0.1:${portOf(listener)}`, '169.254.170.2', '192.0.2.7:81']) {
        expect(await inside(['-i', `http://${host}/v2/credentials`, '-f', 'null', '-'], port)).toMatch(/404/);
      }
      expect(asked).toHaveLength(4);
      expect(asked).toContain('169.254.170.2/v2/credentials');
      expect(visits).toBe(before);
      asked = [];
      expect(await inside(['-i', 'udp://192.0.2.7:9?timeout=100000', '-f', 'null', '-'], port)).toMatch(/Permission/);
      expect(await inside(['-i', 'http://[::1]:80/', '-f', 'null', '-'], port)).toMatch(/Permission denied/);
      expect(asked).toEqual([]);
    } finally {
      gateway.close();
    }
  });

  test('ends as it was told, and says so', async () => {
    const args = [...SILENT, '-re', '-f', 'lavfi', '-i', 'color=s=64x64', '-f', 'rawvideo', 'pipe:1'];
    const killed = spawnFfmpeg({ sandbox, args, input: 'none', log, name: 'test' });
    await once(killed.stdout, 'data');
    killed.kill();
    expect(await killed.exited).toMatchObject({ reason: 'killed', signal: 'SIGKILL' });
  });
});

describe('a worker', () => {
  staged('shows no secret in the process list, nor in the environment of its FFmpegs', async ({ stage }) => {
    const secrets = ['secretuser', 'secretpass', 'secretcookie', 'secretkey', 'secrettoken'];
    const source = await stage.source();
    const files = await startFileSource();
    try {
      const worker = await stage.worker({ API_TOKEN: 'secrettoken', AWS_SECRET_ACCESS_KEY: 'secretkey' });
      const withSecrets = (url: string) => url.replace('://', '://secretuser:secretpass@');
      const headers = { Cookie: 'session=secretcookie', 'X-Api-Key': 'secretkey' };
      const piped = await worker.api.createTranscode({ url: withSecrets(source.url), headers, profile: LIGHT });
      const own = await worker.api.createTranscode({
        url: withSecrets(files.url('hls/live.m3u8')),
        headers,
        profile: COPY,
      });
      await allPlaying([piped, own].map(({ playUrl }) => stage.viewer(playUrl)));
      await ffmpegCount(worker, 2);
      for (const { pid } of worker.descendants()) {
        const shown = `${processInfo(pid)?.args.join(' ')}\n${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
        for (const secret of secrets) expect(shown).not.toContain(secret);
      }
      for (const pid of worker.ffmpegPids()) {
        const names = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
        for (const entry of names) expect(entry).toMatch(/^(PATH|LC_ALL|LD_LIBRARY_PATH|http_proxy|no_proxy)=/);
      }
    } finally {
      await files.close();
    }
  });

  staged('says in /info what holds, and at its start what does not', async ({ stage }) => {
    const worker = await stage.worker();
    const { status, body } = await worker.api.request<{ ffmpeg_sandbox: unknown }>('GET', '/info');
    expect(status).toBe(200);
    expect(body.ffmpeg_sandbox).toEqual(sandbox.report);
    for (const sentence of sandbox.report.missing) expect(worker.logged(sentence)).toHaveLength(1);
  });
});

test('without its helper FFmpeg runs all the same, and the report says what is missing', async () => {
  const { sandbox: none } = await prepareFfmpeg(ffmpegPath, NO_HARDWARE, join(folder, 'nowhere'));
  expect(none.report).toMatchObject({ files_closed: false, network_closed: false, gateway_only: false });
  expect(none.report.missing.join()).toMatch(/without a sandbox.*(C compiler|Linux)/);
  const args = [...SILENT, ...picture('color=s=64x64:d=1')];
  const child = spawnFfmpeg({ sandbox: none, args, input: 'none', log, name: 'test' });
  child.stdout.resume();
  expect(await child.exited).toMatchObject({ code: 0 });
});

test('a build without a C compiler says so and succeeds', () => {
  const script = "import('./scripts/build.mjs').then(({ buildSandbox }) => buildSandbox())";
  const env = { ...process.env, PATH: '/nowhere', CC: '' };
  const said = execFileSync('/bin/sh', ['-c', `"${process.execPath}" -e "${script}" 2>&1`], { env, encoding: 'utf8' });
  expect(said).toMatch(/No C compiler was found.*apt-get install gcc/);
});
