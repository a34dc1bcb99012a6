/**
 * A page resolver that puts out the media itself: the way for pages whose media has no address of its own. It runs until nobody reads it
 * any more.
 */
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { SourceError } from '../errors.ts';
import { NAMES } from './page-resolver.ts';
import { type ResolverRun, startResolver } from './resolver-process.ts';

export interface MediaPipe {
  /** Destroying it ends the program. It has some media already. */
  readonly body: Readable;
  /** Resolves when nothing of the program is left. */
  readonly closed: Promise<void>;
}

/** @throws {StreampoolError} as `runResolver`, when the program puts out nothing */
export async function openMediaPipe(run: ResolverRun): Promise<MediaPipe> {
  const { order, timeoutMs, signal } = run;
  const name = NAMES[order.resolver];
  const program = await startResolver(run);
  const { stdout: body, closed, kill } = program;
  const gone = closed.then(
    () => undefined,
    () => undefined,
  );
  body.once('close', kill);
  body.on('error', kill);
  const opening = new AbortController();
  opening.signal.addEventListener('abort', kill, { once: true });
  const stop = () => opening.abort(new SourceError('stopped', `${name} is no longer wanted.`));
  const timer = setTimeout(
    () => opening.abort(new SourceError('timeout', `${name} put out no media within ${timeoutMs / 1000} s.`)),
    timeoutMs,
  );
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    opening.signal.throwIfAborted();
    // At its end it is readable, too, with nothing to read.
    await once(body, 'readable', opening).catch(() => opening.signal.throwIfAborted());
    if (body.readableLength === 0) {
      body.resume();
      throw program.failure(await closed);
    }
    return { body, closed: gone };
  } catch (error) {
    body.destroy();
    kill();
    await gone;
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
