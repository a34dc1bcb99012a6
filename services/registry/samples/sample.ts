/** One worker at one time in numbers, and how many of these stand in one short text. */

/** Time from one sample to the next. A sample is named by how many of these have passed since 1970. */
export const SAMPLE_MS = 10_000;
/** An hour. */
export const KEPT_SAMPLES = 360;
/** How long the samples of a worker are kept that writes no more. */
export const SAMPLES_LIVE_MS = 2 * 3_600_000;

/** What is measured, in the order in which it is packed. New ones come at the end: workers of several versions read each other's. */
export const MEASURED = [
  'viewers',
  'streams',
  'processes',
  'inBitsPerSecond',
  'outBitsPerSecond',
  'betweenBitsPerSecond',
  'joins',
  'failedJoins',
  'cpu',
  'residentBytes',
  'eventLoopP99Ms',
] as const;

export interface Measured {
  /** A session of HLS counts on the worker that has counted it in. */
  readonly viewers: number;
  /** Streams with viewers, on whatever worker, that this worker makes or passes on. */
  readonly streams: number;
  /** FFmpegs. */
  readonly processes: number;
  /** From providers, in the 10 s before, as the next two. */
  readonly inBitsPerSecond: number;
  /** To viewers. */
  readonly outBitsPerSecond: number;
  /** To other workers. */
  readonly betweenBitsPerSecond: number;
  /** In the 10 s before. */
  readonly joins: number;
  readonly failedJoins: number;
  /** Cores in use, of the worker and its FFmpegs. */
  readonly cpu: number;
  /** Memory of the worker without its FFmpegs. */
  readonly residentBytes: number;
  /** How late the event loop came, at the 99th percentile. */
  readonly eventLoopP99Ms: number;
}

export interface Sample extends Measured {
  /** Its number: the time since 1970 in units of `SAMPLE_MS`. */
  readonly n: number;
}

/** Four bytes each: the number, and 32-bit floats. */
const sampleBytes = (fields: number) => 4 * (1 + fields);
const SAMPLE_BYTES = sampleBytes(MEASURED.length);

/** @returns 64 characters a sample: an hour is 23 kB */
export function packSamples(samples: readonly Sample[]): string {
  const bytes = Buffer.alloc(samples.length * SAMPLE_BYTES);
  for (const [index, sample] of samples.entries()) {
    const at = index * SAMPLE_BYTES;
    bytes.writeUInt32BE(sample.n, at);
    for (const [field, name] of MEASURED.entries()) bytes.writeFloatBE(sample[name], at + 4 * (field + 1));
  }
  return bytes.toString('base64');
}

/**
 * What can be read of a text; anything that no worker can have written is left out.
 * @param fields how many numbers a sample has in it: that of another version has more or fewer, and what it lacks is 0
 */
export function unpackSamples(text: string, fields: number = MEASURED.length): Sample[] {
  const bytes = Buffer.from(text, 'base64');
  const size = sampleBytes(fields);
  const samples: Sample[] = [];
  for (let at = 0; at + size <= bytes.length && samples.length < KEPT_SAMPLES; at += size) {
    const values = MEASURED.map((_, field) => (field < fields ? bytes.readFloatBE(at + 4 * (field + 1)) : 0));
    if (!values.every((value) => Number.isFinite(value) && value >= 0)) continue;
    const measured = Object.fromEntries(MEASURED.map((name, field) => [name, values[field]]));
    samples.push({ n: bytes.readUInt32BE(at), ...(measured as unknown as Measured) });
  }
  return samples;
}
