/** Prints the monthly cost of a stage of cdk.json under a load; `npm run cost` runs it. */

import { parseArgs } from 'node:util';
import cdkJson from '../cdk.json' with { type: 'json' };
import { checkStage, StageError } from '../infra/config.ts';
import { ASSUMED, type Estimate, estimate, type Load } from './cost/model.ts';
import { PRICED } from './cost/prices.ts';

const HELP = `
npm run cost -- --channels 50 --viewers 500 --mbit 4 [options]

  --channels N          channels watched at a time
  --viewers N           viewers at a time, around the clock
  --mbit N              Mbit/s of each viewer
  --stage NAME          a stage of cdk.json; the defaults without it
  --set name=value      a setting of the stage, as with cdk's -c; may be given several times
  --recordings N        recordings at a time, around the clock, each of the --mbit; ${ASSUMED.recordings} without it
  --vcpu-per-channel N  vCPUs of one transcode; ${ASSUMED.vcpuPerChannel} without it, 0 for streams passed on as they are
  --viewers-per-vcpu N  viewers that a vCPU serves; ${ASSUMED.viewersPerVcpu} without it
  --redis-hour N        USD an hour of a Redis node, where you know better or there is no price here
`;

const options = {
  channels: { type: 'string' },
  viewers: { type: 'string' },
  mbit: { type: 'string' },
  recordings: { type: 'string' },
  stage: { type: 'string' },
  set: { type: 'string', multiple: true },
  'vcpu-per-channel': { type: 'string' },
  'viewers-per-vcpu': { type: 'string' },
  'redis-hour': { type: 'string' },
  help: { type: 'boolean' },
} as const;

function main(): void {
  const { values } = parseArgs({ options, allowPositionals: false });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const load: Load = {
    channels: number('channels', values.channels),
    viewers: number('viewers', values.viewers),
    mbit: number('mbit', values.mbit),
    recordings: number('recordings', values.recordings ?? String(ASSUMED.recordings)),
    vcpuPerChannel: number('vcpu-per-channel', values['vcpu-per-channel'] ?? String(ASSUMED.vcpuPerChannel)),
    viewersPerVcpu: number('viewers-per-vcpu', values['viewers-per-vcpu'] ?? String(ASSUMED.viewersPerVcpu)),
    redisHour: values['redis-hour'] === undefined ? undefined : number('redis-hour', values['redis-hour']),
  };
  const stage = checkStage({
    stage: 'cost',
    ...named(values.stage),
    ...Object.fromEntries((values.set ?? []).map(pair)),
  });
  process.stdout.write(shown(load, estimate(stage, load)));
}

function number(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new RangeError(`--${name} must be a number, 0 or more.\n${HELP}`);
  }
  return value;
}

function named(name: string | undefined): object {
  if (name === undefined) return {};
  const stage = (cdkJson.context.stages as Record<string, object>)[name];
  if (stage === undefined) throw new RangeError(`cdk.json has no stage "${name}".`);
  return { ...stage, stage: name };
}

function pair(text: string): [string, unknown] {
  const [name = '', ...rest] = text.split('=');
  const value = rest.join('=');
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

function shown({ channels, viewers, mbit }: Load, { workers, items, totalUsd, notes }: Estimate): string {
  const width = Math.max(...items.map(({ name }) => name.length));
  const rows = items.map(({ name, formula, usd }) => `${name.padEnd(width)}  ${money(usd)}  ${formula}`);
  const hours = viewers * 730;
  return [
    `${channels} channels, ${viewers} viewers of ${mbit} Mbit/s around the clock: ${workers} workers. USD a month:`,
    '',
    ...rows,
    `${'total'.padEnd(width)}  ${money(totalUsd)}${hours > 0 ? `  ${((totalUsd / hours) * 100).toFixed(2)} cents per viewer and hour` : ''}`,
    '',
    ...notes,
    `Prices: ${PRICED}. An estimate; taxes and support are not in it.`,
    '',
  ].join('\n');
}

function money(usd: number): string {
  return usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 }).padStart(12);
}

try {
  main();
} catch (error) {
  const known = error instanceof StageError || error instanceof RangeError || error instanceof TypeError;
  process.stderr.write(`${known ? (error as Error).message : String((error as Error).stack)}\n`);
  process.exitCode = 1;
}
