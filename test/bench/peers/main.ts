/** `npm run bench -- peers`: Streampool beside what people would otherwise run, in one run on one machine. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TICK_MS } from '../../support/live/server.ts';
import { watchOthers } from '../disturbance.ts';
import { FAN_OUT_TIMES, fanOut } from './fan-out.ts';
import { IDLE_TIMES, idle } from './idle.ts';
import { CHANNEL_TIMES, oneChannel } from './one-channel.ts';
import { comparisonOf, pageOf, replaceSection } from './page.ts';
import { type Measure, parseRun, printRun, type Run } from './results.ts';
import { m3uProxyVersion } from './servers/given.ts';
import { type Server, serversHere } from './servers/servers.ts';
import type { Order } from './sheet.ts';
import { coldStarts, missingSources } from './starts.ts';
import { bytesPerSecond, writtenIn } from './viewers.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const LAST_RUN = join(import.meta.dirname, 'last-run.json');
const PAGE = join(ROOT, 'docs', 'benchmarks.md');
const ROUNDS = 3;

/** What can be measured alone. */
const PARTS = ['fan-out', 'channel', 'idle', 'cold', 'missing'] as const;
type Part = (typeof PARTS)[number];

const USAGE = `npm run bench -- peers [${PARTS.map((part) => `peers/${part}`).join('|')}] … [options]

  --m3u-proxy WHERE  the folder of an m3u-proxy, or the origin of a running one (M3U_PROXY_TOKEN: its token)
  --peer NAME=URL    what a running server of this machine plays; {source} in it is the address of the source. Any number of them
  --quick            short and only once, for development
  --rounds N         in place of ${ROUNDS}
  --keep             keeps this run in the repository: the next ones are compared with it, and docs/benchmarks.md shows it
  --json             prints the run as JSON`;

interface Options {
  readonly parts: readonly Part[];
  readonly m3uProxy: string | undefined;
  readonly peers: readonly string[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly keep: boolean;
  readonly json: boolean;
}

async function main(args: readonly string[]): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n\n${USAGE}\n`);
    return 2;
  }
  const { run, failed } = await measured(options);
  if (options.json) process.stdout.write(printRun(run));
  else process.stdout.write(`\n${pageOf(run)}\n`);
  const last = existsSync(LAST_RUN) ? parseRun(readFileSync(LAST_RUN, 'utf8')) : undefined;
  if (last !== undefined) process.stderr.write(`\n${comparisonOf(last, run)}\n`);
  if (failed.length > 0) {
    process.stderr.write(`\nFailed, as said above: ${failed.join(', ')}. This run is not kept.\n`);
    return 1;
  }
  if (options.keep) {
    writeFileSync(LAST_RUN, printRun(run));
    writeFileSync(PAGE, replaceSection(readFileSync(PAGE, 'utf8'), pageOf(run)));
    process.stderr.write('\nThis run is kept, and docs/benchmarks.md shows it.\n');
  }
  return 0;
}

/** What is wrong with the arguments, or what they say. */
function read(args: readonly string[]): Options | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'm3u-proxy': { type: 'string' },
        peer: { type: 'string', multiple: true },
        quick: { type: 'boolean' },
        rounds: { type: 'string' },
        keep: { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const known = ['peers', ...PARTS.map((part) => `peers/${part}`)];
    const unknown = positionals.filter((name) => !known.includes(name));
    if (unknown.length > 0) return `Unknown: ${unknown.join(', ')}`;
    const parts = PARTS.filter((part) => positionals.includes('peers') || positionals.includes(`peers/${part}`));
    const { quick = false, keep = false, json = false } = values;
    const rounds = Number(values.rounds ?? (quick ? 1 : ROUNDS));
    if (!(Number.isInteger(rounds) && rounds > 0)) return `--rounds ${values.rounds}: it must be a number above 0`;
    if (keep && parts.length < PARTS.length) return '--keep: only a run of all parts is kept';
    return { parts, m3uProxy: values['m3u-proxy'], peers: values.peer ?? [], quick, rounds, keep, json };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function measured({ parts, m3uProxy, peers, quick, rounds }: Options): Promise<{ run: Run; failed: Part[] }> {
  const startMs = performance.now();
  const say = (text: string): void => {
    process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);
  };
  const order: Order = { quick, rounds, say };
  const servers = serversHere({ m3uProxy, peers });
  const measuring: Record<Part, () => Promise<Measure[]>> = {
    'fan-out': () => fanOut(servers, order),
    channel: () => oneChannel(servers, order),
    idle: () => idle(m3uProxy, order),
    cold: () => coldStarts(m3uProxy, order),
    missing: () => missingSources(m3uProxy, order),
  };
  const versions = await versionsOf(servers, m3uProxy);
  const others = watchOthers();
  const measures: Measure[] = [];
  const failed: Part[] = [];
  for (const part of parts) {
    try {
      measures.push(...(await measuring[part]()));
    } catch (error) {
      failed.push(part);
      say(`${part} has failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  const run: Run = {
    date: new Date().toISOString(),
    commit: output('git', ['rev-parse', '--short', 'HEAD']),
    quick,
    rounds,
    machine: {
      cores: cpus().length,
      processor: cpus()[0]?.model ?? 'unknown',
      memoryGb: Math.round(totalmem() / 1024 ** 3),
      kernel: release(),
    },
    versions,
    how: await howOf(quick),
    othersUsed: Number(others().toFixed(2)),
    measures: measures.filter(({ values }) => Object.keys(values).length > 0),
  };
  return { run, failed };
}

async function versionsOf(servers: readonly Server[], m3uProxy: string | undefined): Promise<Record<string, string>> {
  const ffmpeg = output(process.env.FFMPEG_PATH ?? 'ffmpeg', ['-version']).split(' ')[2] ?? 'unknown';
  return {
    FFmpeg: ffmpeg,
    ...Object.fromEntries(servers.map(({ version }) => version)),
    ...(m3uProxy === undefined ? {} : { 'm3u-proxy': await m3uProxyVersion(m3uProxy) }),
  };
}

async function howOf(quick: boolean): Promise<string[]> {
  const length = quick ? 'quick' : 'whole';
  const [fan, one, still] = [FAN_OUT_TIMES[length], CHANNEL_TIMES[length], IDLE_TIMES[length]];
  const slice = Math.round(((await bytesPerSecond()) * TICK_MS) / 1000 / 1024);
  const s = (ms: number): string => `${ms / 1000} s`;
  return [
    `Floor and viewers are programs in ${writtenIn()}; the row of the viewers says what they take themselves.`,
    `Each server is started anew for each round, and the order of the servers alternates.`,
    `The fan-out rows: "at first" is the first ${s(fan.firstMs)} of a new server with its viewers; the later ones begin after ${s(fan.warmMs)} and take ${s(fan.windowMs)} each.`,
    `The source sends every ${TICK_MS} ms what is due, about ${slice} KB, where a row does not say otherwise.`,
    `The rows of one channel take ${s(one.windowMs)} after ${s(one.warmMs)}, all servers at the same time; those of idle servers ${s(still.windowMs)}.`,
    `CPU is that of the server without its FFmpeg, where the row does not say otherwise. Memory is resident.`,
  ];
}

function output(program: string, args: readonly string[]): string {
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' }).stdout?.trim() ?? '';
}

process.exit(await main(process.argv.slice(2)));
