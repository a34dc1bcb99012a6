/** FFmpeg as a process: how it starts, what it is given, and that it never outlives its worker. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { findOnPath } from '../../../../services/proxy/src/ffmpeg/host/find-on-path.ts';
import { probeHardware } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { ffmpegVersion, isTooOld, locateFfmpeg } from '../../../../services/proxy/src/ffmpeg/host/locate.ts';
import { Sandbox } from '../../../../services/proxy/src/ffmpeg/host/sandbox.ts';
import { spawnFfmpeg } from '../../../../services/proxy/src/ffmpeg/process/process.ts';
import { FfmpegTally } from '../../../../services/proxy/src/ffmpeg/process/tally.ts';
import { FFMPEG, synthetic, Workspace } from '../fixture.ts';

const workspace = new Workspace();
afterAll(() => workspace.dispose());

const log = { debug: () => undefined, warn: () => undefined };
const QUIET = ['-hide_banner', '-nostdin', '-loglevel', 'level+info'];
const LIVE = [...QUIET, '-f', 'mpegts', '-i', 'pipe:0', '-c', 'copy', '-f', 'mpegts', 'pipe:1'];

const bare = Sandbox.none(FFMPEG, 'files of this test are read');
const start = (args: readonly string[], input: 'pipe' | 'none' = 'pipe', sandbox = bare) =>
  spawnFfmpeg({ sandbox, args, input, log, name: 'test' });

function isAlive(pid: number): boolean {
  try {
    // A zombie has ended: its parent has only not been told yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return condition();
}

describe('spawnFfmpeg', () => {
  test('passes media through, and tells that the source has ended', async () => {
    const source = readFileSync(
      workspace.make('a.ts', [
        ...synthetic({ seconds: 1, size: '160x90' }),
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-c:a',
        'aac',
      ]),
    );
    const tally = new FfmpegTally();
    const process = spawnFfmpeg({ sandbox: bare, args: LIVE, input: 'pipe', log, name: 'test', tally });
    expect(tally.starts).toBe(1);
    let bytes = 0;
    process.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    process.stdin?.end(source);
    expect(await process.exited).toMatchObject({ code: 0, reason: 'source_ended' });
    expect([...tally.exits].filter(([, count]) => count > 0)).toEqual([['source_ended', 1]]);
    expect(await process.duration).toBeUndefined();
    expect(bytes).toBeGreaterThan(source.length / 2);
  });

  test('hands over all output before it says that FFmpeg ended, and waits for no reader that has paused', async () => {
    const make = [...QUIET, '-f', 'lavfi', '-i', 'testsrc2=size=160x90', '-frames:v', '20', '-f', 'rawvideo', 'pipe:1'];
    const flowing = start(make, 'none');
    let bytes = 0;
    flowing.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    expect((await flowing.exited).reason).toBe('source_ended');
    expect(bytes).toBe((160 * 90 * 3 * 20) / 2);

    const failing = start([...QUIET, '-i', '/nowhere', '-f', 'mpegts', 'pipe:1'], 'none');
    failing.stdout.once('readable', () => undefined);
    expect((await failing.exited).reason).toBe('source_refused');
  });

  test('knows the duration of a file', async () => {
    const path = workspace.make('b.mp4', [
      ...synthetic({ seconds: 2, size: '160x90' }),
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
    ]);
    const process = start([...QUIET, '-i', path, '-c', 'copy', '-f', 'mpegts', 'pipe:1'], 'none');
    process.stdout.resume();
    expect(await process.duration).toBeCloseTo(2, 0);
    expect((await process.exited).reason).toBe('source_ended');
  });

  test('gives FFmpeg a clean environment and the words of a program that cannot be started', async () => {
    process.env.FFREPORT = `file=${workspace.file('report.log')}`;
    process.env.STREAMPOOL_SECRET = 'x';
    try {
      const child = start(LIVE);
      const environment = readFileSync(`/proc/${child.pid}/environ`, 'utf8');
      child.kill();
      await child.exited;
      expect(environment).not.toMatch(/FFREPORT|STREAMPOOL_SECRET/);
    } finally {
      delete process.env.FFREPORT;
      delete process.env.STREAMPOOL_SECRET;
    }
    const missing = await start(LIVE, 'pipe', Sandbox.none('/nowhere/ffmpeg', 'it is not there')).exited;
    expect(missing.reason).toBe('failed');
    expect(missing.detail).toMatch(/nowhere|ENOENT/);
  });

  test('can be killed while it waits for a silent source', async () => {
    const killed = start(LIVE);
    killed.kill();
    expect(await killed.exited).toMatchObject({ reason: 'killed', signal: 'SIGKILL' });
  });

  test.skipIf(findOnPath('setpriv') === undefined)(
    'is gone when its worker was killed, also while it waits for a silent source',
    async () => {
      const module = new URL('../../../../services/proxy/src/ffmpeg/process/process.ts', import.meta.url).href;
      // The busy one reads and writes no pipe whose end it could notice.
      const script = `
      const { spawnFfmpeg } = await import(${JSON.stringify(module)});
      const { Sandbox } = await import(${JSON.stringify(new URL('../host/sandbox.ts', module).href)});
      const sandbox = Sandbox.none(${JSON.stringify(FFMPEG)}, '');
      const log = { debug() {}, warn() {} };
      const silent = spawnFfmpeg({ sandbox, args: ${JSON.stringify(LIVE)}, input: 'pipe', log, name: 'a' });
      const busy = spawnFfmpeg({
        sandbox,
        args: ['-nostdin', '-v', 'quiet', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=160x90', '-f', 'null', '-'],
        input: 'none', log, name: 'b',
      });
      process.stdout.write(silent.pid + ' ' + busy.pid + '\\n');
      setInterval(() => {}, 1000);`;
      const worker = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const pids = await new Promise<number[]>((resolve) => {
        worker.stdout.once('data', (text: Buffer) => resolve(text.toString().trim().split(' ').map(Number)));
      });
      expect(pids).toHaveLength(2);
      for (const pid of pids) expect(await until(() => isAlive(pid), 1_000)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 300));
      worker.kill('SIGKILL');
      for (const pid of pids) expect(await until(() => !isAlive(pid), 2_000)).toBe(true);
    },
  );
});

describe('locateFfmpeg', () => {
  test('finds one that is new enough', async () => {
    const { path, version } = await locateFfmpeg(process.env.FFMPEG_PATH);
    expect(version).toBe(await ffmpegVersion(path));
    expect(isTooOld(version)).toBe(false);
  });

  test('says what to do when there is none', async () => {
    await expect(locateFfmpeg(undefined, '/nowhere')).rejects.toThrow(/install.*FFMPEG_PATH/);
    await expect(locateFfmpeg('/nowhere/ffmpeg')).rejects.toThrow(/does not run/);
    await expect(locateFfmpeg(process.execPath)).rejects.toThrow(/FFMPEG_PATH/);
  });

  test.each([
    ['4.4.2-0ubuntu0.22.04.1', true],
    ['5.0', true],
    ['5.1.9-0+deb12u1', false],
    ['n7.1', false],
    ['8', false],
    ['N-118000-g1234567', false],
  ])('%s is too old: %s', (version, tooOld) => {
    expect(isTooOld(version)).toBe(tooOld);
  });
});

describe('probeHardware', () => {
  test('uses the CPU when nothing is asked for, or what is asked for does not encode', async () => {
    expect(await probeHardware(bare, { type: 'cpu', device: '' })).toMatchObject({ type: 'cpu' });
    expect(await probeHardware(bare, { available: false, type: 'nvidia', device: '' })).toEqual({
      type: 'cpu',
      device: '',
      hevc: true,
    });
    const probed = await probeHardware(bare, { available: true, type: 'vaapi', device: '/dev/dri/renderD250' });
    expect(probed.type).toBe('cpu');
    expect(probed.reason).not.toBe('');
  });
});
