// Installs what a fresh machine needs: Node modules, FFmpeg, Redis. It has no dependencies itself, and is quick when
// everything is there already.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MIN_NODE = [20, 19];
/** The first version with -fps_mode. */
const MIN_FFMPEG = 5.1;
/**
 * What single tests need: network namespaces, the init of a container, what asks a worker whether it lives, a browser, and other
 * players. A program, then the Debian packages that bring it and all it plays with.
 */
const OPTIONAL = [
  ['ip', 'iproute2'],
  ['tini', 'tini'],
  ['curl', 'curl'],
  ['chromium', 'chromium'],
  ['mpv', 'mpv'],
  ['cvlc', 'vlc-bin', 'vlc-plugin-base'],
  [
    'gst-launch-1.0',
    ...['gstreamer1.0-tools', 'gstreamer1.0-plugins-base', 'gstreamer1.0-plugins-good', 'gstreamer1.0-plugins-bad'],
    'gstreamer1.0-libav',
  ],
  ['streamlink', 'streamlink'],
];
/** Servers that the benchmark compares with, if they are there. */
const PEERS = [
  ['cvlc', 'vlc-bin', 'vlc-plugin-base'],
  ['icecast2', 'icecast2'],
];
/** What finds the media of web pages. */
const PAGE_RESOLVERS = [
  ['streamlink', 'streamlink'],
  ['yt-dlp', 'yt-dlp'],
];
/** A server of S3: OpenStack Swift. */
const BUCKET = [
  ['swift-proxy-server', 'swift-proxy', 'swift-account', 'swift-container', 'swift-object'],
  ['memcached', 'memcached'],
];
/** Seconds to wait for another apt that holds the lock; the first boot of a machine often runs one. */
const APT_LOCK_S = 180;

/** A reason to stop that says what to do; shown without a stack. */
export class SetupError extends Error {}

/** Runs a script's main function; for a SetupError it prints only the message and ends the process. */
export async function run(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}` : error);
    process.exitCode = 1;
  }
}

/** Checks or installs everything; `redis`: what clusters need as well; the others: what only these need. */
export function setup({
  redis = false,
  tests = false,
  bench = false,
  peers = false,
  pageResolvers = false,
  bucket = false,
} = {}) {
  ensureNode();
  ensureNodeModules();
  ensureFfmpeg();
  if (redis || tests) ensureRedis();
  if (bench) {
    if (findNginx() === undefined) install('nginx (for the benchmark)', 'nginx-light');
    if (find('chromium') === undefined && canInstall()) install('Chromium (for the benchmark)', 'chromium');
  }
  if (peers)
    installMissing([...PEERS, ...(findNginx() === undefined ? [['nginx', 'nginx-light']] : [])], 'to compare with');
  if (!tests) return;
  if (findHaproxy() === undefined) install('HAProxy (for the tests)', 'haproxy');
  installMissing(OPTIONAL);
  if (pageResolvers) installMissing(PAGE_RESOLVERS);
  if (bucket) installMissing(BUCKET);
}

export function ensureNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  throw new SetupError(
    `Streampool needs Node ${MIN_NODE.join('.')} or newer; this is ${version}. See https://nodejs.org`,
  );
}

/** Installs from the lock file when node_modules is missing or has other versions. */
export function ensureNodeModules(root = ROOT) {
  if (modulesMatchLockFile(root)) return;
  console.error('Installing Node modules from package-lock.json …');
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  // If npm started this, the same npm; otherwise the one on the PATH.
  const npm = process.env.npm_execpath ?? '';
  const viaNode = basename(npm) === 'npm-cli.js';
  const result = viaNode
    ? spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (result.error) throw new SetupError(`Could not start npm (${result.error.message}). Install it with Node.`);
  if (result.status !== 0) throw new SetupError('`npm ci` failed; its messages above say why. Then run this again.');
}

function modulesMatchLockFile(root) {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  // npm writes this file last, so it is absent after an interrupted install.
  if (!existsSync(installedFile)) return false;
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  const installed = readJson(installedFile).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || !isWantedHere(entry) || installed[path]?.version === entry.version,
  );
}

