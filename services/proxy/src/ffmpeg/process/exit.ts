/** Why an FFmpeg ended, from its exit code, its signal and its stderr. Pure. */

export const FFMPEG_EXIT_REASONS = ['source_refused', 'source_ended', 'bad_arguments', 'killed', 'failed'] as const;

export type FfmpegExitReason = (typeof FFMPEG_EXIT_REASONS)[number];

export interface FfmpegExit {
  code: number | null;
  signal: string | null;
  /**
   * - `source_refused`: the source could not be opened, or nothing in it could be decoded
   * - `source_ended`: the input came to its end, and everything of it was written
   * - `bad_arguments`: it never started because of its arguments; trying again cannot help
   * - `killed`: by a signal (ours through `kill`, the kernel's, an operator's)
   * - `failed`: anything else, such as a device without memory; trying again may help
   */
  reason: FfmpegExitReason;
  /** A sentence for logs and errors, with credentials masked. */
  detail: string;
}

/** How far FFmpeg got, in its own order. */
export type FfmpegProgress = 'starting' | 'input_open' | 'output_open';

export interface FfmpegEnd {
  code: number | null;
  signal: string | null;
  progress: FfmpegProgress;
  /** The last lines of stderr, oldest first, masked. */
  lines: readonly string[];
  /** `kill` was called before it ended. */
  killed: boolean;
}

/** Wrong with any source: syntax, names, and what a codec or container cannot do. */
const OPTION_ERROR =
  /Unrecognized option|Error splitting the argument list|Error parsing (?!AAC extradata)|Missing argument|Unknown (?:input|output|encoder|decoder|bitstream|hwaccel)|cannot be applied|Failed to set value|Unable to parse option|Invalid value|Trailing option|No such filter|Undefined constant|Option '?\S+ not found|Error setting (?:preset|option (?!time_base))|(?:are|is) supported for WebM|tag for codec (?!none)\S+ in stream|(?:incompatible|not compatible) with output codec/i;

/**
 * What FFmpeg prints about an input that it cannot read, as a warning or an error. It still opens the output, and later
 * errors only follow from that. An unknown track that is neither video nor audio is common and harmless.
 */
const SOURCE_ERROR =
  /Decoder .* not found|no decoder found|could not find codec parameters(?! for stream \d+ \((?!Video|Audio))|Invalid data found when processing input|time_base'? (?:out of range|to value 1\/0)|Cannot determine format of input stream|does not contain any stream|unspecified size|dimensions not set|sample rate not set|Error parsing AAC extradata|tag (?:found )?for codec none|Error marking filters as finished/i;

/** Every source has a first track of a kind. When one does not, the profile is not at fault. */
const NO_FIRST_TRACK = /Stream (?:map '(?:0)?:?[va](?::0)?\??'|specifier ':?[va](?::0)?').* matches no streams/i;

/** Printed about a wrong profile, unless the source is what does not fit. */
const ARGUMENT_ERROR =
  /matches no streams|opening encoder|initializing output stream|could not write header|filter|opening output file/i;

/** The machine's fault and not the profile's: drivers, devices and memory may fail for a while. */
const RESOURCE_ERROR =
  /Cannot allocate|out of memory|Resource temporarily|Device (?:creation|setup) failed|No device available|No capable devices|OpenEncodeSession|Cannot load lib|Broken pipe|No space left/i;

/** Whether FFmpeg ended because its input does not have a track that it was told to take. */
export function lacksTrack({ detail }: FfmpegExit): boolean {
  return /matches no streams/i.test(detail);
}

/** Tells why FFmpeg ended. */
export function classifyExit({ code, signal, progress, lines, killed }: FfmpegEnd): FfmpegExit {
  const exit = (reason: FfmpegExitReason, detail: string): FfmpegExit => ({ code, signal, reason, detail });
  if (killed) return exit('killed', 'FFmpeg was killed by its worker.');
  if (signal !== null) return exit('killed', `FFmpeg was killed by ${signal}.`);
  if (code === 255 && lines.some((line) => line.includes('received signal'))) {
    return exit('killed', 'FFmpeg was told to end by a signal.');
  }
  // As in a shell: the program was found but may not run, or it was not found.
  if (progress === 'starting' && (code === 126 || code === 127))
    return exit('failed', `FFmpeg did not start: ${lines.at(-1)}`);
  const errors = lines.filter((line) => /\[(?:error|fatal|panic)\]/.test(line));
  if (code === 0) {
    const empty = lines.some((line) => line.includes('Output file is empty'));
    return exit(
      'source_ended',
      empty ? 'The source ended before FFmpeg could make anything of it.' : 'The source ended.',
    );
  }
  const detail = (texts: readonly string[]): string => `FFmpeg ended with code ${code}: ${describe(texts)}`;
  const said = detail(errors.length > 0 ? errors : lines);
  const matches = (pattern: RegExp): boolean => errors.some((line) => pattern.test(line));
  if (progress === 'output_open' || matches(RESOURCE_ERROR)) return exit('failed', said);
  if (matches(OPTION_ERROR)) return exit('bad_arguments', said);
  if (progress === 'starting') return exit('source_refused', said);
  const complaint = lines.find((line) => SOURCE_ERROR.test(line) || NO_FIRST_TRACK.test(line));
  if (complaint !== undefined) return exit('source_refused', detail([complaint, ...errors.slice(-1)]));
  // An unknown error does not count against arguments that were checked before.
  return exit(matches(ARGUMENT_ERROR) ? 'bad_arguments' : 'source_refused', said);
}

/** The first error is the cause. The last one is its consequence. */
function describe(lines: readonly string[]): string {
  const texts = lines.map(plain).filter((text) => text !== '');
  const [first] = texts;
  const last = texts.at(-1);
  if (first === undefined || last === undefined) return 'it said nothing.';
  return first === last ? first : `${first} (${last})`;
}

/** A stderr line without `[h264 @ 0x55...]` and `[error]`. */
function plain(line: string): string {
  return line
    .replace(/\[[^\]]*@ 0x[0-9a-f]+\]\s*/g, '')
    .replace(/\[(?:error|fatal|panic|warning|info)\]\s*/g, '')
    .trim();
}
