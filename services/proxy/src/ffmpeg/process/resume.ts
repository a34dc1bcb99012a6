/**
 * How a restarted FFmpeg continues at an exact PTS: it trims at the end of the filter chains, where frames have their
 * final times.
 */

import { codecOf, isFilterOf, type MediaKind, type Option, readOptions } from '../arguments/options.ts';
import { type FilterNode, filtersOf, readFilterGraph } from '../filters/filter-graph.ts';
import type { ResolvedProfile } from '../profiles/profiles.ts';

/**
 * Samples per frame, and samples of silence that an encoder adds before its first frame: PTS of the first packet =
 * start - delay.
 */
const AUDIO_ENCODERS: Readonly<Record<string, { frame: number; delay: number }>> = {
  aac: { frame: 1024, delay: 1024 },
  ac3: { frame: 1536, delay: 256 },
  eac3: { frame: 1536, delay: 256 },
  mp2: { frame: 1152, delay: 481 },
};

/** Filters whose times depend on when the process started, or that choose frames by earlier frames. */
const UNREPEATABLE =
  /^(?:a?setpts|a?select|minterpolate|framerate|framestep|decimate|mpdecimate|pullup|fieldmatch|tinterlace|telecine|detelecine|dejudder|atempo|asetrate|silenceremove|separatefields|weave|doubleweave|a?settb|asetnsamples)$/;

/** Whether each kind can resume at an exact PTS. It must be encoded to MPEG-TS through one plain filter chain. */
export function resumesExactly(profile: ResolvedProfile): { video: boolean; audio: boolean } {
  const options = readOptions(profile.outputOptions);
  const plain =
    profile.container === 'mpegts' && !options.some(({ name }) => name === 'filter_complex' || name === 'lavfi');
  const repeatable = (kind: MediaKind): boolean =>
    options
      .filter((option) => isFilterOf(option, kind))
      .every(({ value = '' }) => simpleFilters(value).every((filter) => !UNREPEATABLE.test(filter.name)));
  return {
    video: plain && profile.video === 'encode' && repeatable('video'),
    audio: plain && profile.audio === 'encode' && repeatable('audio') && audioGrid(options) !== undefined,
  };
}

/** Drops video frames before `startSeconds`. */
export function videoTrim(startSeconds: number): string {
  // One millisecond early: less than the duration of any frame, more than any rounding of its time.
  return `trim=start=${(startSeconds - 0.001).toFixed(6)}`;
}

/** The time of a frame at `startSeconds` after the filters of `graph`. An `fps` filter rounds to its own grid. */
export function firstFrameTime(graph: string, startSeconds: number): number {
  const filter = graph === '' ? undefined : simpleFilters(graph).findLast(({ name }) => name === 'fps');
  const [, numerator, denominator = '1'] = /^(\d+(?:\.\d+)?)(?:\/(\d+))?$/.exec(filter?.options.get('fps') ?? '') ?? [];
  if (numerator === undefined) return startSeconds;
  const rate = Number(numerator) / Number(denominator);
  return Math.round(startSeconds * rate) / rate;
}

/**
 * Drops audio before a certain sample, so that the encoder's packets fall on the earlier process's grid, one of them at
 * `startSeconds`. Packets before `startSeconds` are the encoder's run-up, to be discarded.
 */
export function audioTrim(options: readonly Option[], startSeconds: number): string[] {
  const grid = audioGrid(options);
  if (grid === undefined) return [];
  const { frame, delay, rate } = grid;
  const start = rate === undefined ? startSeconds : startSeconds + (delay - frame) / rate;
  return [...(rate === undefined ? [] : [`aresample=${rate}`]), `atrim=start=${start.toFixed(6)}`];
}

/** Undefined when the encoder's frame size or sample rate is unknown. */
function audioGrid(options: readonly Option[]): { frame: number; delay: number; rate: number | undefined } | undefined {
  const encoder = AUDIO_ENCODERS[codecOf(options, 'audio') ?? 'mp2'];
  if (encoder === undefined) return undefined;
  const rate = Number(options.findLast(({ name }) => name === 'ar')?.value);
  if (rate > 0) return { ...encoder, rate };
  // With a delay of whole frames the rate does not matter.
  return encoder.delay % encoder.frame === 0 ? { ...encoder, rate: undefined } : undefined;
}

function simpleFilters(graph: string): readonly FilterNode[] {
  return filtersOf(readFilterGraph(graph, 'simple'));
}
