/** `streampool` and the log as people meet them: as a program, on a terminal, beside a real worker. */

import { stripVTControlCharacters } from 'node:util';
import { expect } from 'vitest';
import { COMMAND, program, streampool } from '../support/program.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

/**
 * A program on a terminal of its own. What runs tests has no colours; this has. `exec`: Ctrl-C would end the shell as well,
 * and not every shell makes way for its last command.
 */
function onTerminal(line: string, env: NodeJS.ProcessEnv) {
  return program('script', ['-qefc', `exec ${line}`, '/dev/null'], {
    TERM: 'xterm',
    CI: undefined,
    NO_COLOR: undefined,
    ...env,
  });
}

staged(
  'shows what plays, follows what happens, and ends with the codes that it has',
  { concurrent: true },
  async ({ stage }) => {
    const worker = await stage.worker({ API_TOKEN: 'tok-en', WORKER_ID: 'one' });
    const source = await stage.source();
    const order = { url: source.url, profile: LIGHT, metadata: { name: 'BBC One' } };
    const { stream_id: id } = await worker.api.createTranscode(order);
    const env = { STREAMPOOL_URL: worker.url, API_TOKEN: 'tok-en' };
    const follower = streampool(['events', '--follow', '--json'], env);
    stage.closeAfter(async () => void follower.child.kill('SIGKILL'));
    const run = async (...args: string[]) => {
      const { wrote, ended } = streampool(args, env);
      return { code: await ended, ...wrote };
    };
    const url = (await run('play-url', 'bbc one')).out.trim();
    expect(url).toBe(`${worker.url}/stream/${id}`);
    const viewers = stage.viewers(2, url);
    await allPlaying(viewers);
    expect(await run('status')).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(
        /2 viewers {3}1 stream playing {3}1 FFmpeg \(sharing saves 1\) {3}1 provider connection\n/,
      ),
    });
    expect(await run('drain', 'two')).toMatchObject({ code: 1, out: '' });
    expect(await run('drain')).toMatchObject({ code: 2, out: '' });
    expect(await run('status', '--url', 'http://127.0.0.1:9')).toMatchObject({ code: 3, out: '' });
    expect(await run('stop', id.slice(0, 8))).toMatchObject({ code: 0, out: `Stream ${id} deleted\n` });
    await until(() => follower.wrote.out.includes('"stream_stopped"'), { what: () => JSON.stringify(follower.wrote) });
    const types = follower.wrote.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event_type);
    expect(types).toEqual(expect.arrayContaining(['stream_started', 'client_connected', 'stream_stopped']));
    // What a program reads of it may be enough before its end.
    const { wrote, ended } = program('sh', ['-c', `"$0" "${COMMAND}" events --json | head -1`, process.execPath], env);
    expect([await ended, wrote.err, wrote.out.split('\n').length]).toEqual([0, '', 2]);
  },
);

staged(
  'a worker on a terminal writes lines for people, and says where to look',
  { concurrent: true },
  async ({ stage }) => {
    const env = { PORT: '0', HOST: '127.0.0.1', LOG_LEVEL: 'info', WORKER_ID: 'one', API_TOKEN: '' };
    const { child, wrote, ended } = onTerminal(`${process.execPath} scripts/start.mjs`, env);
    stage.closeAfter(async () => void child.kill('SIGKILL'));
    await until(() => wrote.out.includes('Ctrl-C stops it.'), {
      what: () => `the last line: ${JSON.stringify(wrote)}`,
      timeoutMs: 30_000,
    });
    const lines = stripVTControlCharacters(wrote.out).split(/\r?\n/);
    const api = lines.find((line) => line.startsWith('    the API ')) ?? '';
    const address = /http:\S+(?=\/docs$)/.exec(api)?.[0] ?? '';
    expect(lines).toContainEqual(expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening address=http:/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}streams +none yet$/));
    expect(lines).toContainEqual(`    in words        npx streampool status --url ${address}`);
    expect(wrote.out).toContain('\u001b[32minfo ');
    // What is printed is asked of nobody: a request would be a line.
    expect(wrote.out).not.toContain('GET /');
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    // Ctrl-C
    child.stdin.write('\u0003');
    expect(await ended).toBe(0);
  },
);
