/** The units of systemd held against the repository and the worker: files that exist, times that fit, one user. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../services/proxy/src/config/config.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** The settings of a unit, which all have one value here. */
function unit(name: string): Record<string, string> {
  const lines = read(`examples/systemd/${name}`).split('\n');
  return Object.fromEntries(
    lines
      .filter((line) => /^\w+=/.test(line))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

const worker = unit('streampool.service');
const probe = unit('streampool-probe.service');
const timer = unit('streampool-probe.timer');

describe('the worker', () => {
  it('is what the image runs, from a folder that has it after a build', () => {
    const [, command] = /^CMD (\["node".*dist\/proxy\/main\.js"\])$/m.exec(read('services/proxy/Dockerfile')) ?? [];
    expect(worker.ExecStart).toBe(`/usr/bin/${(JSON.parse(command ?? '') as string[]).join(' ')}`);
    expect(worker.WorkingDirectory).toBe('/opt/streampool');
  });

  it('is started again however it ends, and is given the time to stop that its viewers are given', () => {
    expect(worker.Restart).toBe('always');
    expect(Number(worker.TimeoutStopSec) * 1000).toBeGreaterThan(loadConfig({}).drainTimeoutMs);
  });

  it('alone is told to stop: its FFmpegs go on for the viewers who stay', () => {
    expect(worker.KillMode).toBe('mixed');
  });
});

describe('the probe', () => {
  it('is the one of the image, for the process of that unit', () => {
    const [, path = ''] =
      /exec (\S+) "\$\$\(systemctl show --property MainPID --value (streampool\.service)\)"/.exec(
        probe.ExecStart ?? '',
      ) ?? [];
    expect(path).toMatch(/^\/opt\/streampool\//);
    expect(existsSync(join(ROOT, path.replace('/opt/streampool/', '')))).toBe(true);
  });

  it('has the port of the worker, may end it, and remembers what it has counted', () => {
    expect([probe.User, probe.EnvironmentFile]).toEqual([worker.User, worker.EnvironmentFile]);
    expect([probe.RuntimeDirectoryPreserve, probe.RuntimeDirectory]).toEqual(['yes', 'streampool-probe']);
  });

  it('runs as long as the worker does, as often as in the cloud', () => {
    expect([timer.BindsTo, timer.WantedBy]).toEqual(['streampool.service', 'streampool.service']);
    expect([timer.OnActiveSec, timer.OnUnitInactiveSec]).toEqual(['15', '15']);
  });
});
