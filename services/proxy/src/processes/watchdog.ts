/** Whether an FFmpeg makes progress, per elementary stream. Pure. */

import { pictureDueMs } from '../upstream/failover/source-trouble.ts';

export interface Progress {
  readonly nowMs: number;
  readonly startedMs: number;
  /** An FFmpeg without any output for this long hangs. */
  readonly streamTimeoutMs: number;
  readonly maxRunMs: number;
  /** The last moment without input; before the first input its start. */
  readonly starvedMs: number;
  /** The last moment at which pictures paused in what FFmpeg reads: after a break a source begins with its next keyframe. */
  readonly pausedMs: number;
  /** Time of the newest output of any kind. */
  readonly outputMs: number;
  /** Newest unit of each kind; undefined when there was none. */
  readonly outputVideoMs: number | undefined;
  readonly outputAudioMs: number | undefined;
  /** The same for the source feed that FFmpeg reads; undefined when FFmpeg opened the source itself. */
  readonly source: SourceProgress | undefined;
}

/** Arrival of the newest unit of each kind, monotonic ms; undefined before the first. */
export interface SourceProgress {
  readonly videoMs: number | undefined;
  readonly audioMs: number | undefined;
  /** Recent time between two pictures; undefined before the second. */
  readonly videoIntervalMs: number | undefined;
}

/**
 * The decoder or encoder hangs when no picture comes for this long although sound flows and the source sends pictures.
 */
const VIDEO_SILENCE_MS = 2_000;
/** Pictures come many times a second. */
const PAUSE_MS = 500;
/** At its start FFmpeg may deliver sound before pictures. */
const START_MS = 10_000;

/** Whether FFmpeg gets input. */
export function sourceFlows(source: SourceProgress | undefined, nowMs: number): boolean {
  return source === undefined || isRecent(source.videoMs, nowMs) || isRecent(source.audioMs, nowMs);
}

function isRecent(ms: number | undefined, nowMs: number): boolean {
  return ms !== undefined && nowMs - ms < VIDEO_SILENCE_MS;
}

/**
 * Whether pictures pause in what FFmpeg reads.
 * @param passedOnMs when the newest one was passed on, monotonic ms
 */
export function picturesPause(passedOnMs: number | undefined, intervalMs: number | undefined, nowMs: number): boolean {
  return passedOnMs === undefined || nowMs - passedOnMs > pictureDueMs(PAUSE_MS, intervalMs);
}

/** Why FFmpeg has to be replaced, or undefined. */
export function isHung(progress: Progress): string | undefined {
  const { nowMs, startedMs, starvedMs, pausedMs, source, outputVideoMs, outputAudioMs } = progress;
  if (nowMs - startedMs > progress.maxRunMs) return 'its run has reached the maximum length that its clock allows';
  if (sourceFlows(source, nowMs) && nowMs - Math.max(progress.outputMs, starvedMs) > progress.streamTimeoutMs) {
    return `no output for ${progress.streamTimeoutMs / 1000} s`;
  }
  if (source === undefined || outputVideoMs === undefined || nowMs - startedMs < START_MS) return undefined;
  // After a break of the source, sound may come out again before pictures do.
  const pictureMs = Math.max(outputVideoMs, starvedMs, pausedMs);
  const pictureDue = nowMs - pictureMs > pictureDueMs(VIDEO_SILENCE_MS, source.videoIntervalMs);
  if (pictureDue && isRecent(source.videoMs, nowMs) && isRecent(outputAudioMs, nowMs)) {
    return 'it sends sound without pictures while the source has both';
  }
  return undefined;
}
