/**
 * The sandbox that FFmpeg runs in: another user, with files and network closed by the kernel, if this machine supports
 * that. `services/proxy/sandbox/sandbox.c` sets it up; this file chooses, tries and describes it.
 */
import { execFile } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Layers of the sandbox. Each can be left out. */
export interface Layers {
  /** `nobody` instead of the worker's user. Needs root, or a helper installed set-user-ID root. */
  readonly user: boolean;
  /** Landlock. */
  readonly files: boolean;
  /** seccomp. */
  readonly calls: boolean;
}

/** What a program inside the sandbox was refused when it tried. `missing` says why the rest is open. */
export interface SandboxReport {
  readonly other_user: boolean;
  /** It cannot read /etc/passwd or its own environment, nor write to its working directory. */
  readonly files_closed: boolean;
  /** It cannot read the worker's environment, which contains secrets. */
  readonly worker_environment_closed: boolean;
  /** It has no sockets. FFmpeg runs like this on a source that the worker reads. */
  readonly network_closed: boolean;
  /** When FFmpeg opens its own input, its sockets lead only to the worker's gateway. */
  readonly gateway_only: boolean;
  readonly missing: readonly string[];
}

/** What a hardware encoder needs from this machine. */
export interface DeviceAccess {
  /** Device files, and folders of device files. */
  readonly devices: readonly string[];
  /** Files about the devices that drivers read. */
  readonly readable: readonly string[];
}

export const NO_DEVICES: DeviceAccess = { devices: [], readable: [] };

/** What a program other than FFmpeg may have. */
export interface ProgramLimits {
  /** What it may read and run beside the system's libraries. */
  readonly readable: readonly string[];
  /** Address space. */
  readonly memoryBytes: number;
  /** Below it the program gets a folder for named pipes and small files; see `sandbox.c`. */
  readonly scratch?: string | undefined;
}

/** A program and its arguments, ready for `spawn`. */
export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  /** An empty folder that FFmpeg cannot write to. */
  readonly cwd: string;
  /** The signal that makes it kill the program that it runs. */
  readonly killSignal: NodeJS.Signals;
}

/** From most to least. A layer is left out when FFmpeg does not run with it here. */
const LEVELS: readonly Layers[] = [
  { user: true, files: true, calls: true },
  { user: false, files: true, calls: true },
  { user: true, files: false, calls: true },
  { user: false, files: false, calls: true },
  { user: false, files: false, calls: false },
];

/** Long, so that a short time of heavy load does not cost a layer. */
const TRY_TIMEOUT_MS = 30_000;

/** Folders that the helper allows without being told. */
const SYSTEM_FOLDERS = ['/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/local/lib', '/lib', '/lib64'];

/**
 * The only variables that FFmpeg gets from the worker's environment: where its programs and libraries are, and which
 * hardware it may use. FFREPORT would write files, http_proxy would bypass the guard, HOME would lead to somebody's
 * configuration.
 */
