/** What a profile asks of FFmpeg's HLS muxer and does not get, because segments are cut from the feed that all viewers read. */

import type { StreamProfile } from '../../../../registry/types.ts';

const LENGTH = ['-hls_time', '-hls_list_size'] as const;
const CONTAINER = '-hls_segment_type';

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
  if (LENGTH.some((name) => optionOf(asked.args, name) !== optionOf(holds.args, name))) {
    warnings.push('The playlist is as long as the one who created this stream first has said.');
  }
  if (optionOf(asked.args, CONTAINER) !== optionOf(holds.args, CONTAINER)) {
    warnings.push(
      'The segments are in the container that the one who created this stream first has said (-hls_segment_type). A viewer ' +
        'gets the other one with container=ts or container=fmp4 in the query.',
    );
  }
  return warnings;
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.lastIndexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
