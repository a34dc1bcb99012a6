/** How a restarted FFmpeg goes on at an exact PTS: trims at the end of the filter chains, where frames have their final times. */

import { codecOf, isFilterOf, type MediaKind, type Option, readOptions } from '../arguments/options.ts';
import { type FilterNode, filtersOf, readFilterGraph } from '../filters/filter-graph.ts';
import type { ResolvedProfile } from '../profiles/profiles.ts';

/** Samples per frame, and samples of silence an encoder puts before its first one: PTS of the first packet = start - delay. */
const AUDIO_ENCODERS: Readonly<Record<string, { frame: number; delay: number }>> = {
  aac: { frame: 1024, delay: 1024 },
  ac3: { frame: 1536, delay: 256 },
  eac3: { frame: 1536, delay: 256 },
  mp2: { frame: 1152, delay: 481 },
};

/** Filters that make times depend on when the process started, or choose frames by what came before. */
const UNREPEATABLE =
  /^(?:a?setpts|a?select|minterpolate|framerate|framestep|decimate|mpdecimate|pullup|fieldmatch|tinterlace|telecine|detelecine|dejudder|atempo|asetrate|silenceremove|separatefields|weave|doubleweave|a?settb|asetnsamples)$/;

/** Whether each kind can be resumed at an exact PTS: it is encoded, to MPEG-TS, through one plain filter chain. */
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
  // A millisecond early: less than any frame lasts, more than any rounding of its time.
  return `trim=start=${(startSeconds - 0.001).toFixed(6)}`;
}

/** Where a frame at `startSeconds` stands behind the filters of `graph`: an `fps` filter rounds to a grid of its own. */
export function firstFrameTime(graph: string, startSeconds: number): number {
  const filter = graph === '' ? undefined : simpleFilters(graph).findLast(({ name }) => name === 'fps');
  const [, numerator, denominator = '1'] = /^(\d+(?:\.\d+)?)(?:\/(\d+))?$/.exec(filter?.options.get('fps') ?? '') ?? [];
  if (numerator === undefined) return startSeconds;
  const rate = Number(numerator) / Number(denominator);
  return Math.round(startSeconds * rate) / rate;
}

/**
 * Drops audio before the sample with which the encoder's packets fall on the earlier process's grid, one of them at `startSeconds`.
 * Packets before `startSeconds` are the encoder's run-up, to be discarded.
 */
export function audioTrim(options: readonly Option[], startSeconds: number): string[] {
  const grid = audioGrid(options);
  if (grid === undefined) return [];
  const { frame, delay, rate } = grid;
  const start = rate === undefined ? startSeconds : startSeconds + (delay - frame) / rate;
  return [...(rate === undefined ? [] : [`aresample=${rate}`]), `atrim=start=${start.toFixed(6)}`];
}

/** Undefined where the encoder's frames, or the rate they are counted in, are not known. */
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
