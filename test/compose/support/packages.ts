/** Debian packages: those that are installed, and those of a newer Debian that are only fetched. */

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command } from './command.ts';

export const RELEASE = 'trixie';
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Of a first boot, another apt may hold the lock. */
const LOCK = ['-o', 'DPkg::Lock::Timeout=180'];
const INSTALL_MS = 300_000;

/** Installs the packages whose file is not there. */
export async function needPackages(packageOf: Readonly<Record<string, string>>): Promise<void> {
  const missing = Object.entries(packageOf).filter(([file]) => !existsSync(file));
  if (missing.length === 0) return;
  const names = missing.map(([, name]) => name);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: INSTALL_MS };
  console.log(`Installing ${names.join(', ')} …`);
  await command('apt-get', [...LOCK, '-qq', 'update'], options);
  await command('apt-get', [...LOCK, '-y', '-qq', 'install', '--no-install-recommends', ...names], options);
}

/** The archive that this machine has its own Debian packages from. */
export async function mirror(): Promise<string> {
  const targets = await command('apt-get', ['indextargets', '--format', '$(RELEASE) $(SITE)', 'Created-By: Packages']);
  // Not the one for security or backports, which has no other release.
  const [, site] = /^[a-z]+ (\S+)$/m.exec(targets) ?? [];
  if (site === undefined) throw new Error(`apt names no archive of a Debian release:\n${targets}`);
  return site;
}

/** Fetches packages of RELEASE into a folder, without a trace in this machine's own lists; answers the files. */
export async function debianPackages(folder: string, names: readonly string[]): Promise<string[]> {
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYS}] ${await mirror()} ${RELEASE} main\n`);
  for (const part of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, part), { recursive: true });
  const apart = [
    `Dir::Etc::SourceList=${sources}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    `Dir::Cache=${join(folder, 'cache')}`,
    // The folder is this process's own.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  await command('apt-get', [...apart, '-qq', 'update'], { timeoutMs: INSTALL_MS });
  await command('apt-get', [...apart, '-qq', 'download', ...names], { cwd: folder, timeoutMs: INSTALL_MS });
  return readdirSync(folder)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => join(folder, file));
}
