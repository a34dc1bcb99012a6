/** Whether an FFmpeg makes progress, per elementary stream. Pure. */

import { pictureDueMs } from '../upstream/failover/source-trouble.ts';

export interface Progress {
  readonly nowMs: number;
  readonly startedMs: number;
  /** Without any output for this long it is hung. */
  readonly streamTimeoutMs: number;
  readonly maxRunMs: number;
  /** Newest output of any kind, or when it last had nothing to make any of; its start when there is none. */
  readonly outputMs: number;
  /** Newest unit of each kind; undefined when there was none. */
  readonly outputVideoMs: number | undefined;
  readonly outputAudioMs: number | undefined;
  /** The same of the source feed it reads; undefined when FFmpeg opened the source itself. */
  readonly source: SourceProgress | undefined;
}

/** Arrival of the newest unit of each kind, monotonic; undefined before the first. */
export interface SourceProgress {
  readonly videoMs: number | undefined;
  readonly audioMs: number | undefined;
  /** Between two pictures, lately; undefined before the second. */
  readonly videoIntervalMs: number | undefined;
}

/** Pictures missing for this long while sound flows, and the source sends some, are a hung decoder or encoder. */
const VIDEO_SILENCE_MS = 2_000;
/** At its start an FFmpeg may deliver sound before pictures. */
const START_MS = 10_000;

/** Whether FFmpeg is given anything. */
export function sourceFlows(source: SourceProgress | undefined, nowMs: number): boolean {
  return source === undefined || isRecent(source.videoMs, nowMs) || isRecent(source.audioMs, nowMs);
}

function isRecent(ms: number | undefined, nowMs: number): boolean {
  return ms !== undefined && nowMs - ms < VIDEO_SILENCE_MS;
}

/** Why FFmpeg has to be replaced, or undefined. */
export function isHung(progress: Progress): string | undefined {
  const { nowMs, startedMs, source, outputVideoMs, outputAudioMs } = progress;
  if (nowMs - startedMs > progress.maxRunMs) return 'its run is as long as its clock allows';
  if (sourceFlows(source, nowMs) && nowMs - progress.outputMs > progress.streamTimeoutMs) {
    return `no output for ${progress.streamTimeoutMs / 1000} s`;
  }
  if (source === undefined || outputVideoMs === undefined || nowMs - startedMs < START_MS) return undefined;
  const pictureDue = nowMs - outputVideoMs > pictureDueMs(VIDEO_SILENCE_MS, source.videoIntervalMs);
  if (pictureDue && isRecent(source.videoMs, nowMs) && isRecent(outputAudioMs, nowMs)) {
    return 'sound without pictures, while the source has both';
  }
  return undefined;
}
