/** CPU seconds of a process with its children: those that run, and those that have ended. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { cpuSeconds } from '../../../services/proxy/src/metrics/cpu.ts';
import { until } from '../../support/until.ts';

it('counts what children use while they run, and keeps it when they have ended', async () => {
  const before = cpuSeconds();
  const burner = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  const burnt = await until(() => cpuSeconds() > before + 1 && cpuSeconds(), {
    timeoutMs: 15_000,
    what: 'a child to have used a second of CPU',
  });
  // That is the child's: this process has done next to nothing meanwhile.
  expect(process.cpuUsage().user / 1e6).toBeLessThan(before + 1);
  burner.kill('SIGKILL');
  await once(burner, 'exit');
  expect(cpuSeconds()).toBeGreaterThanOrEqual(burnt);
});
