/** What happens to each option of a caller's profile: it is written anew with a value of its type, or left out. */

import type { ValueType } from '../values/value-types.ts';
import {
  AUDIO_OPTIONS,
  GLOBAL_OPTIONS,
  INPUT_STREAM_OPTIONS,
  OUTPUT_STREAM_OPTIONS,
  VIDEO_OPTIONS,
  WHOLE_INPUT_OPTIONS,
  WHOLE_OUTPUT_OPTIONS,
} from './option-table.ts';
import { optionTypeOf } from './option-types.ts';

/**
 * - `value`, `flag`: goes to FFmpeg, with a value of `type` or alone.
 * - `drop`: accepted for compatibility and left out, because the worker decides it (pacing, logging, muxing,
 * segmenting).
 */
export type OptionRule =
  | { readonly fate: 'value'; readonly takesValue: true; readonly type: ValueType; readonly perStream: boolean }
  | { readonly fate: 'flag'; readonly takesValue: false; readonly perStream: false }
  | { readonly fate: 'drop'; readonly takesValue: boolean; readonly perStream: true };

export type OptionRules = ReadonlyMap<string, OptionRule>;

const words = (text: string): string[] => text.trim().split(/\s+/);

const typed = (table: string, perStream: boolean): [string, OptionRule][] =>
  words(table).map((line) => {
    const at = line.indexOf(':');
    return [line.slice(0, at), { fate: 'value', takesValue: true, type: optionTypeOf(line.slice(at + 1)), perStream }];
  });
const flags = (names: string): [string, OptionRule][] =>
  words(names).map((name) => [name, { fate: 'flag', takesValue: false, perStream: false }]);
const dropped = (names: string, takesValue: boolean): [string, OptionRule][] =>
  words(names).map((name) => [name, { fate: 'drop', takesValue, perStream: true }]);

const EVERYWHERE: [string, OptionRule][] = [
  ...dropped('y n nostdin stdin hide_banner stats nostats copyts start_at_zero', false),
  ...dropped('loglevel v stats_period', true),
  ...typed(GLOBAL_OPTIONS, false),
];

/** Options that may stand before `-i`. */
export const INPUT_OPTIONS: OptionRules = new Map([
  ...EVERYWHERE,
  ...typed(WHOLE_INPUT_OPTIONS, false),
  ...typed(INPUT_STREAM_OPTIONS, true),
  // The worker reads, paces and reconnects. With a pipe as input FFmpeg does not know most of these options.
  ...dropped('re accurate_seek noaccurate_seek autorotate noautorotate', false),
  ...dropped(
    `probesize analyzeduration fpsprobesize max_probe_packets thread_queue_size readrate rtbufsize max_delay
     reconnect reconnect_at_eof reconnect_streamed reconnect_on_network_error reconnect_on_http_error reconnect_delay_max
     multiple_requests http_persistent http_seekable seekable icy timeout rw_timeout stimeout listen_timeout buffer_size fifo_size
     overrun_nonfatal live_start_index max_reload m3u8_hold_counters allowed_extensions extension_picky max_error_rate
     use_wallclock_as_timestamps avoid_negative_ts discard tls_verify correct_ts_overflow seek_timestamp
     http_version scan_all_pmts resend_headers merge_pmt_versions skip_changes skip_clear`,
    true,
  ),
]);

/** Options that may stand after `-i {input_url}`. */
export const OUTPUT_OPTIONS: OptionRules = new Map([
  ...EVERYWHERE,
  ...flags('vn an sn dn ignore_unknown'),
  ...typed(OUTPUT_STREAM_OPTIONS, true),
  ...typed(VIDEO_OPTIONS, true),
  ...typed(AUDIO_OPTIONS, true),
  ...typed(WHOLE_OUTPUT_OPTIONS, false),
  ...dropped('shortest bitexact', false),
  // The worker cuts segments and splices timelines itself, so it decides these.
  ...dropped(
    `muxdelay muxpreload max_delay max_interleave_delta flush_packets avoid_negative_ts vsync fps_mode enc_time_base async apad
     max_muxing_queue_size muxing_queue_data_threshold mpegts_copyts pes_payload_size start_number output_ts_offset
     hls_time hls_init_time hls_list_size hls_flags hls_segment_type hls_segment_filename hls_segment_options hls_playlist_type
     hls_allow_cache hls_start_number_source hls_delete_threshold hls_fmp4_init_filename hls_base_url hls_ts_options hls_wrap
     hls_segment_size method master_pl_name strftime`,
    true,
  ),
]);

/** Why some well-known options are refused. Every other unknown option gets a general sentence. */
export const REFUSAL_REASONS: ReadonlyMap<string, string> = new Map([
  ...words('headers user_agent user-agent referer cookies http_proxy content_type post_data').map(
    (name): [string, string] => [name, 'send headers and user_agent in the request instead'],
  ),
  ...words('ss sseof t to frames vframes aframes dframes fs itsoffset itsscale stream_loop timelimit').map(
    (name): [string, string] => [name, 'a shared live stream has no start and no end of its own; remove it'],
  ),
  ...words(
    `filter_complex_script filter_script report vstats vstats_file progress passlogfile pass stats dump_attachment attach sdp_file
     protocol_whitelist protocol_blacklist format_whitelist codec_whitelist target vpre apre spre fpre pre benchmark dump hex`,
  ).map((name): [string, string] => [
    name,
    'a profile may not read or write files, nor change what FFmpeg may open; remove it',
  ]),
  ['autoscale', 'FFmpeg 5.1 reads a value after it and FFmpeg 7 reads none; remove it, it is on by default'],
]);
