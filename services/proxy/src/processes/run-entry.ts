/**
 * Where a run enters the source feed that it reads: at the newest picture, or far enough back to continue another run's
 * output.
 */

import { maskUrl } from '../../../shared/masking/mask.ts';
import { pause } from '../async.ts';
import { SourceError } from '../errors.ts';
import type { EntryPoint, Ring } from '../feed/ring.ts';
import type { ResumePoint } from '../mpegts/splicing/resume-point.ts';
import { TICKS_PER_MS, ticksBetween, unwrapNear, wrapTicks } from '../mpegts/syntax/timestamp.ts';
import type { SourceFeed } from '../sources/source-feed.ts';
import type { SourceFeeds, SourceLease } from '../sources/source-feeds.ts';
import type { Resume, RunRequest } from './run.ts';

/** A decoder and an audio encoder need some media before the first frame that counts. */
const RESUME_MARGIN_MS = 500;
/** How often it checks whether the source is worth leaving. */
const TROUBLE_POLL_MS = 250;

export interface RunEntry {
  readonly entry: EntryPoint;
  /** What the run has to make from there, when it continues another run's output. */
  readonly resume: ResumePoint | undefined;
}

/** Leases the source of a run, with as much of its past as the run has to make again. */
export function leaseSource(
  { streamId, address, signal, resume }: RunRequest,
  sources: SourceFeeds,
): Promise<SourceLease> {
  const wanted = [resume?.point.videoPts, resume?.point.audioPts].filter((ticks) => ticks !== undefined);
  const [first, second = first] = wanted;
  const from =
    first === undefined || second === undefined ? undefined : second + Math.min(0, ticksBetween(second, first));
  return sources.acquire(streamId, address, signal, from && wrapTicks(from - RESUME_MARGIN_MS * TICKS_PER_MS));
}

/**
 * Waits for a picture to start from, and finds the entry point.
 *
 * @throws {SourceError} `stalled` after `timeoutMs`, `stopped` by the signal, or the error that ended the source
 */
export async function enterSource(source: SourceFeed, request: RunRequest, timeoutMs: number): Promise<RunEntry> {
  const joined = await firstPicture(source, request, timeoutMs);
  const resume = pointOn(source, request.resume);
  return { entry: resume === undefined ? joined : entryForResume(source.feed.ring, resume), resume };
}

/** The newest entry that still allows to make everything from the resume point on. */
export function entryForResume(ring: Ring, resume: ResumePoint): EntryPoint {
  const wanted = [resume.videoPts, resume.audioPts]
    .filter((ticks) => ticks !== undefined)
    .map((ticks) => unwrapNear(ticks, ring.headMs * TICKS_PER_MS) / TICKS_PER_MS);
  const latest = Math.min(...wanted) - RESUME_MARGIN_MS;
  const entry = ring.entries.findLast((each) => each.mediaMs <= latest) ?? ring.entries[0];
  if (entry === undefined) throw new SourceError('stalled', 'The source has sent no picture yet.');
  return entry;
}

/**
 * Waits for a picture to start from. A source that opens and then sends no picture is an error, not an endless wait.
 */
async function firstPicture(source: SourceFeed, request: RunRequest, timeoutMs: number): Promise<EntryPoint> {
  const found = new AbortController();
  const waiting = nothingToSee(source, request, timeoutMs, AbortSignal.any([request.signal, found.signal]));
  waiting.catch(() => undefined);
  try {
    return await Promise.race([source.feed.entry(), waiting]);
  } finally {
    found.abort();
  }
}

/** Throws when the wait for a picture is over. */
async function nothingToSee(
  source: SourceFeed,
  request: RunRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<never> {
  const url = maskUrl(request.address.url);
  const untilMs = performance.now() + timeoutMs;
  while (performance.now() < untilMs && !signal.aborted) {
    await pause(TROUBLE_POLL_MS, signal);
    if (source.trouble === 'scrambled' && request.canFailOver) break;
  }
  if (request.signal.aborted) throw new SourceError('stopped', 'The stream is no longer wanted.');
  if (source.trouble === 'scrambled') {
    throw new SourceError(
      'scrambled',
      `The source ${url} is scrambled: its pictures and sound cannot be decrypted here.`,
    );
  }
  throw new SourceError('stalled', `The source ${url} sent no picture or sound within ${timeoutMs / 1000} s.`);
}

/** The point to continue at in `source`, if the point is on the timeline of that source. */
function pointOn(source: SourceFeed, resume: Resume | undefined): ResumePoint | undefined {
  return resume !== undefined && resume.timeline === source.history.current.timeline ? resume.point : undefined;
}
