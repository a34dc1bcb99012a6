/** How loud the sound of a feed is, as an FFmpeg says it that decodes nothing else. */

import type { Measure } from './meter.ts';

/** A piece of sound. */
export interface SoundLevel {
  readonly forMs: number;
  /** The loudest sample of all channels, in dB of full scale; -Infinity: digital silence. */
  readonly peakDb: number;
}

const PIECE_MS = 250;
const RATE = 48_000;

/** The filter `ametadata` prints a line with the frame, and one with its value. */
const PEAK = /^lavfi\.astats\.Overall\.Peak_level=(\S+)$/;

export const SOUND_LEVELS: Measure<SoundLevel> = {
  name: 'sound levels',
  kind: 'audio',
  // Frames of 250 ms: a line four times a second.
  output: [
    '-af',
    [
      `aresample=${RATE}`,
      `asetnsamples=n=${(RATE * PIECE_MS) / 1_000}:p=0`,
      'astats=metadata=1:reset=1:measure_perchannel=none:measure_overall=Peak_level',
      'ametadata=mode=print:key=lavfi.astats.Overall.Peak_level:direct=1:file=-',
    ].join(','),
    ...['-f', 'null', '-'],
  ],
  reader: () => {
    let rest = '';
    return (bytes) => {
      const lines = (rest + bytes.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      return lines.flatMap((line) => {
        const [, value] = PEAK.exec(line) ?? [];
        return value === undefined ? [] : [{ forMs: PIECE_MS, peakDb: decibels(value) }];
      });
    };
  },
};

function decibels(text: string): number {
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NEGATIVE_INFINITY;
}