/** An optional package counts only if it is certainly for this platform. */
function isWantedHere(entry) {
  if (!entry.optional) return true;
  if (!entry.os || !entry.cpu || entry.libc) return false;
  return entry.os.includes(process.platform) && entry.cpu.includes(process.arch);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** Finds FFmpeg (FFMPEG_PATH, then PATH), installs it if possible, and returns its path. */
export function ensureFfmpeg() {
  const given = process.env.FFMPEG_PATH;
  if (given) {
    const version = ffmpegVersion(given);
    if (version >= MIN_FFMPEG) return given;
    const found = version === 0 ? 'does not run' : `is version ${version}`;
    throw new SetupError(`FFMPEG_PATH=${given} ${found}. It must name an FFmpeg ${MIN_FFMPEG} or newer, or be unset.`);
  }
  if (!find('ffmpeg')) install('FFmpeg', 'ffmpeg');
  const path = find('ffmpeg');
  if (path === undefined) throw new SetupError('FFmpeg was installed, but not into a folder of the PATH.');
  const version = ffmpegVersion(path);
  if (version < MIN_FFMPEG) {
    const found = version === 0 ? 'does not run' : `is version ${version}`;
    throw new SetupError(
      `Streampool needs FFmpeg ${MIN_FFMPEG} or newer, and ${path} ${found}. ` +
        'Install a newer one and set FFMPEG_PATH to it.',
    );
  }
  return path;
}

/** Major and minor version of an FFmpeg as a number (minors have one digit), 0 if it does not run. Git builds are new enough. */
function ffmpegVersion(path) {
  const { stdout, status } = spawnSync(path, ['-version'], { encoding: 'utf8' });
  if (status !== 0) return 0;
  const match = /^ffmpeg version n?(\d+(?:\.\d)?)/m.exec(stdout);
  return match ? Number(match[1]) : /^ffmpeg version /m.test(stdout) ? MIN_FFMPEG : 0;
}

/** Finds redis-server or valkey-server, installs one if possible, and returns its path. */
export function ensureRedis() {
  const path = find('redis-server') ?? find('valkey-server');
  if (path) return path;
  install('A Redis server', 'redis-server');
  return find('redis-server');
}

/** All at once, because each start of apt takes seconds. */
function installMissing(programs, why = 'for the tests') {
  if (process.platform !== 'linux' || !canInstall()) return;
  const missing = programs.filter(([program]) => find(program) === undefined);
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(', ');
  install(`${names} (${why})`, ...missing.flatMap(([, ...packages]) => packages));
}

/** Debian installs it into a folder that is not in every PATH. */
export function findHaproxy() {
  return find('haproxy', ['/usr/sbin']);
}

/** As above. */
export function findNginx() {
  return find('nginx', ['/usr/sbin']);
}

export function find(command, furtherFolders = []) {
  return [...(process.env.PATH ?? '').split(delimiter), ...furtherFolders]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, command))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Installs Debian packages as root; otherwise stops and prints the command for them. */
function install(what, ...packages) {
  const names = packages.join(' ');
  if (!canInstall()) throw new SetupError(`${what} is missing. Install it with:\n\n  ${installCommand(names)}\n`);
  console.error(`Installing ${names} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_S}`];
  // An update may fail although the lists are good (one dead mirror of several), so the install decides.
  spawnSync('apt-get', [...lock, '-qq', 'update'], { env, stdio: ['ignore', 2, 2] });
  const args = [...lock, '-y', '-qq', 'install', '--no-install-recommends', ...packages];
  const result = spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] });
  if (result.status === 0) return;
  throw new SetupError(
    `${what} could not be installed; apt's messages above say why. By hand:\n\n  apt-get install ${names}\n`,
  );
}

function canInstall() {
  return hasApt() && process.getuid?.() === 0;
}

function hasApt() {
  return isDebianLike() && find('apt-get') !== undefined;
}

/** The command that installs a Debian package, or its counterpart on this system. */
export function installCommand(debianPackage) {
  if (hasApt()) return `sudo apt-get update && sudo apt-get install -y ${debianPackage}`;
  if (process.platform === 'darwin') return `brew install ${debianPackage.replace('-server', '')}`;
  return `(the package manager of your system) install ${debianPackage}`;
}

function isDebianLike() {
  try {
    return /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
