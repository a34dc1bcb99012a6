/**
 * Builds the FFmpeg command line of a process: the profile's checked options, and what a shared live stream needs
 * around them.
 */

import { checkStoredOptions } from '../arguments/check.ts';
import { codecOf, isFilterOf, type Option, readOptions, writeOptions } from '../arguments/options.ts';
import { AS_THE_TABLE_SAYS, type OptionReading } from '../arguments/own-reading.ts';
import type { ResolvedProfile } from '../profiles/profiles.ts';
import { keyframes } from './keyframe-grid.ts';
import { audioTrim, firstFrameTime, resumesExactly, videoTrim } from './resume.ts';
import type { TrackChoice } from './track-choice.ts';

/**
 * `pipe`: MPEG-TS of a source feed on stdin. `url`: FFmpeg opens it itself; it must contain no credentials. `audioUrl`: sound that comes
 * apart from the pictures.
 */
export type FfmpegInput =
  | { kind: 'pipe' }
  | { kind: 'url'; url: string; audioUrl?: string; protocols: readonly string[]; options?: readonly string[] };

export interface CommandOptions {
  /**
   * Where an earlier process stopped: the next PTS wanted of each kind, in seconds on the clock of the feed, which is not
   * wrapped. Earlier frames are decoded and left out. See `resumesExactly`.
   */
  resume?: { videoSeconds?: number | undefined; audioSeconds?: number | undefined };
  /**
   * PTS of the first keyframe of a `pipe` input, on the same timeline. Earlier frames are left out, because an open GOP
   * has some that cannot be decoded. FFmpeg counts the grid of keyframes from here; without this value from the first
   * frame.
   */
  firstVideoSeconds?: number | undefined;
  /** Added to every input timestamp (`-itsoffset`), so that it is one of that clock. */
  timestampOffsetSeconds?: number;
  /** A `pipe` input begins between keyframes, and copied pictures go out before the first of them. */
  betweenKeyframes?: boolean;
  /** The tracks of a `pipe` input, by PID, for the profile. Without it, the profile's positions count in the input. */
  tracks?: TrackChoice;
  /** When the profile asks for the first tracks of a `url` input by position, FFmpeg chooses them itself instead. */
  ownChoice?: boolean;
  /**
   * Keyframes at multiples of this on the clock of the feed, instead of at the source's keyframes (HLS_SEGMENT_TIME). An
   * FFmpeg that opens its input itself, or does not resume exactly, counts from its first frame. See `keyframes`.
   */
  keyframeIntervalSeconds?: number;
  /** The sound of a `url` input whose container says this language. FFmpeg ends where there is none: see `lacksTrack`. */
  soundLanguage?: string | undefined;
  /** A `url` input is read from there on. */
  seekSeconds?: number;
  /**
   * A `url` input from which MPEG-TS is made: its times stay those of the file, which begins at 0. A picture that is copied then tells
   * where it is in the file, though a seek goes to the keyframe before its place. See `fileSeconds`.
   */
  keepTimes?: boolean;
  /** How the FFmpeg that will run reads options. Without it, the option table is trusted. */
  reading?: OptionReading;
}

/** Encoders that support a time base of 1/90000, so that no timestamp is rounded to the frame rate's grid. */
const FINE_TIME_BASE = /^(?:libx26[45]|libvpx|libaom|libsvtav1|\w+_(?:nvenc|vaapi|qsv))/;

/** Input options that make sense for our pipe. The others concern protocols and demuxers that it does not use. */
const PIPE_INPUT_OPTIONS = new Set(
  `hwaccel hwaccel_output_format hwaccel_device hwaccel_flags extra_hw_frames threads thread_type c codec vcodec acodec flags flags2
   err_detect ec skip_frame skip_loop_filter skip_idct lowres strict surfaces drop_second_field resize
   init_hw_device filter_hw_device vaapi_device qsv_device filter_threads filter_complex_threads`.split(/\s+/),
);

/** The argument list (without the program) of the FFmpeg that applies `profile` to `input` and writes to stdout. */
export function buildArguments(given: ResolvedProfile, input: FfmpegInput, options: CommandOptions = {}): string[] {
  const profile = { ...given, ...checkStoredOptions(given, options.reading ?? AS_THE_TABLE_SAYS) };
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'level+info', '-stats_period', '10'],
    ...inputArguments(profile, input, options),
    ...outputArguments(profile, input, options),
    ...muxerArguments(profile, input),
    'pipe:1',
  ];
}

