/** A run without FFmpeg: passes on the source feed's packets, for direct streams that share one connection. */

import { Readable } from 'node:stream';
import { deferred } from '../async.ts';
import { SourceError } from '../errors.ts';
import { Cursor } from '../feed/cursor.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import { NotSharedError } from '../streams/sharing.ts';
import type { Run, RunEnd, RunRequest } from './run.ts';
import { enterSource, leaseSource } from './run-entry.ts';

export interface CopyRunDeps {
  readonly sources: SourceFeeds;
  readonly firstPictureTimeoutMs: number;
}

/** Only live MPEG-TS can go to several viewers. Each viewer of anything else gets its own connection. */
export class NotCopyableError extends NotSharedError {
  constructor(kind: string) {
    super(`The source is ${kind}, not live MPEG-TS`);
  }
}

/** @throws {NotCopyableError} when the source is not live MPEG-TS */
export async function startCopyRun(request: RunRequest, deps: CopyRunDeps): Promise<Run> {
  const lease = await leaseSource(request, deps.sources);
  try {
    const source = lease.feed;
    if (source === undefined) throw new NotCopyableError(lease.kind);
    const { entry } = await enterSource(source, request, deps.firstPictureTimeoutMs, true);
    const ended = deferred<RunEnd>();
    let more: (() => void) | undefined;
    const output = new Readable({
      read: () => {
        // The call may set `more` again at once.
        const resume = more;
        more = undefined;
        resume?.();
      },
    });
    const end = (sourceError: SourceError | undefined) => {
      cursor.close();
      if (!output.destroyed) output.push(null);
      ended.resolve({ exit: undefined, sourceError, orderly: true });
    };
    const cursor = new Cursor(
      source.feed,
      entry,
      {
        write: (bytes, done) => {
          // The splicer rewrites packets in place, and these belong to the source's readers: copy them.
          if (output.push(Buffer.from(bytes))) source.feed.clock.setImmediate(done);
          else more = done;
        },
        finished: (feedEnd) =>
          end(feedEnd.kind === 'failed' && feedEnd.error instanceof SourceError ? feedEnd.error : undefined),
        dropped: () => end(undefined),
      },
      0,
    );
    return {
      output,
      ended: ended.promise,
      source,
      pid: undefined,
      duration: Promise.resolve(undefined),
      kill: () => end(undefined),
      release: lease.release,
    };
  } catch (error) {
    lease.release();
    throw error;
  }
}
