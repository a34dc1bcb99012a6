/**
 * The FFmpeg of the newest Debian, unpacked beside the installed one. `npx tsx test/support/newer-ffmpeg.ts` fetches it (140 MB)
 * and prints its path. Tests that compare two versions of FFmpeg use it if it is there.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '../compose/support/command.ts';
import { mirror, RELEASE } from '../compose/support/packages.ts';

const FOLDER = join(tmpdir(), `streampool-ffmpeg-${RELEASE}`);
const PROGRAM = join(FOLDER, 'ffmpeg');
const KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg';
const FETCH_MS = 300_000;

/** The FFmpegs to try, by the names of their tests: the installed one, and the newer one if it is there. */
export const FFMPEGS: readonly [string, string][] = [
  ['the installed FFmpeg', process.env.FFMPEG_PATH || 'ffmpeg'],
  ...(existsSync(PROGRAM) ? [['the newer FFmpeg', PROGRAM] as [string, string]] : []),
];

/** Fetches it with all its dependencies, including the C library, without a trace in this machine's own package lists. */
async function fetchNewerFfmpeg(): Promise<string> {
  if (existsSync(PROGRAM)) return PROGRAM;
  const work = mkdtempSync(join(tmpdir(), 'streampool-ffmpeg-'));
  for (const part of ['lists/partial', 'archives/partial']) mkdirSync(join(work, part), { recursive: true });
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${KEYS}] ${await mirror()} ${RELEASE} main\n`);
  // Nothing counts as installed, so that apt fetches every package.
  writeFileSync(join(work, 'status'), '');
  const apart = [
    `Dir::Etc::SourceList=${join(work, 'sources.list')}`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::State::status=${join(work, 'status')}`,
    `Dir::Cache=${work}`,
    'APT::Sandbox::User=root',
    'Debug::NoLocking=1',
  ].flatMap((option) => ['-o', option]);
  await command('apt-get', [...apart, '-qq', 'update'], { timeoutMs: FETCH_MS });
  const install = ['-y', '-qq', '--no-install-recommends', '--download-only', 'install', 'ffmpeg'];
  await command('apt-get', [...apart, ...install], { timeoutMs: FETCH_MS });
  const archives = join(work, 'archives');
  const root = join(work, 'root');
  mkdirSync(root);
  for (const name of readdirSync(archives).filter((file) => file.endsWith('.deb'))) {
    await command('dpkg-deb', ['-x', join(archives, name), root]);
  }
  const linker = 'root/usr/lib64/ld-linux-x86-64.so.2';
  if (!existsSync(join(work, linker))) throw new Error(`The packages of ${RELEASE} hold no ${linker}.`);
  const libraries = ['', '/pulseaudio', '/blas', '/lapack'].map(
    (part) => `${FOLDER}/root/usr/lib/x86_64-linux-gnu${part}`,
  );
  const call = `exec ${FOLDER}/${linker} --library-path ${libraries.join(':')} ${FOLDER}/root/usr/bin/ffmpeg "$@"`;
  writeFileSync(join(work, 'ffmpeg'), `#!/bin/sh\n${call}\n`, { mode: 0o755 });
  renameSync(work, FOLDER);
  return PROGRAM;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  void fetchNewerFfmpeg().then((path) => console.log(path));
}