function inputArguments(
  profile: ResolvedProfile,
  input: FfmpegInput,
  { timestampOffsetSeconds, seekSeconds, keepTimes }: CommandOptions,
): string[] {
  const given = readOptions(profile.inputOptions);
  const offset = timestampOffsetSeconds ? ['-itsoffset', seconds(timestampOffsetSeconds)] : [];
  if (input.kind === 'url') {
    const before = [
      ...['-protocol_whitelist', input.protocols.join(',')],
      ...writeOptions(given),
      ...(input.options ?? []),
      ...offset,
      ...(seekSeconds === undefined ? [] : ['-ss', seconds(seekSeconds)]),
      ...(keepTimes === true ? ['-copyts', '-start_at_zero'] : []),
    ];
    return [input.url, ...(input.audioUrl === undefined ? [] : [input.audioUrl])].flatMap((url) => [
      ...before,
      '-i',
      url,
    ]);
  }
  return [
    ...writeOptions(given.filter(({ name }) => PIPE_INPUT_OPTIONS.has(name))),
    ...(given.some(({ name, value }) => name === 'fflags' && value?.includes('discardcorrupt'))
      ? ['-fflags', '+discardcorrupt']
      : []),
    // Only MPEG-TS continues across restarts; players of other containers expect times near zero. The duration bounds
    // the wait (zero would mean 5 s). A smaller probe size would not shorten it, and would lose the audio after a big
    // picture. Without a packet limit, FFmpeg would look at one stream of an unknown codec for a minute or more.
    ...['-f', 'mpegts', '-probesize', '5000000', '-analyzeduration', '500000', '-max_probe_packets', '25'],
    ...(profile.container === 'mpegts' ? ['-copyts', ...offset] : []),
    ...['-i', 'pipe:0'],
  ];
}

function outputArguments(profile: ResolvedProfile, input: FfmpegInput, options: CommandOptions): string[] {
  const given = readOptions(profile.outputOptions);
  const kept = given.filter(
    (option) =>
      !isFilterOf(option, 'video') &&
      !isFilterOf(option, 'audio') &&
      option.name !== 'map' &&
      option.name !== 'force_key_frames' &&
      option.name !== 'movflags' &&
      option.name !== 'x265-params' &&
      !(option.name === 'r' && profile.video === 'encode'),
  );
  const start = input.kind === 'pipe' ? (options.resume?.videoSeconds ?? options.firstVideoSeconds) : undefined;
  const audioStart = input.kind === 'pipe' ? options.resume?.audioSeconds : undefined;
  return [
    ...(options.ownChoice === true && takesFirstTracks(profile) ? [] : mapArguments(given, input, options)),
    ...writeOptions(kept),
    ...(options.betweenKeyframes === true ? ['-copyinkf:v'] : []),
    ...videoArguments(profile, given, start, options.keyframeIntervalSeconds),
    ...audioArguments(profile, given, audioStart),
  ];
}

/** What the muxer puts the times of MPEG-TS behind those of its input: twice its delay. */
const MUXER_SECONDS = 0.8;

/** Where a picture is in its file, with `keepTimes`, in s. @param shownAt its PTS, in s */
export function fileSeconds(shownAt: number): number {
  return shownAt - MUXER_SECONDS;
}

/** A map by position (`0:v:0`, `0:a:1?`), or of all tracks of a kind (`0:a`). */
const POSITION = /^0:([va])(?::(\d{1,3}))?\??$/;

/** Whether a profile takes the first track of each kind and no others, like most do. */
export function takesFirstTracks({ outputOptions }: Pick<ResolvedProfile, 'outputOptions'>): boolean {
  return readOptions(outputOptions).every(({ name, value = '' }) => {
    if (name === 'map') return /^0:[va]:0\??$/.test(value);
    return name !== 'filter_complex' && name !== 'lavfi';
  });
}

/**
 * Which tracks go in. FFmpeg waits for a track named by position even if it never sends, so tracks that send are named
 * by PID. For an input that FFmpeg opens itself, it looks before it chooses.
 */
function mapArguments(
  given: readonly Option[],
  input: FfmpegInput,
  { tracks, soundLanguage }: Pick<CommandOptions, 'tracks' | 'soundLanguage'>,
): string[] {
  const asked = given.flatMap(({ name, value }) => (name === 'map' && value !== undefined ? [value] : []));
  const map = (specifiers: readonly string[]) => specifiers.flatMap((specifier) => ['-map', specifier]);
  const hasGraph = given.some(({ name }) => name === 'filter_complex' || name === 'lavfi');
  const wanted = asked.length === 0 ? ['0:v:0?', '0:a:0?'] : asked;
  if (input.kind === 'url' && input.audioUrl !== undefined) {
    return map(wanted.map((specifier) => specifier.replace(/^0:a/, '1:a')));
  }
  if (input.kind === 'url' && soundLanguage !== undefined && !hasGraph) {
    return map(wanted.map((specifier) => specifier.replace(/^0:a(?::0)?\??$/, `0:a:m:language:${soundLanguage}`)));
  }
  if (input.kind === 'url' || (hasGraph && asked.length === 0)) return map(asked);
  if (tracks === undefined) return map(wanted);
  const chosen = wanted.flatMap((specifier) => {
    const [, kind, position] = POSITION.exec(specifier) ?? [];
    if (kind === undefined) return [specifier];
    const pids = kind === 'v' ? tracks.video : tracks.audio;
    const taken = position === undefined ? pids : pids.slice(Number(position), Number(position) + 1);
    return taken.map((pid) => `0:i:${pid}`);
  });
  // FFmpeg itself reports best that the requested tracks do not exist.
  return map(chosen.length === 0 ? wanted : chosen);
}

