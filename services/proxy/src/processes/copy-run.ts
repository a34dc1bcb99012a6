/**
 * A run for direct streams that share one connection: passes on the source feed's packets, without FFmpeg. Where a failover leads to
 * HLS, or HLS is recorded, an FFmpeg makes MPEG-TS of it.
 */

import { Readable } from 'node:stream';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { deferred } from '../async.ts';
import { SourceError } from '../errors.ts';
import { Cursor } from '../feed/cursor.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { ResolvedProfile } from '../ffmpeg/profiles/profiles.ts';
import type { SourceFeed } from '../sources/source-feed.ts';
import { NotSharedError } from '../streams/sharing.ts';
import { ffmpegRunOn, type RunDeps } from './ffmpeg-run.ts';
import type { Run, RunEnd, RunRequest } from './run.ts';
import { enterSource, leaseSource } from './run-entry.ts';
import { TrackTrials } from './track-trials.ts';

/** Only live MPEG-TS can go to several viewers. Each viewer of anything else gets its own connection. */
export class NotCopyableError extends NotSharedError {
  constructor(kind: string) {
    super(`The source is ${kind}, not live MPEG-TS`);
  }
}

/** What a direct stream is made with where FFmpeg has to make MPEG-TS of it. */
export const AS_IT_IS: ResolvedProfile = {
  name: 'copy',
  variables: {},
  args: [],
  inputOptions: [],
  outputOptions: ['-c', 'copy'],
  container: 'mpegts',
  hls: false,
  video: 'copy',
  audio: 'copy',
};

/**
 * @throws {NotCopyableError} when the source is not live MPEG-TS, nobody has seen anything of the stream yet, and nobody records it
 * @throws {FiniteSourceError} the same, when it has an end
 * @throws {SourceError} when the source cannot be opened, or has an end
 */
export async function startCopyRun(request: RunRequest, deps: RunDeps): Promise<Run> {
  const lease = await leaseSource(request, deps.sources);
  const { feed: source, kind } = lease;
  if (source !== undefined) return copyRun({ ...lease, feed: source }, request, deps.firstPictureTimeoutMs);
  if ((request.goesOn === true || request.converts === true) && kind !== 'finite') {
    return ffmpegRunOn(lease, AS_IT_IS, request, deps, new TrackTrials(deps.preferredAudioLanguages));
  }
  lease.release();
  if (request.goesOn !== true) throw kind === 'finite' ? new FiniteSourceError() : new NotCopyableError(kind);
  throw new SourceError('not_media', `The source ${maskUrl(request.address.url)} has an end, unlike the one before.`);
}

async function copyRun(
  lease: { readonly feed: SourceFeed; readonly release: () => void },
  request: RunRequest,
  firstPictureTimeoutMs: number,
): Promise<Run> {
  try {
    const source = lease.feed;
    const { entry } = await enterSource(source, request, firstPictureTimeoutMs, true);
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
