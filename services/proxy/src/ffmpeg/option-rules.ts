/**
 * The FFmpeg options a caller's profile may use, and whether each takes a value. What is not here is refused: an allow-list,
 * because FFmpeg has hundreds of options and some of them read or write files.
 */

/**
 * - `keep`: goes to FFmpeg as it is.
 * - `drop`: accepted for compatibility and left out, since the worker decides it (pacing, logging, muxing, segmenting).
 */
export interface OptionRule {
  takesValue: boolean;
  fate: 'keep' | 'drop';
}

const KEEP_VALUE: OptionRule = { takesValue: true, fate: 'keep' };
const KEEP_FLAG: OptionRule = { takesValue: false, fate: 'keep' };
const DROP_VALUE: OptionRule = { takesValue: true, fate: 'drop' };
const DROP_FLAG: OptionRule = { takesValue: false, fate: 'drop' };

const words = (text: string): string[] => text.trim().split(/\s+/);
const rules = (...groups: [OptionRule, string][]): ReadonlyMap<string, OptionRule> =>
  new Map(groups.flatMap(([rule, names]) => words(names).map((name): [string, OptionRule] => [name, rule])));

const GLOBAL: [OptionRule, string][] = [
  [DROP_FLAG, 'y n nostdin stdin hide_banner stats nostats copyts start_at_zero'],
  [DROP_VALUE, 'loglevel v stats_period'],
  [KEEP_VALUE, 'filter_threads filter_complex_threads init_hw_device filter_hw_device vaapi_device qsv_device'],
];

/** Options that may stand before `-i`. */
export const INPUT_OPTIONS = rules(
  ...GLOBAL,
  [
    KEEP_VALUE,
    `hwaccel hwaccel_output_format hwaccel_device hwaccel_flags extra_hw_frames threads thread_type c codec vcodec acodec
     fflags flags flags2 err_detect ec skip_frame skip_loop_filter skip_idct lowres strict rtsp_transport rtsp_flags
     surfaces drop_second_field resize`,
  ],
  // The worker reads, paces and reconnects; with a pipe for its input FFmpeg does not even know most of these.
  [DROP_FLAG, 're accurate_seek noaccurate_seek autorotate noautorotate'],
  [
    DROP_VALUE,
    `probesize analyzeduration fpsprobesize max_probe_packets thread_queue_size readrate rtbufsize max_delay
     reconnect reconnect_at_eof reconnect_streamed reconnect_on_network_error reconnect_on_http_error reconnect_delay_max
     multiple_requests http_persistent http_seekable seekable icy timeout rw_timeout stimeout listen_timeout buffer_size fifo_size
     overrun_nonfatal live_start_index max_reload m3u8_hold_counters allowed_extensions extension_picky max_error_rate
     use_wallclock_as_timestamps avoid_negative_ts discard tls_verify correct_ts_overflow seek_timestamp
     http_version scan_all_pmts resend_headers merge_pmt_versions skip_changes skip_clear`,
  ],
);

