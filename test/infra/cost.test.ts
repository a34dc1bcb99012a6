/** The cost of a stage: each item against a sum done by hand, what is counted against what the stacks have, and the command. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { checkStage } from '../../infra/config.ts';
import { ROOT } from '../../infra/root.ts';
import { PUBLISHED, SERVICE_METRICS } from '../../services/shared/metric-names.ts';
import { ASSUMED, estimate, type Load, relaysAcrossZones, workersFor } from '../../tools/cost/model.ts';
import { templates } from './support.ts';

const run = promisify(execFile);
const load = (channels: number, viewers: number, mbit: number, more: Partial<Load> = {}): Load => ({
  channels,
  viewers,
  mbit,
  ...ASSUMED,
  ...more,
});
const stage = (values: object = {}) => checkStage({ stage: 'cost', ...values });

function usd(name: string, values: object, of: Load): number {
  const found = estimate(stage(values), of).items.find((item) => item.name.startsWith(name));
  if (found === undefined) throw new Error(`There is no item ${name}.`);
  return found.usd;
}

describe('the workers of a load', () => {
  it.each<[string, object, Load, number]>([
    ['never fewer than the stage says', { minWorkers: 2 }, load(0, 0, 4), 2],
    // 10 × 1.5 + 50 / 150 vCPU over 4 × 0.6 of each worker.
    ['for the CPU of transcodes', { workerCpu: 4096, workerMemoryMiB: 8192 }, load(10, 50, 4), 7],
    ['for viewers alone', { viewersPerWorker: 100 }, load(1, 950, 4, { vcpuPerChannel: 0, viewersPerVcpu: 1000 }), 10],
  ])('%s', (_, values, of, workers) => {
    expect(workersFor(stage(values), of)).toBe(workers);
  });

  it('relay as often as chance puts viewers of a channel on different workers', () => {
    // One viewer a channel: only its owner serves it.
    expect(relaysAcrossZones(load(20, 20, 4), 10, 2)).toBe(0);
    // Very many: every other worker fetches it, half of them from the other zone.
    expect(relaysAcrossZones(load(10, 1e6, 4), 5, 2)).toBeCloseTo(10 * 4 * 0.5);
    expect(relaysAcrossZones(load(10, 1e6, 4), 5, 3)).toBeCloseTo((10 * 4 * 2) / 3);
    expect(relaysAcrossZones(load(0, 0, 4), 2, 2)).toBe(0);
  });
});

describe('an item of the bill', () => {
  // One viewer of 1 Mbit/s around the clock is 328.5 GB.
  it.each<[string, object, Load, number]>([
    ['Fargate', { minWorkers: 2 }, load(0, 0, 1), 2 * 730 * (2 * 0.04048 + 4 * 0.004445)],
    ['Fargate', { minWorkers: 2, architecture: 'arm64' }, load(0, 0, 1), 2 * 730 * (2 * 0.03238 + 4 * 0.00356)],
    ['public IPv4', { zones: 3 }, load(0, 0, 1), 5 * 730 * 0.005],
    ['egress', {}, load(1, 10, 1), (3285 - 100) * 0.09],
    ['egress', {}, load(50, 500, 4), 10_140 * 0.09 + 40_960 * 0.085 + 102_400 * 0.07 + 503_400 * 0.05],
    ['load balancer', {}, load(0, 0, 1), 730 * 0.0225],
    ['load balancer', {}, load(50, 500, 4), 730 * 0.0225 + 0.008 * 657_000],
    // Many viewers of next to nothing: open connections decide.
    ['load balancer', {}, load(1, 30_000, 0.0001), 730 * (0.0225 + 0.008 * 10)],
    ['ElastiCache', { redisReplicas: 2 }, load(0, 0, 1), 3 * 730 * 0.0128],
    ['ElastiCache', { redisNode: 'cache.x2.huge' }, load(0, 0, 1, { redisHour: 2 }), 2 * 730 * 2],
    ['ElastiCache', {}, load(0, 0, 1, { redisHour: 0.02 }), 2 * 730 * 0.02],
    ['recordings', {}, load(50, 500, 4), 0],
    // 43.2 GB a day each, 1,200 PUTs an hour each.
    ['recordings', {}, load(0, 0, 4, { recordings: 1 }), 1296 * 0.023 + 876 * 0.005],
    ['recordings', { recordingsDays: 7 }, load(0, 0, 8, { recordings: 2 }), 2 * 604.8 * 0.023 + 2 * 876 * 0.005],
    ['NAT', {}, load(50, 500, 4), 0],
    ['secrets', {}, load(0, 0, 1), 5 * 0.4 + 0.1],
  ])('%s %o', (name, values, of, expected) => {
    expect(usd(name, values, of)).toBeCloseTo(expected, 2);
  });

  it.each([{}, { minWorkers: 3, maxWorkers: 3 }])(
    'counts the alarms, metrics and secrets that there are: %j',
    (size) => {
      const { observability, state } = templates({ redisReplicas: 2, ...size });
      const alarms = Object.keys(observability.findResources('AWS::CloudWatch::Alarm')).length;
      const secrets = Object.keys(state.findResources('AWS::SecretsManager::Secret')).length;
      const { items } = estimate(stage({ redisReplicas: 2, ...size }), load(1, 1, 1));
      const formulas = items.map(({ formula }) => formula).join('\n');
      expect(formulas).toContain(`${alarms} alarms`);
      expect(formulas).toContain(`${secrets} secrets`);
      expect(formulas).toContain(`${Object.keys({ ...PUBLISHED, ...SERVICE_METRICS }).length} metrics`);
    },
  );

  it('cannot be told for a Redis node without a price', () => {
    expect(() => estimate(stage({ redisNode: 'cache.x2.huge' }), load(0, 0, 1))).toThrow('--redis-hour');
  });
});

it('the total is the sum, and egress most of it', () => {
  const { items, totalUsd } = estimate(stage(), load(50, 500, 4));
  expect(totalUsd).toBeCloseTo(items.reduce((sum, item) => sum + item.usd, 0));
  expect(usd('egress', {}, load(50, 500, 4)) / totalUsd).toBeGreaterThan(0.6);
});

it('says when the stage would not start that many workers', () => {
  expect(estimate(stage(), load(50, 500, 4)).notes.join()).toContain('take larger workers');
  const large = { workerCpu: 8192, workerMemoryMiB: 16_384, maxWorkers: 17, deployDrain: 300 };
  expect(estimate(stage(large), load(50, 500, 4)).notes).toEqual([]);
});

describe('npm run cost', () => {
  const cost = async (...args: string[]) =>
    run(process.execPath, [join(ROOT, 'scripts', 'cost.mjs'), ...args], { cwd: ROOT, encoding: 'utf8' });

  it('prints each item with its formula, the total, and whose prices these are', async () => {
    const { stdout } = await cost('--channels', '50', '--viewers', '500', '--mbit', '4');
    expect(stdout).toContain('50 channels, 500 viewers of 4 Mbit/s around the clock: 66 workers.');
    expect(stdout).toMatch(/egress to viewers +36,732\.20 +657,000 GB in tiers/);
    expect(stdout).toMatch(/total +52,\d{3}\.\d\d +14\.40 cents per viewer and hour/);
    expect(stdout).toContain('us-east-1, November 2026');
    expect(stdout).toMatch(
      /ElastiCache.* × 0\.0128 \(us-east-1, 2 October 2026, second-hand; set your own with --redis-hour\)/,
    );
  });

  it('adds what is recorded', async () => {
    const { stdout } = await cost('--channels', '1', '--viewers', '1', '--mbit', '4', '--recordings', '1');
    expect(stdout).toMatch(/recordings \(S3\) +34\.19 +1,296 GB of 30 days × 0\.023 \+ 876,000 PUTs × 0\.005/);
  });

  it('takes the price of a Redis node that somebody knows', async () => {
    const { stdout } = await cost('--channels', '1', '--viewers', '1', '--mbit', '1', '--redis-hour', '0.02');
    expect(stdout).toMatch(/ElastiCache.* +29\.20 +2 nodes × 730 h × 0\.02 \(--redis-hour\)/);
  });

  it.each([
    [['--channels', 'many', '--viewers', '1', '--mbit', '1'], '--channels must be a number'],
    [['--channels', '1', '--viewers', '1', '--mbit', '1', '--stage', 'none'], 'cdk.json has no stage "none"'],
    [
      ['--channels', '1', '--viewers', '1', '--mbit', '1', '--set', 'workerCpu=3'],
      'Fargate has no tasks of 3 CPU units',
    ],
  ])('refuses %j with a sentence', async (args, sentence) => {
    await expect(cost(...args)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) });
  });
});