function videoArguments(
  profile: ResolvedProfile,
  given: readonly Option[],
  startSeconds: number | undefined,
  intervalSeconds: number | undefined,
): string[] {
  if (profile.video !== 'encode') return [];
  const chain = given
    .filter((option) => isFilterOf(option, 'video'))
    .slice(-1)
    .map(({ value = '' }) => value);
  // -r drops and repeats frames after the filters, so a trim would no longer be exact.
  const rate = given.findLast(({ name }) => name === 'r')?.value;
  if (rate !== undefined) chain.push(`fps=${rate}`);
  const isExact = resumesExactly(profile).video;
  const first = isExact && startSeconds !== undefined ? firstFrameTime(chain.join(','), startSeconds) : undefined;
  if (first !== undefined) chain.push(videoTrim(first));

  const encoder = codecOf(given, 'video') ?? '';
  const has = (name: string): boolean => given.some((option) => option.name.replaceAll('_', '-') === name);
  const x265 = given.findLast(({ name }) => name === 'x265-params')?.value;
  return [
    ...(chain.length > 0 ? ['-filter:v', chain.join(',')] : []),
    ...['-force_key_frames', keyframes(profile, given, intervalSeconds, first ?? 0)],
    // With a constant frame rate, the default of mp4, a fine time base would mean 90,000 frames a second.
    ...['-fps_mode:v', 'vfr'],
    ...(FINE_TIME_BASE.test(encoder) ? ['-enc_time_base:v', '1:90000'] : []),
    // Without it, a forced keyframe of these encoders may be an I-frame that no viewer can start from.
    ...(/^libx26[45]$|_nvenc$|_qsv$/.test(encoder) && !has('forced-idr')
      ? [encoder.endsWith('_qsv') ? '-forced_idr' : '-forced-idr', '1']
      : []),
    // Open GOPs would leave frames before a splice that refer to pictures after it.
    ...(encoder === 'libx265' ? ['-x265-params', x265 === undefined ? 'open-gop=0' : `open-gop=0:${x265}`] : []),
  ];
}

function audioArguments(
  profile: ResolvedProfile,
  given: readonly Option[],
  resumeSeconds: number | undefined,
): string[] {
  if (profile.audio !== 'encode') return [];
  const chain = given
    .filter((option) => isFilterOf(option, 'audio'))
    .slice(-1)
    .map(({ value }) => value);
  if (resumeSeconds !== undefined && resumesExactly(profile).audio) chain.push(...audioTrim(given, resumeSeconds));
  return chain.length > 0 ? ['-filter:a', chain.join(',')] : [];
}

function muxerArguments(profile: ResolvedProfile, input: FfmpegInput): string[] {
  const given = readOptions(profile.outputOptions);
  const common = ['-max_interleave_delta', '2000000', '-flush_packets', '1'];
  switch (profile.container) {
    case 'mpegts':
      return [
        ...common,
        // One audio frame per PES, so that a splice may fall between any two. The clock runs 0.4 s ahead of the frames.
        ...['-pes_payload_size', '0', '-muxdelay', '0.4', '-muxpreload', '0'],
        ...(input.kind === 'pipe' ? ['-mpegts_copyts', '1'] : []),
        ...['-f', 'mpegts'],
      ];
    case 'mp4':
    case 'mov': {
      const flags = given
        .filter(({ name }) => name === 'movflags')
        .map(({ value = '' }) => value.replace(/^(?![+-])/, '+'));
      const fragments =
        profile.video === 'none' ? '+empty_moov+default_base_moof' : '+frag_keyframe+empty_moov+default_base_moof';
      return [
        ...common,
        ...['-movflags', `${flags.join('').replace(/[+-]faststart/g, '')}${fragments}`],
        ...(profile.video === 'none' ? ['-frag_duration', '500000'] : []),
        ...['-f', profile.container],
      ];
    }
    case 'matroska':
    case 'webm':
      return [...common, '-cluster_time_limit', '2000', '-live', '1', '-f', profile.container];
    case 'flv':
      // A pipe cannot be written again at its end.
      return [...common, '-flvflags', 'no_duration_filesize', '-f', 'flv'];
    case 'ogg':
      // A viewer starts at a page, so pages are short.
      return [...common, '-page_duration', '200000', '-f', 'ogg'];
    case 'mpeg':
      // MPEG-2; the muxer `mpeg` writes MPEG-1.
      return [...common, '-f', 'vob'];
    case 'mp3':
      return [...common, '-write_xing', '0', '-id3v2_version', '0', '-f', 'mp3'];
    case 'adts':
      return [...common, '-f', 'adts'];
  }
}

function seconds(value: number): string {
  return value.toFixed(6);
}