/** Options that may stand after `-i {input_url}`. */
export const OUTPUT_OPTIONS = rules(
  ...GLOBAL,
  [KEEP_FLAG, 'vn an sn dn ignore_unknown'],
  [DROP_FLAG, 'shortest bitexact'],
  // Streams, filters, metadata.
  [
    KEEP_VALUE,
    `f map c codec vcodec acodec scodec filter vf af filter_complex lavfi metadata map_metadata map_chapters disposition program
     threads thread_type slices strict flags flags2 fflags tag vtag atag movflags force_key_frames autoscale
     bsf vbsf absf streamid frag_duration min_frag_duration frag_size brand movie_timescale video_track_timescale write_tmcd
     cluster_size_limit cluster_time_limit live dash id3v2_version write_id3v1 write_xing
     mpegts_flags mpegts_service_id mpegts_service_type mpegts_transport_stream_id mpegts_original_network_id
     mpegts_pmt_start_pid mpegts_start_pid pat_period sdt_period nit_period pcr_period`,
  ],
  // Video.
  [
    KEEP_VALUE,
    `b vb qscale q aspect pix_fmt s r g bf keyint_min sc_threshold maxrate minrate bufsize crf crf_max qp qp_i qp_p qp_b cq cqp
     qmin qmax qdiff qblur qcomp qp_cb_offset qp_cr_offset init_qpI init_qpP init_qpB global_quality rc rc_mode rc_lookahead
     rc-lookahead rc_init_occupancy rc_max_vbv_use rc_min_vbv_use rc_init_cplx trellis refs me_range me_method motion-est motion_est
     subq subcmp cmp precmp mbcmp mbd chromaoffset colorspace color_primaries color_trc color_range chroma_sample_location
     field_order top sws_flags preset profile level tier tune x264-params x264opts x265-params forced-idr forced_idr
     intra-refresh single-slice-intra-refresh fast-pskip partitions direct-pred weightb weightp weighted_pred psy psy-rd psymodel
     aq-mode aq-strength spatial-aq spatial_aq temporal-aq temporal_aq mbtree mixed-refs cplxblur 8x8dct deblock coder cabac cavlc
     b-pyramid b-bias b_strategy b_adapt b_ref_mode b_depth nal-hrd a53cc aud udu_sei bluray-compat slice-max-size max_slice_size
     zerolatency delay surfaces gpu multipass 2pass cbr vbr ldkfs no-scenecut nonref_p strict_gop dpb_size max_frame_size
     low_power async_depth idr_interval quality sei max_b_frames look_ahead look_ahead_depth adaptive_i adaptive_b extbrc mbbrc
     low_delay_brc scenario usage bitrate_limit compression_level alternate_scan seq_disp_ext video_format non_linear_quant
     deadline cpu-used speed row-mt tile-columns tile-rows tiles tile_columns tile_rows frame-parallel lag-in-frames auto-alt-ref
     arnr-maxframes arnr-strength arnr-type error-resilient error-resilience static-thresh drop-threshold noise-sensitivity
     sharpness undershoot-pct overshoot-pct max-intra-rate rc_strategy aq_mode bf_delta_qp header_spacing vbaq preanalysis
     enforce_hrd filler_data me_quarter_pel me_half_pel realtime prio_speed allow_sw require_sw num_capture_buffers
     num_output_buffers tune-content enable-cdef enable-restoration corpus-complexity`,
  ],
  // Audio.
  [
    KEEP_VALUE,
    `ab aq ar ac channel_layout ch_layout sample_fmt cutoff aac_coder aac_ms aac_is aac_pns aac_tns vbr afterburner eld_sbr
     signaling frame_duration packet_loss fec application mapping_family apply_phase_inv abr joint_stereo reservoir copyright
     original dialnorm center_mixlev surround_mixlev stereo_rematrixing channel_coupling cpl_start_band room_type mixing_level
     dmix_mode dsur_mode`,
  ],
  // The worker cuts segments itself and splices timelines: these are its business.
  [
    DROP_VALUE,
    `muxdelay muxpreload max_delay max_interleave_delta flush_packets avoid_negative_ts vsync fps_mode enc_time_base async apad
     max_muxing_queue_size muxing_queue_data_threshold mpegts_copyts pes_payload_size start_number output_ts_offset
     hls_time hls_init_time hls_list_size hls_flags hls_segment_type hls_segment_filename hls_segment_options hls_playlist_type
     hls_allow_cache hls_start_number_source hls_delete_threshold hls_fmp4_init_filename hls_base_url hls_ts_options hls_wrap
     hls_segment_size method master_pl_name strftime`,
  ],
);

/** Why some well-known options are refused; everything else that is unknown gets a general sentence. */
export const REFUSAL_REASONS: ReadonlyMap<string, string> = new Map([
  ...words('headers user_agent referer cookies http_proxy content_type post_data').map((name): [string, string] => [
    name,
    'send headers and user_agent in the request instead',
  ]),
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
]);
