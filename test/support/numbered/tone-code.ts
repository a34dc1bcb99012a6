/** A tone whose pitch says which 100 ms of the source are heard: how FFmpeg makes it, and how it is found in decoded sound. */

/** How long each tone sounds, in ms. */
export const TONE_MS = 100;
export const SAMPLE_RATE = 48_000;
const TONES = 320;
const LOWEST_HZ = 400;
const STEP_HZ = 20;
/** Has no divisor in common with TONES. It puts neighbours 1,940 Hz apart, so that a border is heard at once. */
const STRIDE = 97;
const WINDOW = (SAMPLE_RATE * 20) / 1000;
const HOP = (SAMPLE_RATE * 5) / 1000;
/** Of 32768; the tone itself has 16384. */
const SILENT_BELOW = 1_000;
/** A clean tone is exact to 1 Hz. */
const EXACT_HZ = 6;
/** How much the longest half wave of a window may exceed the shortest. Two neighbours differ by 1.4 or more. */
const MOST_UNEVEN = 1.25;
/** Less may be a border that looks like a tone, or what a decoder makes of two AAC frames that do not belong together. */
const SHORTEST_MS = 40;

/** An FFmpeg source of sound: tone 0 for 100 ms, then tone 1, … */
export const TONE_SOURCE = `aevalsrc='0.5*sin(2*PI*t*(${LOWEST_HZ}+${STEP_HZ}*mod(floor(t*${1000 / TONE_MS})*${STRIDE},${TONES})))':s=${SAMPLE_RATE}`;

/** A tone that was heard, in ms since the sound began. Its borders are exact to about 5 ms. */
export interface HeardTone {
  /** Counts on from one tone to the next one that is heard, backwards too, by the shorter way round. */
  tone: number;
  fromMs: number;
  toMs: number;
}

/**
 * The tones in 16-bit mono sound.
 * @param nearTone about which tone comes first: the pitches come again after 32 s
 */
export function tonesIn(samples: Int16Array, nearTone: number): HeardTone[] {
  const heard: HeardTone[] = [];
  for (let start = 0; start + WINDOW <= samples.length; start += HOP) {
    const index = indexOf(pitchOf(samples, start));
    if (index === undefined) continue;
    const fromMs = (start * 1000) / SAMPLE_RATE;
    const toMs = ((start + WINDOW) * 1000) / SAMPLE_RATE;
    let last = heard.at(-1);
    let tone = nearest(index, last?.tone ?? nearTone);
    if (last !== undefined && last.tone !== tone && last.toMs - last.fromMs < SHORTEST_MS) {
      heard.pop();
      last = heard.at(-1);
      tone = nearest(index, last?.tone ?? nearTone);
    }
    if (last?.tone === tone) last.toMs = toMs;
    else heard.push({ tone, fromMs, toMs });
  }
  meetInTheMiddle(heard);
  return heard;
}

/** Between the last window of one tone and the first of the next lies their border. */
function meetInTheMiddle(heard: HeardTone[]): void {
  for (const [at, tone] of heard.entries()) {
    const next = heard[at + 1];
    if (next === undefined) continue;
    const border = (tone.toMs + next.fromMs) / 2;
    tone.toMs = border;
    next.fromMs = border;
  }
}

/** The tone with that index that is nearest to `near`. */
function nearest(index: number, near: number): number {
  const ahead = (((index - near) % TONES) + TONES) % TONES;
  return near + (ahead > TONES / 2 ? ahead - TONES : ahead);
}

/** Which of the pitches this is. */
function indexOf(hz: number | undefined): number | undefined {
  if (hz === undefined) return undefined;
  const pitch = Math.round((hz - LOWEST_HZ) / STEP_HZ);
  const isOff = Math.abs(hz - LOWEST_HZ - pitch * STEP_HZ) > EXACT_HZ;
  return isOff || pitch < 0 || pitch >= TONES ? undefined : INDEX_OF_PITCH[pitch];
}

const INDEX_OF_PITCH = new Uint16Array(TONES);
for (let index = 0; index < TONES; index++) INDEX_OF_PITCH[(index * STRIDE) % TONES] = index;

/** The pitch of an even wave, from where it crosses zero; undefined for silence, noise, and a window with a border in it. */
function pitchOf(samples: Int16Array, start: number): number | undefined {
  let first: number | undefined;
  let last = 0;
  let halves = 0;
  let longest = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let loudest = 0;
  for (let at = start + 1; at < start + WINDOW; at++) {
    const before = samples[at - 1] ?? 0;
    const after = samples[at] ?? 0;
    loudest = Math.max(loudest, Math.abs(after));
    if (before < 0 === after < 0) continue;
    const crossing = at - 1 + before / (before - after);
    if (first === undefined) first = crossing;
    else {
      longest = Math.max(longest, crossing - last);
      shortest = Math.min(shortest, crossing - last);
      halves++;
    }
    last = crossing;
  }
  if (first === undefined || halves === 0 || loudest < SILENT_BELOW) return undefined;
  if (longest > shortest * MOST_UNEVEN) return undefined;
  return (SAMPLE_RATE * halves) / (2 * (last - first));
}
