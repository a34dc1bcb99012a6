/** `npm start` does what it is asked, and nothing to programs that are not its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');

async function node(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('npm start', () => {
  it('says with --help what it takes, and starts nothing', async () => {
    const { code, output } = await node(['scripts/start.mjs', '--help']);
    expect([code, output]).toEqual([0, expect.stringContaining('--demo')]);
    expect(output).not.toContain('listening');
  });

  it('refuses what it does not take', async () => {
    const { code, output } = await node(['scripts/start.mjs', '--port', '1']);
    expect([code, output]).toEqual([1, expect.stringContaining("'--port'")]);
  });

  it.each([
    ['--demo', 'given by PORT, cannot be used'],
    [undefined, 'is in use by another program'],
  ])('with %s says that PORT is taken, and asks whoever has it nothing', async (option, says) => {
    const requests: unknown[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url);
      response.writeHead(401).end();
    });
    server.listen(0, '0.0.0.0');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const args = ['scripts/start.mjs', ...(option === undefined ? [] : [option])];
    const { code, output } = await node(args, { PORT: String(port), HOST: '0.0.0.0' });
    server.close();
    expect([code, output]).toEqual([1, expect.stringContaining(says)]);
    expect(output).toContain(String(port));
    expect(requests).toEqual([]);
  });

  it('leaves no builder beside the worker', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'streampool-build-'));
    const script = `
      const { buildFunctions, endBuilder } = await import('./scripts/build.mjs');
      const { readFileSync } = await import('node:fs');
      const children = () => readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim() !== '';
      await buildFunctions(process.argv[1]);
      const during = children();
      await endBuilder();
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log(during, children());`;
    const { output } = await node(['--input-type=module', '-e', script, folder]);
    await rm(folder, { recursive: true });
    expect(output.trim()).toBe('true false');
  });
});
