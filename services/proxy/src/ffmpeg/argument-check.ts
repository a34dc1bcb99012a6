/**
 * The check of argument lists that callers give: one input, one output, no files, no devices, no second command.
 * Works by allow-lists (option-rules.ts, filter-graph.ts, codec-params.ts), so what nobody thought of is refused.
 */
import { StreampoolError } from '../errors.ts';
import { checkCodecParams } from './codec-params.ts';
import { checkFilterGraph } from './filter-graph.ts';
import { INPUT_OPTIONS, OUTPUT_OPTIONS, REFUSAL_REASONS } from './option-rules.ts';

export interface CheckedArguments {
  /** Options before `-i`, as they go to FFmpeg. */
  inputOptions: string[];
  /** Options after `-i`, without `-f` and the output. */
  outputOptions: string[];
  /** The value of the output's `-f`, or that its name or its `-hls_...` options imply. */
  format: string | undefined;
  /** Seconds of `-hls_time`, where given. */
  hlsSegmentSeconds: number | undefined;
}

interface ParsedOption {
  name: string;
  value: string | undefined;
  arguments: string[];
}

const PLAYLIST_NAME = /^(?:[\w-][\w.-]*)?\.m3u8$/;
const FLAG_LIST = /^[+-]?[A-Za-z_]\w*(?:[+-][A-Za-z_]\w*)*$/;
const MAP = /^-?0(?::(?:[vVasdt]|p:\d+|i:(?:0x)?[0-9a-f]+|#(?:0x)?[0-9a-f]+|m:[\w-]+(?::[\w-]+)?|u|\d+))*\??$/i;
const HARDWARE_DEVICE =
  /^(?:vaapi|qsv|cuda|vulkan|videotoolbox|drm|opencl|d3d11va)(?:=\w*)?(?::(?:\/dev\/dri\/(?:renderD|card)\d+|hw\w*|\d*(?:\.\d+)?|,?[\w=]*))?(?:@\w+)?(?:,(?:driver|child_device_type)=\w+)*$/;
const DEVICE_NAME = /^(?:\/dev\/dri\/(?:renderD|card)\d+|\d+|auto|\w+)$/;

/**
 * Checks a whole FFmpeg argument list against what a profile may do, and takes it apart.
 *
 * @param inputUrl What `{input_url}` stood for: the only input there may be.
 * @param outputArgs What `{output_args}` stood for: with `pipe:1` the only output (an HLS profile may name a playlist).
 * @throws StreampoolError 422 naming the argument and what to do.
 */
export function checkArguments(args: readonly string[], inputUrl: string, outputArgs: string): CheckedArguments {
  for (const argument of args) checkText(argument);
  const at = args.indexOf('-i');
  if (at < 0) throw refused('-i', 'a profile needs exactly one input: write -i {input_url}');

  const input = parseOptions(args.slice(0, at), INPUT_OPTIONS, 'before -i');
  if (input.positional.length > 0) {
    throw refused(input.positional[0] ?? '', 'options stand before the input, and the only output stands last');
  }
  if (args[at + 1] !== inputUrl) throw refused(`-i ${args[at + 1] ?? ''}`, 'the only input is {input_url}');

  const output = parseOptions(args.slice(at + 2), OUTPUT_OPTIONS, 'after -i');
  const names = output.positional;
  const isHls = output.all.some(
    (option) => option.name.startsWith('hls_') || (option.name === 'f' && option.value === 'hls'),
  );
  const playlist = names[0] !== undefined && PLAYLIST_NAME.test(names[0]);
  if (names.length > 1) throw refused(names[1] ?? '', 'there is one output only');
  if (names[0] !== undefined && !['pipe:1', 'pipe:', '-', outputArgs].includes(names[0]) && !playlist) {
    throw refused(names[0], 'the only output is {output_args}');
  }
  if (names[0] !== undefined && args.at(-1) !== names[0]) {
    throw refused(args.at(-1) ?? '', 'options after the output have no effect; put them before {output_args}');
  }
  for (const option of [...input.kept, ...output.kept]) {
    if (option.value?.includes(inputUrl)) {
      throw refused(option.arguments.join(' '), '{input_url} may be used for -i only');
    }
  }
  const seconds = Number.parseFloat(output.all.findLast((option) => option.name === 'hls_time')?.value ?? '');
  return {
    inputOptions: input.kept.flatMap((option) => option.arguments),
    outputOptions: output.kept.filter((option) => option.name !== 'f').flatMap((option) => option.arguments),
    format: isHls || playlist ? 'hls' : output.all.findLast((option) => option.name === 'f')?.value,
    hlsSegmentSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  };
}

type Rules = typeof INPUT_OPTIONS;

function parseOptions(args: readonly string[], rules: Rules, where: string) {
  const all: ParsedOption[] = [];
  const kept: ParsedOption[] = [];
  const positional: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? '';
    if (!argument.startsWith('-') || argument === '-') {
      positional.push(argument);
      continue;
    }
    const spelled = argument.slice(1);
    const [name = '', ...specifier] = spelled.split(':');
    const rule = rules.get(name);
    if (rule === undefined || specifier.some((part) => !/^[\w#-]*$/.test(part))) {
      throw refusedOption(argument, name, where, rules);
    }
    if (!rule.takesValue) {
      const option = { name, value: undefined, arguments: [argument] };
      all.push(option);
      if (rule.fate === 'keep') kept.push(option);
      continue;
    }
    at += 1;
    const value = args[at];
    if (value === undefined) throw refused(argument, 'it needs a value');
    const option = { name, value, arguments: [argument, value] };
    all.push(option);
    if (rule.fate === 'keep') {
      checkValue(option);
      kept.push(option);
    }
  }
  return { all, kept, positional };
}

function checkValue({ name, value = '', arguments: spelled }: ParsedOption): void {
  const shown = spelled.join(' ');
  // Defence in depth: no honest value looks like an option.
  if (/^-[A-Za-z/]/.test(value) && !(/flags/.test(name) && FLAG_LIST.test(value))) {
    throw refused(shown, `'${value}' looks like an option, not a value`);
  }
  const kind = spelled[0]?.split(':')[1] ?? '';
  if (name === 'filter' && !/^[va]$/i.test(kind)) throw refused(shown, 'say which streams: -filter:v or -filter:a');
  if ((name === 'c' || name === 'codec') && !/^[vasd]?$/i.test(kind))
    throw refused(shown, 'say which streams: -c:v or -c:a');
  switch (name) {
    case 'filter':
    case 'vf':
    case 'af':
    case 'filter_complex':
    case 'lavfi':
      checkFilterGraph(value);
      break;
    case 'x264-params':
    case 'x264opts':
    case 'x265-params':
      checkCodecParams(name, value);
      break;
    case 'map':
      if (!MAP.test(value) && !/^\[[\w:]+\]$/.test(value))
        throw refused(shown, 'map streams of the one input: -map 0:v:0');
      break;
    case 'map_metadata':
    case 'map_chapters':
      if (!/^(?:-1|0(?::[\w:]*)?)$/.test(value)) throw refused(shown, 'there is input 0 only');
      break;
    case 'init_hw_device':
      if (!HARDWARE_DEVICE.test(value)) throw refused(shown, 'name a device such as vaapi=va:/dev/dri/renderD128');
      break;
    case 'vaapi_device':
    case 'qsv_device':
    case 'hwaccel_device':
    case 'filter_hw_device':
      if (!DEVICE_NAME.test(value)) throw refused(shown, 'name a device such as /dev/dri/renderD128');
      break;
    default:
      // Encoders, muxers, flags, numbers, languages: none of them needs a path. Titles may hold anything.
      if (name !== 'metadata' && /^(?:\/|\.\.?\/|~)|:\/\//.test(value))
        throw refused(shown, 'paths and URLs are not allowed');
  }
}

function checkText(argument: string): void {
  const control = [...argument].some((char) => char < ' ' || char === '\u007f');
  if (control) throw refused(JSON.stringify(argument), 'line breaks and control characters are not allowed');
}

function refusedOption(argument: string, name: string, where: string, rules: Rules): StreampoolError {
  if (name === 'i') return refused(argument, 'a profile has exactly one input, {input_url}');
  const reason = REFUSAL_REASONS.get(name);
  if (reason !== undefined) return refused(argument, reason);
  const other = rules === INPUT_OPTIONS ? OUTPUT_OPTIONS : INPUT_OPTIONS;
  if (other.has(name)) return refused(argument, `it may not stand ${where}; move it to the other side`);
  return refused(argument, 'it is not among the options a profile may use; remove it');
}

function refused(argument: string, advice: string): StreampoolError {
  return new StreampoolError(422, `The profile argument '${argument}' is refused: ${advice}.`);
}
