/** A page resolver for tests that answers, as yt-dlp does, with what the page says. It is a program of its own, in the worker's sandbox. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

/** It gets its proxy and the page on its standard input: see `resolver-command.ts`. */
const PROGRAM = `#!/usr/bin/python3
import shlex, sys, urllib.request
if '--version' in sys.argv:
    print('2026.01.01')
    sys.exit(0)
_, proxy, page = shlex.split(sys.stdin.read())
print(urllib.request.build_opener(urllib.request.ProxyHandler({'http': proxy})).open(page).read().decode())
`;

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
