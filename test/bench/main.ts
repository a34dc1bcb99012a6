/** `npm run bench`: what the worker costs and how fast it is, beside a floor or a peer measured in the same run. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { admin } from './admin.ts';
import { channels } from './channels.ts';
import { cluster } from './cluster.ts';
import { cold } from './cold.ts';
import { consolePages } from './console/console.ts';
import { watchOthers } from './disturbance.ts';
import { fanout } from './fanout.ts';
import { HLS_PARTS } from './hls/hls.ts';
import { join } from './join.ts';
import { levels } from './levels.ts';
import { memory } from './memory.ts';
import { restart } from './restart.ts';
import { meetsGoal, printTable, type Row, ratioOf } from './table.ts';
import { within } from './within.ts';

/** What a part is given. */
export interface Bench {
  /** Fewer and shorter measurements, for a look in passing. */
  readonly quick: boolean;
  /** The main.js of another built tree, to be measured in the same run by the parts that can. */
  readonly beside: string | undefined;
  /** Tells what is under way. */
  readonly say: (text: string) => void;
}

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Row[]>>> = {
  fanout,
  channels,
  memory,
  join,
  cold,
  restart,
  levels,
  cluster,
  admin,
  console: consolePages,
  ...HLS_PARTS,
};

const USAGE = `npm run bench -- [${Object.keys(PARTS).join('|')}|hls] … [--quick] [--json] [--beside FOLDER]`;

/** No part takes as long. One that does hangs. */
const PART_MS = 20 * 60_000;
/** Processors that other programs may use: a benchmark on a shared machine has never less. */
const UNDISTURBED = 0.1;

const NOT_MEASURED = [
  'a real network: everything runs on loopback, where no packet is lost, late or small',
  'TLS, which a load balancer or proxy in front of the worker ends',
  'readers on another machine: here they share its cores with what is measured',
  'hardware encoders, and encoding at all in the fan-out rows, whose stream is copied',
  'memory outside the process: the kernel keeps up to some megabytes of send buffer for each slow reader',
];

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals: names } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    options: { quick: { type: 'boolean' }, json: { type: 'boolean' }, beside: { type: 'string' } },
  });
  const isMeant = (part: string) => names.length === 0 || names.some((name) => isOf(part, name));
  const unknown = [
    ...names.filter((name) => !Object.keys(PARTS).some((part) => isOf(part, name))),
    ...Object.keys(values).filter((name) => !['quick', 'json', 'beside'].includes(name)),
  ];
  if (unknown.length > 0) {
    process.stderr.write(`Unknown: ${unknown.join(', ')}. Usage: ${USAGE}\n`);
    return 2;
  }
  const machine = {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    loadAtStart: loadavg()[0] ?? 0,
  };
  const startMs = performance.now();
  const bench: Bench = {
    quick: values.quick === true,
    beside: typeof values.beside === 'string' ? resolve(values.beside, 'dist', 'proxy', 'main.js') : undefined,
    say: (text) =>
      process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`),
  };
  const rows: Row[] = [];
  const failed: string[] = [];
  for (const [name, run] of Object.entries(PARTS)) {
    if (!isMeant(name)) continue;
    try {
      rows.push(...(await measured(name, run, bench)));
    } catch (error) {
      failed.push(name);
      bench.say(`${name} has failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  if (values.json === true) {
    const judged = rows.map((row) => ({ ...row, ratio: ratioOf(row), met: meetsGoal(row) }));
    process.stdout.write(
      `${JSON.stringify({ machine, seconds, rows: judged, failed, notMeasured: NOT_MEASURED }, null, 2)}\n`,
    );
    return failed.length === 0 ? 0 : 1;
  }
  const { cores, processor, memoryGb, kernel, node, loadAtStart } = machine;
  const lines = [
    '',
    printTable(rows),
    '',
    `Machine: ${cores} cores (${processor}), ${memoryGb} GB, Linux ${kernel}, Node ${node}; load average at the start ${loadAtStart.toFixed(2)}; ${seconds} s.`,
    'Not measured:',
    ...NOT_MEASURED.map((what) => `- ${what}`),
  ];
  if (loadAtStart > cores / 4)
    lines.push('The machine was busy with something else: the numbers are worse than they should be.');
  if (failed.length > 0) lines.push(`Failed, as said above: ${failed.join(', ')}.`);
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed.length === 0 ? 0 : 1;
}

/** Whether a name means a part: its own, or that of the group before the slash. */
function isOf(part: string, name: string): boolean {
  return part === name || part.startsWith(`${name}/`);
}

/** The rows of a part. It says which figures are worse than they should be, as other programs were busy. */
async function measured(name: string, run: (bench: Bench) => Promise<Row[]>, bench: Bench): Promise<Row[]> {
  const others = watchOthers();
  const rows = await within(run(bench), PART_MS, name);
  const used = others();
  bench.say(`${name}: other programs used ${used.toFixed(2)} processors meanwhile`);
  return used > UNDISTURBED ? rows.map((row) => ({ ...row, disturbed: used })) : rows;
}

process.exit(await main(process.argv.slice(2)));
