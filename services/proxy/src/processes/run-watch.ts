/** Watches a run: whether its FFmpeg has to be replaced, and whether its source is worth leaving. */

import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { FeedOutput } from '../feed/feed-output.ts';
import type { LevelTrouble } from '../levels/level-watch.ts';
import { failoverReason } from '../upstream/failover/source-recovery.ts';
import { mayLeave } from '../upstream/failover/source-trouble.ts';
import type { FailoverCause, SourceAddress, SwitchableSource } from '../upstream/provider/source-address.ts';
import { sourceFeedOf } from '../upstream/provider/source-key.ts';
import type { Run } from './run.ts';
import { isHung, picturesPause, sourceFlows } from './watchdog.ts';

export interface RunWatchDeps {
  /** Where the stream plays. */
  readonly source: Pick<SwitchableSource, 'address' | 'index' | 'canFailOver' | 'movedAtMs'>;
  readonly output: Pick<FeedOutput, 'lastVideoMs' | 'lastAudioMs'>;
  /** Of the source on which the run has begun. A source feed may have gone on elsewhere since. */
  readonly address: SourceAddress;
  /** What is wrong with what the run plays, as far as that is looked for; see `LevelWatch`. */
  readonly levels?: (() => LevelTrouble | undefined) | undefined;
  /** When the run's newest output arrived, monotonic ms. */
  readonly lastOutputMs: () => number;
  readonly streamTimeoutMs: number;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** Maximum age of a run; see MAX_RUN_MS. */
  readonly maxRunMs: number | undefined;
  /** Called once for each source that the run reads, if that is in trouble and the stream has another one. */
  readonly onTrouble: (cause: FailoverCause) => void;
  /** When the source's address should be found anew, ms of the wall clock; undefined: never. */
  readonly renewAtMs: () => number | undefined;
  /** Called repeatedly from then on. */
  readonly onExpiring: () => void;
  /** Called repeatedly while FFmpeg hangs, with the reason. */
  readonly onHung: (why: string) => void;
}

const WATCH_INTERVAL_MS = 250;
/**
 * FFmpeg unwraps 33-bit timestamps only once. It must be replaced, without a lost frame, before the second wrap (26.5 h
 * each).
 */
const MAX_RUN_MS = 20 * 3600 * 1000;

/** @returns a function that ends the watch */
export function watchRun(run: Run, deps: RunWatchDeps): () => void {
  const { output, streamTimeoutMs, maxRunMs = MAX_RUN_MS, clock = systemClock } = deps;
  const startedMs = clock.monotonicMs();
  // An FFmpeg without input makes no output. Its time starts when its source flows again.
  let starvedMs = startedMs;
  let pausedMs = startedMs;
  // The source feed may go on at another source under the same run.
  let leftIndex: number | undefined;
  const lookForTrouble = () => {
    const level = deps.levels?.();
    const cause = causeToLeave(run.source) ?? (level && { reason: level });
    const { address, index, canFailOver, movedAtMs } = deps.source;
    if (cause === undefined || !canFailOver || index === leftIndex) return;
    const isThere = sourceFeedOf((run.source ?? deps).address) === sourceFeedOf(address);
    const sinceMoveMs = movedAtMs === undefined ? undefined : clock.wallMs() - movedAtMs;
    if (!isThere || !mayLeave(cause.reason, sinceMoveMs)) return;
    leftIndex = index;
    deps.onTrouble(cause);
  };
  const look = () => {
    const nowMs = clock.monotonicMs();
    const source = run.source && {
      videoMs: run.source.arrivals.lastVideoMs,
      audioMs: run.source.arrivals.lastAudioMs,
      videoIntervalMs: run.source.arrivals.videoIntervalMs,
    };
    if (!sourceFlows(source, nowMs)) starvedMs = nowMs;
    if (run.source !== undefined && picturesPause(run.source.progressMs, source?.videoIntervalMs, nowMs))
      pausedMs = nowMs;
    lookForTrouble();
    const renewAtMs = deps.renewAtMs();
    if (renewAtMs !== undefined && clock.wallMs() >= renewAtMs) deps.onExpiring();
    const hung = isHung({
      nowMs,
      startedMs,
      streamTimeoutMs,
      maxRunMs: run.source === undefined ? Number.POSITIVE_INFINITY : maxRunMs,
      starvedMs,
      pausedMs,
      outputMs: deps.lastOutputMs(),
      outputVideoMs: output.lastVideoMs,
      outputAudioMs: output.lastAudioMs,
      source,
    });
    if (hung !== undefined) deps.onHung(hung);
  };
  const timer = clock.setInterval(look, WATCH_INTERVAL_MS);
  return () => clock.clearInterval(timer);
}

/** Why a source should be left for another one, or undefined. */
function causeToLeave(source: Run['source']): FailoverCause | undefined {
  if (source?.lost !== undefined) return { reason: failoverReason(source.lost), status: source.lost.upstreamStatus };
  return source?.trouble && { reason: source.trouble };
}
