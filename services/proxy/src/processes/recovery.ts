/** What to do when a stream's FFmpeg or source has ended. Pure. */

import { maskUrl } from '../../../shared/masking/mask.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { FfmpegExit } from '../ffmpeg/process/exit.ts';
import type { FailedRun } from './input-end.ts';
import type { RunEnd } from './run.ts';

export interface Situation extends Omit<FailedRun, 'addedMs'> {
  /** Runs in a row that ended before they had delivered much media. */
  readonly barrenRuns: number;
  readonly retryAttempts: number;
  readonly retryDelayMs: number;
  /** Another source may be tried; see `mayMoveOn`. */
  readonly canFailOver: boolean;
  /** The outage has lasted for STREAM_TOTAL_TIMEOUT: this source gets no further run. */
  readonly isOver: boolean;
}

export type Step =
  | { readonly kind: 'restart'; readonly delayMs: number }
  | { readonly kind: 'failover'; readonly reason: string; readonly status?: number | undefined }
  | { readonly kind: 'end' }
  | { readonly kind: 'fail' };

/**
 * A run that has played restarts at once. One that has not restarts after a delay, a limited number of times. The
 * source feed has already retried the source's own errors, so they lead to the next source, unless it has tried all. Wrong arguments are wrong
 * on every source.
 */
export function nextStep(situation: Situation): Step {
  const { why, exit, sourceError, barrenRuns, retryAttempts, canFailOver, isOver } = situation;
  if (exit?.reason === 'bad_arguments') return { kind: 'fail' };
  if (sourceError !== undefined && sourceError.reason !== 'stopped') {
    if (sourceError.reason === 'over') return { kind: 'end' };
    // A source that begins to repeat itself has ended.
    if (!canFailOver || sourceError.isLast) return { kind: sourceError.reason === 'repeats' ? 'end' : 'fail' };
    return { kind: 'failover', reason: failoverReason(exit, sourceError), status: sourceError.upstreamStatus };
  }
  if (!isOver && barrenRuns <= retryAttempts) {
    if (exit === undefined || barrenRuns === 0) return { kind: 'restart', delayMs: 0 };
    return { kind: 'restart', delayMs: situation.retryDelayMs * (barrenRuns - 1) };
  }
  if (canFailOver) return { kind: 'failover', reason: failoverReason(exit, undefined) };
  const hasEnded = exit?.reason === 'source_ended' && why !== 'hung' && !isOver;
  return { kind: hasEnded ? 'end' : 'fail' };
}

/** In the terms of the failover resolver's contract. */
function failoverReason(exit: FfmpegExit | undefined, sourceError: SourceError | undefined): string {
  if (exit === undefined || exit.reason === 'source_refused') return 'transcode_start_error';
  if (sourceError !== undefined) return 'transcode_runtime_input_error';
  return exit.reason === 'source_ended' ? 'transcode_input_error' : 'transcode_process_exited';
}

/**
 * What viewers are told when FFmpeg cannot play a source.
 * @param url the source's; the text masks it
 */
export function failureOf({ exit, sourceError }: Partial<RunEnd>, url: string): StreampoolError {
  if (sourceError !== undefined) return sourceError;
  if (exit?.reason === 'bad_arguments') {
    return new StreampoolError(500, `FFmpeg rejected the profile's arguments: ${exit.detail}`);
  }
  const said = (exit?.detail ?? 'FFmpeg did not start').replace(/\.?$/, '.');
  const advice =
    exit?.reason === 'source_refused'
      ? ' Check that a player can play it: it may be damaged, encrypted or not media.'
      : '';
  return new SourceError('ffmpeg', `The source ${maskUrl(url)} could not be played: ${said}${advice}`);
}

/**
 * What the log says when a run has ended.
 * @param maker what has made the stream
 * @param name the stream's
 * @example endSentence('FFmpeg', 'BBC One', failed, step) // 'FFmpeg of BBC One ended: the source … answered 404; another one starts'
 */
export function endSentence(maker: string, name: string, { why, exit, sourceError }: FailedRun, step: Step): string {
  const cause = sourceError?.message ?? exit?.detail;
  const what = `${maker} of ${name} ${why === 'not_opened' ? 'did not start' : 'ended'}`;
  const because = cause === undefined ? '' : `: ${withinSentence(cause)}`;
  return `${what}${because}; ${nextWords(step)}`;
}

/** A sentence as a part of another one. Names, such as FFmpeg's, stay as they are. */
function withinSentence(sentence: string): string {
  return sentence.replace(/\.$/, '').replace(/^(?:The|It|Its|No|Nothing)\b/, (word) => word.toLowerCase());
}

function nextWords(step: Step): string {
  switch (step.kind) {
    case 'restart':
      return step.delayMs === 0 ? 'another one starts' : `another one starts in ${step.delayMs / 1_000} s`;
    case 'failover':
      return 'the next source is tried';
    case 'end':
      return 'the stream has ended';
    case 'fail':
      return 'nothing else can be tried';
  }
}
