/** A page resolver for tests that answers, as yt-dlp does, with what the page says. It is a program of its own, in the worker's sandbox. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from './stage.ts';
import type { Worker } from './worker.ts';

/** It gets its proxy and the page on its standard input: see `resolver-command.ts`. */
const PROGRAM = `#!/usr/bin/python3
import shlex, sys, urllib.request
if '--version' in sys.argv:
    print('2026.01.01')
    sys.exit(0)
_, proxy, page = shlex.split(sys.stdin.read())
print(urllib.request.build_opener(urllib.request.ProxyHandler({'http': proxy})).open(page).read().decode())
`;

/**
 * A page resolver for tests that plays streamlink's part for a page whose media has no address of its own: it puts out what is at the
 * URL of the page. What it starts beside that does not end by itself, and tries to leave its group.
 */
const PIPING = `#!/usr/bin/python3
import json, os, sys, time, urllib.request
if '--version' in sys.argv:
    print('streamlink 7.0.0')
    sys.exit(0)
if '--json' in sys.argv:
    print(json.dumps({'streams': {'best': {'type': 'own'}}}))
    sys.exit(0)
[config] = [word.split('=', 1)[1] for word in sys.argv if word.startswith('--config=')]
settings = dict(line.split('=', 1) for line in open(config).read().splitlines())
if os.fork() == 0:
    try:
        os.setsid()
    except PermissionError:
        pass
    time.sleep(600)
media = urllib.request.build_opener(urllib.request.ProxyHandler({'http': settings['http-proxy']})).open(settings['url'])
while True:
    piece = media.read1(65536)
    if not piece:
        break
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
os._exit(0)
`;

export function pipingProgram(stage: Stage): Promise<string> {
  return programFile(stage, PIPING);
}

/** How many processes of a worker run a program, or what it has started. */
export function countRunning(worker: Worker, program: string): number {
  return worker.descendants().filter(({ args }) => args[1] === program).length;
}

/** A program in a folder that is gone with the stage. @returns its path */
export async function programFile(stage: Stage, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'page-program-'));
  stage.closeAfter(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const program = join(folder, 'yt-dlp');
  await writeFile(program, text, { mode: 0o755 });
  return program;
}

export function pageProgram(stage: Stage): Promise<string> {
  return programFile(stage, PROGRAM);
}

/** A web page that tells `pageProgram` what `answer` says, and how often it was asked. */
export class Page {
  asked = 0;
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  static async open(stage: Stage, answer: (asked: number) => object): Promise<Page> {
    const server = createServer((_, response) => response.end(JSON.stringify(answer(++page.asked))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    stage.closeAfter(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const page: Page = new Page(`http://127.0.0.1:${(server.address() as AddressInfo).port}/watch`);
    return page;
  }
}
