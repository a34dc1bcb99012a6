/**
 * Where a run enters the source feed that it reads: at the newest picture, or far enough back to continue another run's
 * output.
 */

import { maskUrl } from '../../../shared/masking/mask.ts';
import { pauseBy } from '../async.ts';
import { SourceError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
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
/**
 * A source that begins with the past sends it at once. An entry near the end of it spares a decoder the rest. It is
 * waited for this long at most, and while more comes in each of these steps.
 */
const PAST_MS = 500;
const PAST_STEP_MS = 40;

/** How often it looks for the first picture of the source that the feed has moved to. */
const FRESH_POLL_MS = 50;

export interface RunEntry {
  readonly entry: EntryPoint;
  /** What the run has to make from there, when it continues another run's output. */
  readonly resume: ResumePoint | undefined;
  /** The entry is no keyframe. */
  readonly isBetween: boolean;
}

/** Leases the source of a run, with as much of its past as the run has to make again. */
export function leaseSource(
  { streamId, source, signal, resume }: RunRequest,
  sources: SourceFeeds,
): Promise<SourceLease> {
  const wanted = [resume?.point.videoPts, resume?.point.audioPts].filter((ticks) => ticks !== undefined);
  const [first, second = first] = wanted;
  const from =
    first === undefined || second === undefined ? undefined : second + Math.min(0, ticksBetween(second, first));
  const fromTicks = from && wrapTicks(from - RESUME_MARGIN_MS * TICKS_PER_MS);
  return sources.acquire(streamId, source, signal, { fromTicks, goesOn: resume });
}

/**
 * Waits for a picture to start from, and finds the entry point.
 *
 * @param goesOn the run copies the pictures, so it can go on between keyframes
 * @throws {SourceError} `stalled` after `timeoutMs`, `stopped` by the signal, or the error that ended the source
 */
export async function enterSource(
  source: SourceFeed,
  request: RunRequest,
  timeoutMs: number,
  goesOn = false,
): Promise<RunEntry> {
  const { clock } = source.feed;
  const untilMs = clock.monotonicMs() + timeoutMs;
  const first = await firstPicture(source, request, timeoutMs, goesOn && request.resume !== undefined);
  const resume = request.isFresh === true ? undefined : pointOn(source, request.resume);
  const { ring } = source.feed;
  if (resume !== undefined && !goesOn) await pastIsHere(source.feed, resume, request.signal);
  const found = resume && entryForResume(ring, resume, goesOn);
  const isBetween = found !== undefined && found === ring.beginning;
  if (found !== undefined) return { entry: found, resume, isBetween };
  if (first !== ring.beginning) return { entry: first, resume, isBetween };
  // The source went on between keyframes, but not where this run has to.
  const entry = await firstPicture(source, request, untilMs - clock.monotonicMs(), false);
  return { entry, resume, isBetween };
}

/** Waits until the ring has what is repeated before the resume point. */
async function pastIsHere({ ring, clock }: Feed, resume: ResumePoint, signal: AbortSignal): Promise<void> {
  const ticks = resume.videoPts ?? resume.audioPts;
  const wantedMs = ticks === undefined ? 0 : msOn(ring, ticks);
  const untilMs = clock.monotonicMs() + PAST_MS;
  let headMs = 0;
  while (ring.headMs < wantedMs && ring.headMs > headMs && clock.monotonicMs() < untilMs && !signal.aborted) {
    headMs = ring.headMs;
    await pauseBy(clock, PAST_STEP_MS, signal);
  }
}

/** A 33-bit time near the head of the ring, in ms as the ring has it. */
function msOn(ring: Ring, ticks: number): number {
  return unwrapNear(ticks, ring.headMs * TICKS_PER_MS) / TICKS_PER_MS;
}

/**
 * The newest entry that still allows to make everything from the resume point on.
 * @param goesOn see `enterSource`
 */
export function entryForResume(ring: Ring, resume: ResumePoint, goesOn = false): EntryPoint | undefined {
  const ms = (ticks: number) => msOn(ring, ticks);
  const wanted = [resume.videoPts, resume.audioPts].filter((ticks) => ticks !== undefined).map(ms);
  const latest = Math.min(...wanted) - RESUME_MARGIN_MS;
  const entry = ring.entries.findLast((each) => each.mediaMs <= latest);
  const { beginning } = ring;
  if (entry !== undefined || !goesOn || beginning === undefined) return entry ?? ring.entries[0];
  // Between keyframes, a picture needs all before it.
  const hasAllBefore = resume.videoDts !== undefined && beginning.mediaMs <= ms(resume.videoDts);
  return hasAllBefore ? beginning : ring.entries[0];
}

/**
 * Waits for a picture to start from. A source that opens and then sends no picture is an error, not an endless wait.
 */
async function firstPicture(
  source: SourceFeed,
  request: RunRequest,
  timeoutMs: number,
  goesOn: boolean,
): Promise<EntryPoint> {
  const found = new AbortController();
  const waiting = nothingToSee(source, request, timeoutMs, AbortSignal.any([request.signal, found.signal]));
  waiting.catch(() => undefined);
  try {
    const entry = request.isFresh === true ? freshEntry(source, found.signal) : source.feed.entry(goesOn);
    return await Promise.race([entry, waiting]);
  } finally {
    found.abort();
  }
}

/** The first entry into what the current source has sent. */
async function freshEntry(source: SourceFeed, signal: AbortSignal): Promise<EntryPoint> {
  for (;;) {
    const { ring, end, published } = source.feed;
    const from = source.freshFrom;
    const entry = from === undefined ? undefined : ring.entries.find(({ position }) => position >= from);
    if (entry !== undefined && entry.position < published) return entry;
    if (end !== undefined || signal.aborted) return source.feed.entry();
    await pauseBy(source.feed.clock, FRESH_POLL_MS, signal);
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
  const { clock } = source.feed;
  const untilMs = clock.monotonicMs() + timeoutMs;
  while (clock.monotonicMs() < untilMs && !signal.aborted) {
    await pauseBy(clock, TROUBLE_POLL_MS, signal);
    if (source.trouble === 'scrambled' && request.canFailOver) break;
    if (source.lost !== undefined && request.canFailOver) throw source.lost;
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
