/** `npm run bench`: what the worker costs and how fast it is, beside a floor or a peer measured in the same run. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { admin } from './admin.ts';
import { channels } from './channels.ts';
import { cluster } from './cluster.ts';
import { cold } from './cold.ts';
import { fanout } from './fanout.ts';
import { hls } from './hls/hls.ts';
import { join } from './join.ts';
import { memory } from './memory.ts';
import { restart } from './restart.ts';
import { meetsGoal, printTable, type Row, ratioOf } from './table.ts';

/** What a part is given. */
export interface Bench {
  /** Fewer and shorter measurements, for a look in passing. */
  readonly quick: boolean;
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
  cluster,
  admin,
  hls,
};

const USAGE = `npm run bench -- [${Object.keys(PARTS).join('|')}] … [--quick] [--json]`;

const NOT_MEASURED = [
  'a real network: everything runs on loopback, where no packet is lost, late or small',
  'TLS, which a load balancer or proxy in front of the worker ends',
  'readers on another machine: here they share its cores with what is measured',
  'hardware encoders, and encoding at all in the fan-out rows, whose stream is copied',
  'memory outside the process: the kernel keeps up to some megabytes of send buffer for each slow reader',
];

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('--'));
  const flags = args.filter((arg) => arg.startsWith('--'));
  const unknown = [
    ...names.filter((name) => PARTS[name] === undefined),
    ...flags.filter((flag) => flag !== '--quick' && flag !== '--json'),
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
    quick: flags.includes('--quick'),
    say: (text) =>
      process.stderr.write(`${((performance.now() - startMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`),
  };
  const rows: Row[] = [];
  for (const [name, run] of Object.entries(PARTS)) {
    if (names.length === 0 || names.includes(name)) rows.push(...(await run(bench)));
  }
  const seconds = Math.round((performance.now() - startMs) / 1000);
  if (flags.includes('--json')) {
    const measured = rows.map((row) => ({ ...row, ratio: ratioOf(row), met: meetsGoal(row) }));
    process.stdout.write(
      `${JSON.stringify({ machine, seconds, rows: measured, notMeasured: NOT_MEASURED }, null, 2)}\n`,
    );
    return 0;
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
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
