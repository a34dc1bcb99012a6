/** Whether an FFmpeg makes progress, per elementary stream. Pure. */

export interface Progress {
  readonly nowMs: number;
  readonly startedMs: number;
  /** Without any output for this long it is hung. */
  readonly streamTimeoutMs: number;
  readonly maxRunMs: number;
  /** Newest output of any kind; its start when there is none. */
  readonly outputMs: number;
  /** Newest unit of each kind; undefined when there was none. */
  readonly outputVideoMs: number | undefined;
  readonly outputAudioMs: number | undefined;
  /** The same of the source feed it reads; undefined when FFmpeg opened the source itself. */
  readonly source: { readonly videoMs: number | undefined; readonly audioMs: number | undefined } | undefined;
}

/** Pictures missing for this long while sound flows, and the source has both, are a hung decoder or encoder. */
const VIDEO_SILENCE_MS = 2_000;
/** At its start an FFmpeg may deliver sound before pictures. */
const START_MS = 10_000;

/** Why FFmpeg has to be replaced, or undefined. */
export function isHung(progress: Progress): string | undefined {
  const { nowMs, startedMs, source, outputVideoMs, outputAudioMs } = progress;
  const isRecent = (ms: number | undefined, within = VIDEO_SILENCE_MS) => ms !== undefined && nowMs - ms < within;
  if (nowMs - startedMs > progress.maxRunMs) return 'its run is as long as its clock allows';
  const sourceFlows = source === undefined || isRecent(source.videoMs) || isRecent(source.audioMs);
  if (sourceFlows && nowMs - progress.outputMs > progress.streamTimeoutMs) {
    return `no output for ${progress.streamTimeoutMs / 1000} s`;
  }
  if (source === undefined || outputVideoMs === undefined || nowMs - startedMs < START_MS) return undefined;
  if (isRecent(source.videoMs) && isRecent(outputAudioMs) && !isRecent(outputVideoMs)) {
    return 'sound without pictures, while the source has both';
  }
  return undefined;
}
