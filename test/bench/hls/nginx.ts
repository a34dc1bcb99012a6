/** nginx as the floor: it serves files, or passes a provider on through its cache. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNginx } from '../../../scripts/setup.mjs';
import { freePort } from '../../support/free-port.ts';
import { allProcesses, processInfo } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

/** In memory, where there is such a place. */
const PARENT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export interface Nginx {
  readonly origin: string;
  /** What it serves, or keeps in its cache. */
  readonly folder: string;
  /** Of all its processes so far. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/**
 * Serves the files in `media` of its folder; a segment by its number, as playlists of a worker name it.
 * @param options `media`: those of another folder; `sendfile` false: it copies them, as it must for TLS
 */
export function serveFiles(options: { readonly media?: string; readonly sendfile?: boolean } = {}): Promise<Nginx> {
  return start(
    (folder) => `
      sendfile ${options.sendfile === false ? 'off' : 'on'};
      root ${options.media ?? join(folder, 'media')};
      location = /segment.ts { rewrite ^ /$arg_n.ts break; }
    `,
  );
}

/** Passes requests on to `upstream`, and keeps what comes. Many who want the same thing at once wait for one answer. */
export function cacheOf(upstream: string): Promise<Nginx> {
  return start(
    () => `
      sendfile on;
      location / {
        proxy_pass ${upstream};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_cache hls;
        proxy_cache_lock on;
        proxy_cache_valid 200 60s;
        location ~ m3u8$ {
          proxy_pass ${upstream};
          proxy_http_version 1.1;
          proxy_set_header Connection "";
          proxy_cache hls;
          proxy_cache_lock on;
          proxy_cache_valid 200 1s;
        }
      }
    `,
  );
}

async function start(locations: (folder: string) => string): Promise<Nginx> {
  const program = findNginx();
  if (program === undefined) throw new Error('nginx is missing; `npm run bench` installs it on Debian');
  const folder = mkdtempSync(join(PARENT, 'streampool-bench-'));
  chmodSync(folder, 0o755);
  const port = await freePort();
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    join(folder, 'nginx.conf'),
    `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
     events { worker_connections 8192; }
     http {
       types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; }
       access_log off; tcp_nopush on; keepalive_requests 1000000;
       client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
       uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
       proxy_cache_path ${folder}/cache keys_zone=hls:10m max_size=512m;
       server {
         listen 127.0.0.1:${port};
         add_header Access-Control-Allow-Origin *;
         ${locations(folder)}
       }
     }`,
  );
  const child = spawn(program, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const origin = `http://127.0.0.1:${port}`;
  const answers = () =>
    fetch(origin).then(
      () => true,
      () => false,
    );
  await until(answers, { timeoutMs: 10_000, what: 'nginx to listen' });
  return { origin, folder, cpuSeconds: () => cpuOf(child), stop: () => stop(child, folder) };
}

function cpuOf({ pid = 0 }: ChildProcess): number {
  const own = processInfo(pid)?.cpuSeconds ?? 0;
  const workers = allProcesses().filter(({ ppid }) => ppid === pid);
  return workers.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, own);
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  rmSync(folder, { recursive: true });
}
