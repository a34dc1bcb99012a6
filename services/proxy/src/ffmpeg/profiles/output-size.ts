/** The maximum size of a profile's pictures, if the profile tells it. A source may be smaller. Pure. */

import { isFilterOf, readOptions } from '../arguments/options.ts';
import { BUILT_IN_PROFILES } from './builtin-profiles.ts';

export interface OutputSize {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

const UNKNOWN: OutputSize = { width: undefined, height: undefined };
/** `scale=1280:720`, `scale=w=-2:h=720`. An expression gives no reliable size. */
const SCALE = /(?:^|,)\s*scale(?:_\w{1,20})?=(?:w=)?(-?\d{1,5})[:x](?:h=)?(-?\d{1,5})(?=[:,]|$)/g;

/** The size from `-s` or the last plain scaler; undefined when the source's size stays or may stay. */
export function outputSize(profile: { readonly name: string; readonly outputOptions: readonly string[] }): OutputSize {
  const box = BUILT_IN_PROFILES.find(({ name }) => name === profile.name)?.box;
  if (box !== undefined) return box;
  const options = readOptions(profile.outputOptions);
  const [, width, height] =
    /^(\d{1,5})x(\d{1,5})$/.exec(options.findLast(({ name }) => name === 's')?.value ?? '') ?? [];
  if (width !== undefined) return { width: Number(width), height: Number(height) };
  const chain = options.findLast((option) => isFilterOf(option, 'video'))?.value ?? '';
  const scale = [...chain.matchAll(SCALE)].at(-1);
  if (scale === undefined) return UNKNOWN;
  const pixels = (text: string | undefined) => (Number(text) > 0 ? Number(text) : undefined);
  return { width: pixels(scale[1]), height: pixels(scale[2]) };
}
