/** Servers that Debian has: VLC, Icecast and nginx. */
import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { find, findNginx } from '../../../../scripts/setup.mjs';
import { freePort } from '../../../support/free-port.ts';
import { until } from '../../../support/until.ts';
import { withDescendants } from '../usage.ts';
import { AS_NOBODY, end, listening, start } from './programs.ts';
import type { Running, Server } from './servers.ts';

const START_MS = 20_000;
const PASSWORD = 'bench';

/** It remuxes the stream, as FFmpeg does. Undefined: it is not there. */
export function vlc(): Server | undefined {
  const program = find('cvlc');
  if (program === undefined) return undefined;
  return {
    name: 'VLC',
    version: ['VLC', versionOf('vlc', ['--version'], /VLC version ([\d.]+)/)],
    async start(source) {
      const port = await freePort();
      const output = `#std{access=http,mux=ts,dst=127.0.0.1:${port}/ch.ts}`;
      const child = start(program, ['-I', 'dummy', '--no-interact', source, '--sout', output], AS_NOBODY);
      await listening(port, 'VLC');
      return running(`http://127.0.0.1:${port}/ch.ts`, child);
    },
  };
}

/** FFmpeg reads the source and sends it to Icecast, which looks into nothing. Undefined: it is not there. */
export function icecast(): Server | undefined {
  const program = find('icecast2', ['/usr/sbin']);
  if (program === undefined) return undefined;
  return {
    name: 'Icecast',
    version: ['Icecast', versionOf(program, ['-v'], /Icecast ([\d.]+)/)],
    async start(source) {
      const { origin, child, folder } = await startIcecast(program);
      const push = `icecast://source:${PASSWORD}@${new URL(origin).host}/ch.ts`;
      const output = ['-c', 'copy', '-f', 'mpegts', '-content_type', 'video/mp2t', push];
      const ffmpeg = start(process.env.FFMPEG_PATH ?? 'ffmpeg', ['-v', 'error', '-i', source, ...output]);
      const plays = async () => {
        const { ok, body } = await fetch(`${origin}/ch.ts`);
        await body?.cancel();
        return ok;
      };
      await until(plays, { timeoutMs: START_MS, what: 'Icecast to have the stream' });
      const server = running(`${origin}/ch.ts`, child, folder);
      return {
        ...server,
        ffmpegs: () => [ffmpeg.pid ?? 0],
        async stop() {
          await end(ffmpeg);
          await server.stop();
        },
      };
    },
  };
}

async function startIcecast(program: string): Promise<{ origin: string; child: ChildProcess; folder: string }> {
  const folder = folderForAll();
  const port = await freePort();
  const file = join(folder, 'icecast.xml');
  writeFileSync(
    file,
    `<icecast>
       <limits><clients>2000</clients><sources>2</sources><queue-size>8388608</queue-size><burst-size>65535</burst-size></limits>
       <authentication>
         <source-password>${PASSWORD}</source-password><admin-user>admin</admin-user><admin-password>${PASSWORD}</admin-password>
       </authentication>
       <hostname>127.0.0.1</hostname>
       <listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
       <paths><basedir>${folder}</basedir><logdir>${folder}</logdir><webroot>${folder}</webroot><adminroot>${folder}</adminroot></paths>
       <logging><loglevel>1</loglevel></logging>
     </icecast>`,
  );
  const child = start(program, ['-c', file], AS_NOBODY);
  await listening(port, 'Icecast');
  return { origin: `http://127.0.0.1:${port}`, child, folder };
}

/** It opens the source anew for each viewer, and passes on what comes. Undefined: it is not there. */
export function nginx(): Server | undefined {
  const program = findNginx();
  if (program === undefined) return undefined;
  return {
    name: 'nginx, a source connection a viewer',
    isUnshared: true,
    version: ['nginx', versionOf(program, ['-v'], /nginx\/([\d.]+)/)],
    async start(source) {
      const { origin, pathname } = new URL(source);
      const nginxAt = await startNginx(program, `proxy_pass ${origin}; proxy_buffering off;`);
      return running(nginxAt.origin + pathname, nginxAt.child, nginxAt.folder);
    },
  };
}

async function startNginx(program: string, location: string) {
  const folder = folderForAll();
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 8192; }
     http {
       access_log off;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
       server { listen 127.0.0.1:${port}; location / { ${location} } }
     }`,
  );
  const child = start(program, ['-p', folder, '-c', file], AS_NOBODY);
  await listening(port, 'nginx');
  return { origin: `http://127.0.0.1:${port}`, child, folder };
}

/** Servers that play nothing, for what an idle one takes. */
export async function startIdle(name: 'Icecast' | 'nginx'): Promise<Running | undefined> {
  const program = name === 'nginx' ? findNginx() : find('icecast2', ['/usr/sbin']);
  if (program === undefined) return undefined;
  const { origin, child, folder } =
    name === 'nginx' ? await startNginx(program, 'return 404;') : await startIcecast(program);
  return running(origin, child, folder);
}

function running(url: string, child: ChildProcess, folder?: string): Running {
  return {
    url,
    pids: () => withDescendants(child.pid ?? 0),
    ffmpegs: () => [],
    async stop() {
      await end(child);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function folderForAll(): string {
  const folder = mkdtempSync(join(tmpdir(), 'streampool-peer-'));
  chmodSync(folder, 0o777);
  return folder;
}

function versionOf(program: string, args: readonly string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', ...AS_NOBODY });
  return pattern.exec(`${stdout ?? ''}${stderr ?? ''}`)?.[1] ?? 'unknown';
}
