/** Writes a chunk of fragmented mp4: samples of some tracks, and where they play (ISO/IEC 14496-12, 8.8). */

import { box, DEPENDS_ON_NONE, DEPENDS_ON_OTHERS, fullBox, TFHD, TRUN, u32, u64 } from './boxes.ts';

export interface Sample {
  /** In pieces. */
  readonly data: readonly Buffer[];
  /** In units of the track's time scale. */
  readonly duration: number;
  /** A decoder can begin with it. */
  readonly sync: boolean;
  /** From decoding to presentation, in the same units. */
  readonly compositionOffset: number;
}

/** Samples of one track that follow each other. */
export interface TrackRun {
  /** 1 for the first track of the initialisation. */
  readonly trackId: number;
  readonly isVideo: boolean;
  /** When the first sample is decoded, in units of the track's time scale. */
  readonly decodeTime: number;
  readonly samples: readonly Sample[];
}

/** `moof` and `mdat`. @param number of the chunk, which runs on over segments */
export function chunk(number: number, runs: readonly TrackRun[]): Buffer {
  const sizes = runs.map(({ samples }) => samples.reduce((sum, sample) => sum + sizeOf(sample), 0));
  // The size of `moof` does not depend on the positions in it.
  const length = movieFragment(
    number,
    runs,
    runs.map(() => 0),
  ).length;
  let position = length + 8;
  const offsets = sizes.map((size) => {
    position += size;
    return position - size;
  });
  const data = runs.flatMap(({ samples }) => samples.flatMap((sample) => sample.data));
  return Buffer.concat([movieFragment(number, runs, offsets), box('mdat', ...data)]);
}

function movieFragment(number: number, runs: readonly TrackRun[], offsets: readonly number[]): Buffer {
  const header = fullBox('mfhd', 0, 0, u32(number));
  return box('moof', header, ...runs.map((run, index) => trackFragment(run, offsets[index] as number)));
}

function trackFragment({ trackId, isVideo, decodeTime, samples }: TrackRun, offset: number): Buffer {
  const flags = TRUN.dataOffset | TRUN.duration | TRUN.size | (isVideo ? TRUN.flags | TRUN.compositionOffset : 0);
  const fields = isVideo ? 4 : 2;
  const table = Buffer.allocUnsafe(samples.length * fields * 4);
  let at = 0;
  for (const sample of samples) {
    at = table.writeUInt32BE(sample.duration, at);
    at = table.writeUInt32BE(sizeOf(sample), at);
    if (!isVideo) continue;
    at = table.writeUInt32BE(sample.sync ? DEPENDS_ON_NONE : DEPENDS_ON_OTHERS, at);
    // Version 1 of `trun` has signed offsets.
    at = table.writeInt32BE(sample.compositionOffset, at);
  }
  return box(
    'traf',
    fullBox('tfhd', 0, TFHD.defaultBaseIsMoof, u32(trackId)),
    fullBox('tfdt', 1, 0, u64(decodeTime)),
    fullBox('trun', 1, flags, u32(samples.length, offset), table),
  );
}

function sizeOf({ data }: Sample): number {
  return data.reduce((sum, { length }) => sum + length, 0);
}
