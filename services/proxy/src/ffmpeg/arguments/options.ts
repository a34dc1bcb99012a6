/** Reads a checked option list: values by name, and what happens to video and audio. */

import { type Container, isAudioOnly } from './container.ts';
import { INPUT_OPTIONS, OUTPUT_OPTIONS } from './option-rules.ts';

export type StreamMode = 'encode' | 'copy' | 'none';
export type MediaKind = 'video' | 'audio';

export interface Option {
  /** Without dash and stream specifier. */
  name: string;
  /** `v`, `a:0`, ... or empty. */
  specifier: string;
  value: string | undefined;
}

/** The options of a checked list, in order. */
export function readOptions(list: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let at = 0; at < list.length; at += 1) {
    const [name = '', ...specifier] = (list[at] ?? '').slice(1).split(':');
    const takesValue = (OUTPUT_OPTIONS.get(name) ?? INPUT_OPTIONS.get(name))?.takesValue ?? true;
    options.push({ name, specifier: specifier.join(':'), value: takesValue ? list[at + 1] : undefined });
    if (takesValue) at += 1;
  }
  return options;
}

/** The list in the form that FFmpeg takes. */
export function writeOptions(options: readonly Option[]): string[] {
  return options.flatMap(({ name, specifier, value }) => [
    specifier === '' ? `-${name}` : `-${name}:${specifier}`,
    ...(value === undefined ? [] : [value]),
  ]);
}

/** The encoder chosen for `kind`: `copy`, a name, or undefined for the container's default. The last option wins. */
export function codecOf(options: readonly Option[], kind: MediaKind): string | undefined {
  const letter = kind === 'video' ? 'v' : 'a';
  const short = kind === 'video' ? 'vcodec' : 'acodec';
  return options.findLast(
    ({ name, specifier }) =>
      name === short ||
      ((name === 'c' || name === 'codec') && (specifier === '' || specifier[0]?.toLowerCase() === letter)),
  )?.value;
}

/** The filter chain given for `kind`. */
export function isFilterOf(option: Option, kind: MediaKind): boolean {
  const letter = kind === 'video' ? 'v' : 'a';
  return option.name === `${letter}f` || (option.name === 'filter' && option.specifier[0]?.toLowerCase() === letter);
}

/** Whether each kind of stream is encoded, copied or absent by these output options. */
export function streamModes(
  outputOptions: readonly string[],
  container: Container,
): { video: StreamMode; audio: StreamMode } {
  const options = readOptions(outputOptions);
  const modeOf = (kind: MediaKind): StreamMode => {
    if (options.some(({ name }) => name === (kind === 'video' ? 'vn' : 'an'))) return 'none';
    if (kind === 'video' && isAudioOnly(container)) return 'none';
    if (!isMapped(options, kind)) return 'none';
    return codecOf(options, kind) === 'copy' ? 'copy' : 'encode';
  };
  return { video: modeOf('video'), audio: modeOf('audio') };
}

function isMapped(options: readonly Option[], kind: MediaKind): boolean {
  const maps = options.filter(({ name }) => name === 'map').map(({ value }) => value ?? '');
  const wanted = maps.filter((map) => !map.startsWith('-'));
  if (wanted.length === 0) return true;
  // A map that names no kind, such as 0, 0:1 or [out], may hold both kinds.
  return wanted.some((map) => {
    const named = /^0:([a-z])/i.exec(map)?.[1]?.toLowerCase();
    return named === undefined || !'vasdt'.includes(named) || named === (kind === 'video' ? 'v' : 'a');
  });
}
