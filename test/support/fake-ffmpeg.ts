/** Stands in for FFmpeg inside of this process: passes its input on unchanged, and counts how many run. */

import { get, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { deferred } from '../../services/proxy/src/async.ts';
import type { FfmpegExit } from '../../services/proxy/src/ffmpeg/process/exit.ts';
import type { FfmpegProcess, SpawnRequest } from '../../services/proxy/src/ffmpeg/process/process.ts';
import { partOfWalk } from './walk.ts';

let running = 0;

/** How many run now. */
export function fakeFfmpegsRunning(): number {
  return running;
}

/** In place of `spawnFfmpeg`. */
export function spawnFakeFfmpeg({ args, input }: SpawnRequest): FfmpegProcess {
  running++;
  const stdin = input === 'pipe' ? new PassThrough() : null;
  const stdout = new PassThrough();
  const exited = deferred<FfmpegExit>();
  const duration = deferred<number | undefined>();
  const abort = new AbortController();
  const part = partOfWalk();
  let isOver = false;
  const end = (reason: FfmpegExit['reason']) => {
    if (isOver) return;
    isOver = true;
    running--;
    abort.abort();
    stdin?.destroy();
    stdout.end();
    duration.resolve(undefined);
    const code = reason === 'source_ended' ? 0 : 1;
    exited.resolve({ code, signal: null, reason, detail: `The stand-in for FFmpeg ended: ${reason}.` });
  };
  stdin?.on('error', () => end('failed'));
  stdin?.once('end', () => end('source_ended'));
  stdin?.pipe(stdout, { end: false });
  const open = (url: string) => {
    const call = get(
      url,
      { signal: abort.signal, agent: false, headers: part },
      (response) => void read(url, response),
    );
    call.once('error', () => end('source_refused'));
  };
  const read = async (url: string, response: IncomingMessage) => {
    response.on('error', () => end('failed'));
    if (response.statusCode !== 200) {
      end('source_refused');
    } else if (String(response.headers['content-type']).includes('mpegurl')) {
      const text = Buffer.concat(await response.toArray()).toString();
      open(new URL(text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '', url).href);
    } else {
      duration.resolve(response.headers['content-length'] === undefined ? undefined : 60);
      response.pipe(stdout, { end: false });
      response.once('end', () => end('source_ended'));
    }
  };
  if (stdin === null) open(args[args.indexOf('-i') + 1] ?? '');
  return {
    pid: 1_000_000 + running,
    stdin,
    stdout,
    exited: exited.promise,
    duration: duration.promise,
    said: { shown: [], input: {}, output: {} },
    kill: () => end('killed'),
  };
}
