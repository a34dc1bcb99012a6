/** Resolves and checks the profile of a transcoding request: a built-in profile or the caller's template. */
import { StreampoolError } from '../../errors.ts';
import { checkArguments } from '../arguments/check.ts';
import { type Container, containerOf, OUTPUT_FORMATS } from '../arguments/container.ts';
import { type StreamMode, streamModes } from '../arguments/options.ts';
import { AS_THE_TABLE_SAYS, type OptionReading } from '../arguments/own-reading.ts';
import { type SourceOptions, takeSourceOptions } from '../arguments/source-options.ts';
import type { HardwareAcceleration } from '../host/hardware.ts';
import { BUILT_IN_PROFILES, type BuiltInProfile, builtInTemplate } from './builtin-profiles.ts';
import { renderTemplate, templateVariables } from './template.ts';

export interface ProfileRequest {
  /** A built-in name, or a template when it starts with `-`. */
  profile: string;
  variables: Readonly<Record<string, string>>;
  /** A container name or `hls`; default mpegts (adts for the `audio` profile). */
  outputFormat?: string;
  inputUrl: string;
}

export interface ResolvedProfile {
  /** Built-in name, or `custom` for a template. */
  name: string;
  /** The variables in effect, with input_url, output_args and format. */
  variables: Record<string, string>;
  /** The whole argument list as the API reports it. It contains the source URL: mask it before showing it. */
  args: readonly string[];
  /** Checked options that stood before `-i`. */
  inputOptions: readonly string[];
  /** Checked options after `-i`, without `-f <format>` and the output. */
  outputOptions: readonly string[];
  container: Container;
  /** The viewer gets HLS: the worker cuts the segments itself, from MPEG-TS. */
  hls: boolean;
  /** `-hls_time` of an HLS template, in seconds. */
  hlsSegmentSeconds?: number;
  video: StreamMode;
  audio: StreamMode;
  /** What a template says to the provider; absent: nothing. It is no part of `args`. */
  source?: Omit<SourceOptions, 'args'>;
}

export interface ProfileDescription {
  name: string;
  description: string;
  parameters: Readonly<Record<string, string>>;
}

/** Variables that a template may use although the caller gives no value, as GET /transcode/profiles reports them. */
export const defaultVariables: Readonly<Record<string, string>> = {
  input_url: '',
  output_args: '',
  video_bitrate: '2M',
  audio_bitrate: '128k',
  format: 'mpegts',
  crf: '23',
};

const OUTPUT_ARGS = 'pipe:1';

/** The built-in profiles with their descriptions. */
export function listProfiles(): ProfileDescription[] {
  return BUILT_IN_PROFILES.map(({ name, description, parameters }) => ({ name, description, parameters }));
}

/**
 * Turns a request into checked FFmpeg arguments.
 *
 * @param reading How the FFmpeg that will run reads options. Without it, the option table is trusted.
 * @throws StreampoolError 400 for an unknown profile, 422 for an unsupported format, an unset variable or a refused
 * argument.
 */
export function resolveProfile(
  request: ProfileRequest,
  hardware: HardwareAcceleration,
  reading: OptionReading = AS_THE_TABLE_SAYS,
): ResolvedProfile {
  const name = request.profile.trim();
  if (name.startsWith('-')) return resolveTemplate(request, name, reading);
  const builtIn = BUILT_IN_PROFILES.find((profile) => profile.name === name);
  if (builtIn === undefined) {
    const names = BUILT_IN_PROFILES.map((profile) => profile.name).join(', ');
    throw new StreampoolError(400, `Profile '${request.profile}' not found. Available profiles: ${names}`);
  }
  return resolveBuiltIn(request, builtIn, hardware, reading);
}

function resolveBuiltIn(
  request: ProfileRequest,
  profile: BuiltInProfile,
  hardware: HardwareAcceleration,
  reading: OptionReading,
): ResolvedProfile {
  const fallback = profile.name === 'audio' ? 'adts' : 'mpegts';
  const variables = effectiveVariables(request, fallback, profile.parameters);
  if (variables.video_bitrate !== undefined) variables.bufsize ??= twice(variables.video_bitrate);
  const { container } = outputOf(variables.format ?? fallback);
  const args = renderTemplate(builtInTemplate(profile, container, hardware), variables);
  return finish(profile.name, variables, args, reading);
}

function resolveTemplate(request: ProfileRequest, template: string, reading: OptionReading): ResolvedProfile {
  const defaults: Record<string, string> = {};
  for (const [name, fallback] of templateVariables(template)) {
    if (fallback !== undefined) defaults[name] = fallback;
  }
  const variables = effectiveVariables(request, 'mpegts', defaults);
  return finish('custom', variables, renderTemplate(template, variables), reading);
}

function effectiveVariables(
  request: ProfileRequest,
  format: string,
  defaults: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...defaults,
    ...request.variables,
    format: request.outputFormat ?? request.variables.format ?? format,
    input_url: request.inputUrl,
    output_args: OUTPUT_ARGS,
  };
}

function finish(
  name: string,
  variables: Record<string, string>,
  given: readonly string[],
  reading: OptionReading,
): ResolvedProfile {
  const { args, ...source } = takeSourceOptions(given);
  const saysSomething = source.userAgent !== undefined || Object.keys(source.headers).length > 0;
  const checked = checkArguments(args, variables.input_url ?? '', OUTPUT_ARGS, reading);
  const { container, hls } = outputOf(checked.format ?? variables.format ?? 'mpegts');
  return {
    name,
    variables,
    args,
    inputOptions: checked.inputOptions,
    outputOptions: checked.outputOptions,
    container,
    hls,
    ...(hls && checked.hlsSegmentSeconds !== undefined ? { hlsSegmentSeconds: checked.hlsSegmentSeconds } : {}),
    ...streamModes(checked.outputOptions, container),
    ...(saysSomething ? { source } : {}),
  };
}

function outputOf(format: string): { container: Container; hls: boolean } {
  if (format.trim().toLowerCase() === 'hls') return { container: 'mpegts', hls: true };
  const container = containerOf(format);
  if (container === undefined) {
    throw new StreampoolError(
      422,
      `Output format '${format}' is not supported; use one of ${OUTPUT_FORMATS.join(', ')}.`,
    );
  }
  return { container, hls: false };
}

/** Two seconds of `bitrate` (`2500k`, `2M`, `800000`), for the rate control's buffer. */
function twice(bitrate: string): string {
  const match = /^(\d+(?:\.\d+)?)([kKmMgG]?)$/.exec(bitrate.trim());
  return match === null ? bitrate : `${Number(match[1]) * 2}${match[2]}`;
}
