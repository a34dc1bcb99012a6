/** A private real Prometheus that scrapes workers, with the rules of local/alerts.yml. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from '../../services/proxy/src/ffmpeg/host/find-on-path.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Where Debian's package is unpacked. It is not installed: that would start it as a service of this machine. */
const UNPACKED = join(ROOT, '.cache', 'prometheus');
const SCRAPE_MS = 1_000;

/** Running servers, which end with this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The program, from the PATH or from Debian's package; undefined where there is neither. */
export function prometheusProgram(): string | undefined {
  const installed = findOnPath('prometheus');
  if (installed !== undefined) return installed;
  const unpacked = join(UNPACKED, 'usr', 'bin', 'prometheus');
  if (existsSync(unpacked)) return unpacked;
  if (findOnPath('apt-get') === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-package-'));
  try {
    download(folder);
    const [archive] = readdirSync(folder).filter((name) => name.endsWith('.deb'));
    if (archive === undefined) return undefined;
    mkdirSync(UNPACKED, { recursive: true });
    execFileSync('dpkg-deb', ['-x', join(folder, archive), UNPACKED], { stdio: 'pipe' });
    return existsSync(unpacked) ? unpacked : undefined;
  } catch (error) {
    console.log(`Debian's package of Prometheus could not be had: ${String(error)}`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As any user. Only root can bring the lists of packages up to date, if there are none. */
function download(folder: string): void {
  const get = (...args: string[]) => execFileSync('apt-get', ['-qq', ...args], { cwd: folder, stdio: 'pipe' });
  // apt gives up root for a download, and that user could not write into the folder.
  const fetch = () => get('-o', 'APT::Sandbox::User=root', 'download', 'prometheus');
  try {
    fetch();
  } catch (error) {
    if (process.getuid?.() !== 0) throw error;
    get('update');
    fetch();
  }
}

/** Values of one series by time, in seconds since 1970. */
export interface Matrix {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

type Answer =
  | { readonly status: 'success'; readonly data: { readonly result: readonly Matrix[] } }
  | { readonly status: 'error'; readonly error: string };

export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #sinceMs = Date.now();

  private constructor(url: string, child: ChildProcess, folder: string) {
    this.url = url;
    this.#child = child;
    this.#folder = folder;
  }

  /** @param targets hosts and ports of workers */
  static async start(program: string, targets: readonly string[]): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'streampool-prometheus-'));
    const [port, config] = [await freePort(), join(folder, 'prometheus.yml')];
    const seconds = `${SCRAPE_MS / 1000}s`;
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: seconds, scrape_timeout: seconds, evaluation_interval: seconds },
        rule_files: [join(ROOT, 'local', 'alerts.yml')],
        scrape_configs: [{ job_name: 'worker', static_configs: [{ targets }] }],
      }),
    );
    const child = spawn(
      program,
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    running.add(child);
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    child.once('error', (error) => {
      said += String(error);
    });
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child, folder);
    const isReady = async () => (await fetch(`${prometheus.url}/-/ready`).catch(() => undefined))?.ok === true;
    await until(isReady, { timeoutMs: 20_000, what: () => `Prometheus to be ready; it says: ${said}` });
    return prometheus;
  }

  /**
   * Until what happens now has been scraped.
   * @param workers of so many workers
   */
  async scraped(workers = 1): Promise<void> {
    const nowMs = Date.now();
    const scrapedSince = async () => {
      const newest = (await this.over('timestamp(streampool_info)')).map(({ values }) =>
        Math.max(...values.map(([, value]) => Number(value))),
      );
      return newest.filter((seconds) => seconds * 1000 > nowMs + SCRAPE_MS).length;
    };
    await until(async () => (await scrapedSince()) >= workers, { timeoutMs: 20_000, what: 'the next scrape' });
  }

  /** An expression at each second since the start; series without a value are left out. @throws when it is not valid */
  async over(expr: string): Promise<readonly Matrix[]> {
    const query = new URLSearchParams({
      query: expr,
      start: String(this.#sinceMs / 1000),
      end: String(Date.now() / 1000 + 1),
      step: '1',
    });
    const response = await fetch(`${this.url}/api/v1/query_range`, { method: 'POST', body: query });
    const answer = (await response.json()) as Answer;
    if (answer.status === 'error') throw new Error(`${expr}: ${answer.error}`);
    return answer.data.result;
  }

  /** The largest value that it had, over all series; undefined: it had none. */
  async most(expr: string): Promise<number | undefined> {
    const values = (await this.over(expr)).flatMap((series) => series.values.map(([, value]) => Number(value)));
    const real = values.filter((value) => !Number.isNaN(value));
    return real.length === 0 ? undefined : Math.max(...real);
  }

  /** The rules, each with what is wrong with it. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string; readonly lastError?: string }[]> {
    const response = await fetch(`${this.url}/api/v1/rules`);
    const { data } = (await response.json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    return data.groups.flatMap((group) => group.rules);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await ended;
    }
    running.delete(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
