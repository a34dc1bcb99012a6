/**
 * Reads the argument list of a caller's profile into options with typed values and writes it anew: one input, one
 * output, no files, no devices, no second command. None of the caller's own spelling reaches FFmpeg.
 */
import { StreampoolError } from '../../errors.ts';
import { readMetadataSpecifier, readStreamSpecifier } from '../values/stream-specifier.ts';
import { readValue, shorten } from '../values/value-types.ts';
import { INPUT_OPTIONS, type OptionRules, OUTPUT_OPTIONS, REFUSAL_REASONS } from './option-rules.ts';
import { type Option, writeOptions } from './options.ts';
import type { OptionReading } from './own-reading.ts';

export interface CheckedArguments {
  /** Options before `-i`, as they go to FFmpeg. */
  inputOptions: string[];
  /** Options after `-i`, without `-f` and the output. */
  outputOptions: string[];
  /** The value of the output's `-f`, or the format implied by the output's name or its `-hls_...` options. */
  format: string | undefined;
  /** Seconds of `-hls_time`, if given. */
  hlsSegmentSeconds: number | undefined;
}

const PLAYLIST_NAME = /^(?:[\w-][\w.-]*)?\.m3u8$/;

/**
 * @param inputUrl The value of `{input_url}`: the only allowed input.
 * @param outputArgs The value of `{output_args}`: the only allowed output besides `pipe:1` (an HLS profile may name a
 * playlist).
 * @param reading How the FFmpeg that will run reads its options.
 * @throws StreampoolError 422 naming the argument and what to do.
 */
export function checkArguments(
  args: readonly string[],
  inputUrl: string,
  outputArgs: string,
  reading: OptionReading,
): CheckedArguments {
  for (const argument of args) checkText(argument);
  const at = args.indexOf('-i');
  if (at < 0) throw refused('-i', 'a profile needs exactly one input: write -i {input_url}');

  const input = readOptionList(args.slice(0, at), INPUT_OPTIONS, inputUrl, reading);
  if (input.positional.length > 0) {
    throw refused(input.positional[0] ?? '', 'options stand before the input, and the only output stands last');
  }
  if (args[at + 1] !== inputUrl) throw refused(`-i ${args[at + 1] ?? ''}`, 'the only input is {input_url}');

  const output = readOptionList(args.slice(at + 2), OUTPUT_OPTIONS, inputUrl, reading);
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
  const seconds = Number.parseFloat(output.all.findLast((option) => option.name === 'hls_time')?.value ?? '');
  return {
    inputOptions: writeOptions(input.kept),
    outputOptions: writeOptions(output.kept.filter((option) => option.name !== 'f')),
    format: isHls || playlist ? 'hls' : output.all.findLast((option) => option.name === 'f')?.value,
    hlsSegmentSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : undefined,
  };
}

/**
 * Options that were checked when their stream was created, written anew before they run. Another worker may have made
 * the record, with another version of this program or another FFmpeg.
 *
 * @throws StreampoolError 422 naming the option.
 */
export function checkStoredOptions(
  { inputOptions, outputOptions }: { inputOptions: readonly string[]; outputOptions: readonly string[] },
  reading: OptionReading,
): { inputOptions: string[]; outputOptions: string[] } {
  const [input, output] = [
    readOptionList(inputOptions, INPUT_OPTIONS, '', reading),
    readOptionList(outputOptions, OUTPUT_OPTIONS, '', reading),
  ];
  const stray = [...input.positional, ...output.positional][0];
  if (stray !== undefined) throw refused(stray, 'it is no option; delete the stream and create it again');
  return { inputOptions: writeOptions(input.kept), outputOptions: writeOptions(output.kept) };
}

function readOptionList(args: readonly string[], rules: OptionRules, inputUrl: string, reading: OptionReading) {
  const all: Option[] = [];
  const kept: Option[] = [];
  const positional: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] ?? '';
    if (!argument.startsWith('-') || argument === '-') {
      positional.push(argument);
      continue;
    }
    const [name = '', ...parts] = argument.slice(1).split(':');
    const rule = rules.get(name);
    if (rule === undefined) throw refusedOption(argument, name, rules);
    const specifier = readSpecifier(name, parts.join(':'));
    if (specifier === undefined || (specifier !== '' && !rule.perStream && name !== 'map_metadata')) {
      throw refused(argument, `'${shorten(parts.join(':'))}' names no streams that -${name} can have`);
    }
    if (rule.fate !== 'drop') reading.assertReads(name, rule.takesValue);
    if (!rule.takesValue) {
      const option = { name, specifier, value: undefined };
      all.push(option);
      if (rule.fate === 'flag') kept.push(option);
      continue;
    }
    at += 1;
    const given = args[at];
    if (given === undefined) throw refused(argument, 'it needs a value');
    if (rule.fate === 'drop') {
      all.push({ name, specifier, value: given });
      continue;
    }
    if (inputUrl !== '' && given.includes(inputUrl)) {
      throw refused(`${argument} ${given}`, '{input_url} may be used for -i only');
    }
    checkKind(argument, name, specifier);
    const option = { name, specifier, value: readValue(rule.type, given, argument) };
    all.push(option);
    kept.push(option);
  }
  return { all, kept, positional };
}

function readSpecifier(name: string, text: string): string | undefined {
  return name === 'metadata' || name === 'map_metadata' ? readMetadataSpecifier(text) : readStreamSpecifier(text);
}

/** Refuses options that FFmpeg would give to streams of every kind, so that each has one meaning. */
function checkKind(argument: string, name: string, specifier: string): void {
  const kind = specifier.split(':')[0] ?? '';
  if (name === 'filter' && !/^[va]$/i.test(kind)) {
    throw refused(argument, 'say which streams: -filter:v or -filter:a');
  }
  if ((name === 'c' || name === 'codec') && !/^[vasd]?$/i.test(kind)) {
    throw refused(argument, 'say which streams: -c:v or -c:a');
  }
}

function checkText(argument: string): void {
  const control = [...argument].some((char) => char < ' ' || char === '\u007f');
  if (control) throw refused(JSON.stringify(argument), 'line breaks and control characters are not allowed');
}

function refusedOption(argument: string, name: string, rules: OptionRules): StreampoolError {
  if (name === 'i') return refused(argument, 'a profile has exactly one input, {input_url}');
  const reason = REFUSAL_REASONS.get(name);
  if (reason !== undefined) return refused(argument, reason);
  const isBefore = rules === INPUT_OPTIONS;
  const other = isBefore ? OUTPUT_OPTIONS : INPUT_OPTIONS;
  if (other.has(name)) {
    return refused(argument, `it may not stand ${isBefore ? 'before' : 'after'} -i; move it to the other side`);
  }
  return refused(argument, `it is not among the options a profile may use, which are ${[...rules.keys()].join(', ')}`);
}

function refused(argument: string, advice: string): StreampoolError {
  return new StreampoolError(422, `The profile argument '${shorten(argument)}' is refused: ${advice}.`);
}
