/** What a profile asks of FFmpeg's HLS muxer and does not get, because segments are cut from the feed that all viewers read. */

import type { StreamProfile } from '../../../../registry/types.ts';

const NAMES = ['-hls_time', '-hls_list_size'] as const;

/**
 * @param asked the profile of the request
 * @param holds that of the stream: whoever created it first decides
 * @param segmentMs HLS_SEGMENT_TIME
 */
export function hlsWarnings(
  asked: Pick<StreamProfile, 'args' | 'hls'>,
  holds: Pick<StreamProfile, 'args'>,
  segmentMs: number,
): string[] {
  if (!asked.hls) return [];
  const warnings: string[] = [];
  const time = optionOf(asked.args, '-hls_time');
  if (time !== undefined && Number(time) * 1000 !== segmentMs) {
    warnings.push(`-hls_time ${time} changes no segment: all have ${segmentMs / 1000} s (HLS_SEGMENT_TIME).`);
  }
  if (optionOf(asked.args, '-hls_segment_type') === 'fmp4') {
    warnings.push('-hls_segment_type fmp4 has no effect: segments are MPEG-TS in this version.');
  }
  if (NAMES.some((name) => optionOf(asked.args, name) !== optionOf(holds.args, name))) {
    warnings.push('The playlist is as long as the one who created this stream first has said.');
  }
  return warnings;
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.lastIndexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