const KEPT_ENVIRONMENT = [
  'PATH',
  'LD_LIBRARY_PATH',
  ...['LIBVA_DRIVER_NAME', 'LIBVA_DRIVERS_PATH', 'ONEVPL_SEARCH_PATH', 'ONEVPL_PRIORITY_PATH'],
  ...['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'NVIDIA_VISIBLE_DEVICES', 'NVIDIA_DRIVER_CAPABILITIES'],
];

/** FFmpeg's environment: what it needs from the worker's, and a locale that all machines have. */
export function ffmpegEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept = KEPT_ENVIRONMENT.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

/** Where the build puts the helper: beside the bundle, or in `dist` when the sources run. */
export function helperPath(): string {
  const folder = dirname(fileURLToPath(import.meta.url));
  const root = join(folder, '..', '..', '..', '..', '..');
  return [join(folder, 'sandbox'), join(root, 'dist', 'proxy', 'sandbox')].find(existsSync) ?? join(folder, 'sandbox');
}

interface SandboxParts {
  readonly ffmpegPath: string;
  /** Undefined: no sandbox. */
  readonly helper: string | undefined;
  readonly layers: Layers;
  readonly access: DeviceAccess;
  /** Folders that FFmpeg's libraries are in. */
  readonly libraries: readonly string[];
  readonly report: SandboxReport;
}

export class Sandbox {
  readonly ffmpegPath: string;
  readonly layers: Layers;
  readonly report: SandboxReport;
  readonly #helper: string | undefined;
  readonly #access: DeviceAccess;
  readonly #libraries: readonly string[];

  private constructor({ ffmpegPath, helper, layers, access, libraries, report }: SandboxParts) {
    this.ffmpegPath = ffmpegPath;
    this.layers = layers;
    this.report = report;
    this.#helper = helper;
    this.#access = access;
    this.#libraries = libraries;
  }

  /** No sandbox, for a machine without the helper; `reason` says why. */
  static none(ffmpegPath: string, reason: string): Sandbox {
    const report = {
      other_user: false,
      files_closed: false,
      worker_environment_closed: false,
      network_closed: false,
      gateway_only: false,
      missing: [reason],
    };
    const layers = LEVELS.at(-1) as Layers;
    return new Sandbox({ ffmpegPath, helper: undefined, layers, access: NO_DEVICES, libraries: [], report });
  }

  /**
   * The strictest sandbox in which FFmpeg runs on this machine and `works` succeeds.
   *
   * @param helper the program that sets it up
   * @param works tries what else FFmpeg must do, such as using a hardware encoder
   */
  static async open(
    ffmpegPath: string,
    helper: string,
    access: DeviceAccess = NO_DEVICES,
    works: (sandbox: Sandbox) => Promise<boolean> = async () => true,
  ): Promise<Sandbox> {
    if (process.platform !== 'linux')
      return Sandbox.none(ffmpegPath, 'FFmpeg runs without a sandbox: the sandbox needs Linux.');
    if (!existsSync(helper)) {
      const reason = `FFmpeg runs without a sandbox: ${helper} is missing. Install a C compiler (Debian: apt-get install gcc libc6-dev) and run \`npm run build\`.`;
      return Sandbox.none(ffmpegPath, reason);
    }
    const libraries = await libraryFolders(ffmpegPath);
    const refused: string[] = [];
    for (const layers of LEVELS) {
      const parts = { ffmpegPath, helper, layers, access, libraries };
      const bare = new Sandbox({ ...parts, report: NOTHING_TRIED });
      const failure = await bare.#failure(works);
      if (failure === undefined) {
        return new Sandbox({ ...parts, report: await bare.#tried(refused) });
      }
      refused.push(`FFmpeg does not work with ${namesOf(layers)}: ${failure}`);
    }
    return Sandbox.none(ffmpegPath, `FFmpeg runs without a sandbox. ${refused.at(-1) ?? ''}`);
  }

  /** Whether the helper runs FFmpeg. The helper then also handles FFmpeg's priority and end. */
  get isUp(): boolean {
    return this.#helper !== undefined;
  }

  /** @param gatewayPort the only port of this machine that FFmpeg may reach; without it FFmpeg reaches nothing */
  commandLine(args: readonly string[], gatewayPort?: number): CommandLine {
    return this.#lineOf(this.ffmpegPath, args, gatewayPort);
  }

  /**
   * Another program in the same sandbox, without devices. What it starts ends with it.
   */
  lineOfProgram(
    program: string,
    args: readonly string[],
    gatewayPort: number,
    { readable, memoryBytes, scratch }: ProgramLimits,
  ): CommandLine {
    const more = [
      ...['--family', '--memory', String(memoryBytes)],
      ...(scratch === undefined ? [] : ['--scratch', scratch]),
    ];
    return this.#lineOf(program, args, gatewayPort, { devices: [], readable }, more);
  }

  #lineOf(
    program: string,
    args: readonly string[],
    gatewayPort: number | undefined,
    access = this.#access,
    more: readonly string[] = [],
  ): CommandLine {
    if (this.#helper === undefined) return { program, args, cwd: '/', killSignal: 'SIGKILL' };
    const { user, files, calls } = this.layers;
    const each = (option: string, values: readonly string[]) => values.flatMap((value) => [option, value]);
    const options = [
      ...['--parent', String(process.pid)],
      ...(user ? ['--user', ...each('--group', groupsOf(access.devices))] : []),
      ...(files
        ? [
            ...['--files', ...each('--read', [...this.#libraries, ...access.readable])],
            ...each('--device', access.devices),
          ]
        : []),
      ...(calls ? ['--calls'] : []),
      ...(gatewayPort === undefined ? [] : ['--connect', String(gatewayPort)]),
      ...more,
    ];
    return {
      program: this.#helper,
      args: [...options, '--', program, ...args],
      cwd: emptyFolder(this.#helper),
      killSignal: 'SIGUSR1',
    };
  }

  /** Why FFmpeg does not work in it; undefined when it works. */
  async #failure(works: (sandbox: Sandbox) => Promise<boolean>): Promise<string | undefined> {
    const { program, args, cwd } = this.commandLine(['-hide_banner', '-version']);
    try {
      await run(program, [...args], { cwd, env: ffmpegEnvironment(), timeout: TRY_TIMEOUT_MS });
    } catch (error) {
      const text = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
      return text.split('\n').at(-1) || String(error);
    }
    return (await works(this)) ? undefined : 'the hardware encoder fails with it.';
  }

  /** Runs the helper inside its own sandbox and reports what it was refused. */
  async #tried(refused: readonly string[]): Promise<SandboxReport> {
    const gateway = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
    const address = gateway.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const [closed, open] = await Promise.all([this.#attempt(port, undefined), this.#attempt(port, port)]);
      const user = closed.get('user');
      const other = user !== undefined && user !== String(process.getuid?.());
      const report = {
        other_user: other,
        files_closed: closed.get('files') === 'closed' && open.get('files') === 'closed',
        worker_environment_closed: closed.get('secrets') === 'closed',
        network_closed: closed.get('network') === 'closed',
        gateway_only: open.get('network') === 'gateway',
      };
      return { ...report, missing: [...refused.slice(-1), ...missing(report)] };
    } finally {
      gateway.close();
    }
  }

  async #attempt(port: number, gatewayPort: number | undefined): Promise<Map<string, string>> {
    const attempt = ['--attempt', String(process.pid), String(port)];
    const { program, args, cwd } = this.#lineOf('/proc/self/exe', attempt, gatewayPort);
    const { stdout } = await run(program, [...args], { cwd, env: ffmpegEnvironment(), timeout: TRY_TIMEOUT_MS }).catch(
      // What could not be tried does not count as closed.
      () => ({ stdout: '' }),
    );
    return new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
  }
}

const NOTHING_TRIED: SandboxReport = {
  other_user: false,
  files_closed: false,
  worker_environment_closed: false,
  network_closed: false,
  gateway_only: false,
  missing: [],
};

/** What the absence of each layer means, and what would add it. */
function missing(report: Omit<SandboxReport, 'missing'>): string[] {
  return [
    ...(report.other_user
      ? []
      : ["FFmpeg runs as the worker's user: another user needs root, or a helper that is set-user-ID root."]),
    ...(report.files_closed ? [] : ['Files are open to FFmpeg: closing them needs Landlock (Linux 5.13 or newer).']),
    ...(report.worker_environment_closed
      ? []
      : ["FFmpeg can read the worker's environment: preventing it needs Landlock, or another user for FFmpeg."]),
    ...(report.network_closed ? [] : ['The network is open to FFmpeg: closing it needs seccomp.']),
    ...(report.gateway_only
      ? []
      : [
          'An FFmpeg that opens its own input can reach other hosts: preventing it needs seccomp of Linux 5.9 or newer.',
        ]),
  ];
}

function namesOf({ user, files, calls }: Layers): string {
  return [user ? 'another user' : [], files ? 'Landlock' : [], calls ? 'seccomp' : []].flat().join(', ');
}

function emptyFolder(helper: string): string {
  const folder = join(dirname(helper), 'empty');
  return existsSync(folder) ? folder : '/';
}

/** The groups that may use the devices. Another user needs them when the worker is root. */
function groupsOf(devices: readonly string[]): string[] {
  const groups = devices.flatMap((device) => {
    const stats = statSync(device, { throwIfNoEntry: false });
    return stats === undefined || stats.isDirectory() || stats.gid === 0 ? [] : [String(stats.gid)];
  });
  return [...new Set(groups)];
}

/** Folders of the libraries of an FFmpeg outside the system's folders. The dynamic linker names them. */
async function libraryFolders(ffmpegPath: string): Promise<string[]> {
  const environment = { ...ffmpegEnvironment(), LD_TRACE_LOADED_OBJECTS: '1' };
  const listing = await run(ffmpegPath, [], { env: environment, timeout: TRY_TIMEOUT_MS }).then(
    ({ stdout }) => stdout,
    // Statically linked, or not an ELF program: there is nothing to list.
    () => '',
  );
  const files = [...listing.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  const folders = files.filter(existsSync).flatMap((path) => [dirname(path), dirname(realpathSync(path))]);
  const isSystem = (folder: string) => SYSTEM_FOLDERS.some((one) => !relative(one, folder).startsWith('..'));
  return [...new Set(folders)].filter((folder) => !isSystem(folder));
}
