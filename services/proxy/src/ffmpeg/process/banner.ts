/**
 * What FFmpeg says at its start of its input and its output: the lines below `Input #0` and `Output #0`. Which tracks of the input it
 * takes stands below `Stream mapping:`.
 */

import type { MediaFacts } from '../../../../shared/media-facts.ts';

interface Track {
  readonly kind: 'video' | 'audio';
  readonly facts: MediaFacts;
}

/** Tracks by their number in FFmpeg's lines. */
type Tracks = Map<number, Track>;

/** More tracks than a program has. */
const MAX_TRACKS = 64;
const HEADING = /^\[info\] (?:(Input|Output) #(\d+), |(Stream mapping):)/;
/** `Stream #0:1[0x101](eng): Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, stereo, fltp, 130 kb/s (default)` */
const TRACK = /^\[info\]\s+Stream #0:(\d{1,3})(?:\[[^\]]*\])?(?:\([^)]*\))?: (Video|Audio): ([\w-]+)(.*)$/;
/** `Stream #0:1 -> #0:0 (aac (native) -> aac (native))`; to a filter: `Stream #0:0 (h264) -> scale:default` */
const MAPPED = /^\[info\]\s+Stream #0:(\d{1,3}) (?:->|\()/;
const SIZE = /, (\d{1,5}x\d{1,5})(?:[ ,]|$)/;
const RATE = /, (\d+(?:\.\d+)?)(k)? fps(?:,|$)/;
/** Behind the sample rate. */
const LAYOUT = /, \d+ Hz, ([\w.() ]{1,40}?)(?:,|$)/;
/** What FFmpeg prints of a codec that it does not know. */
const NO_CODEC = 'none';

export class Banner {
  #part: 'input' | 'output' | 'mapping' | undefined;
  readonly #input: Tracks = new Map();
  readonly #output: Tracks = new Map();
  readonly #taken = new Set<number>();

  /** Takes a line of FFmpeg's stderr with `-loglevel level+info`. */
  read(line: string): void {
    const [, side, number, mapping] = HEADING.exec(line) ?? [];
    if (mapping !== undefined) this.#part = 'mapping';
    // Further inputs of a profile are pictures that it lays over, and have nothing to do with the source.
    else if (side !== undefined) this.#part = number === '0' ? (side === 'Input' ? 'input' : 'output') : undefined;
    else if (this.#part === 'mapping') this.#readMapped(line);
    else if (this.#part !== undefined) this.#readTrack(line, this.#part === 'input' ? this.#input : this.#output);
  }

  /** Of the tracks that FFmpeg takes; of the first ones while it has not said which. */
  get input(): MediaFacts {
    const isTaken = (n: number) => this.#taken.size === 0 || this.#taken.has(n);
    return factsOf([...this.#input].flatMap(([n, track]) => (isTaken(n) ? [track] : [])));
  }

  get output(): MediaFacts {
    return factsOf([...this.#output.values()]);
  }

  #readMapped(line: string): void {
    const [, n] = MAPPED.exec(line) ?? [];
    if (n !== undefined && this.#taken.size < MAX_TRACKS) this.#taken.add(Number(n));
  }

  #readTrack(line: string, tracks: Tracks): void {
    const [, n, kind, codec, rest = ''] = TRACK.exec(line) ?? [];
    if (n === undefined || codec === undefined || tracks.size >= MAX_TRACKS) return;
    // A picture that belongs to a sound file.
    if (rest.includes('(attached pic)')) return;
    const name = codec === NO_CODEC ? undefined : codec;
    tracks.set(
      Number(n),
      kind === 'Video'
        ? { kind: 'video', facts: { videoCodec: name, resolution: SIZE.exec(rest)?.[1], fps: rateIn(rest) } }
        : { kind: 'audio', facts: { audioCodec: name, audioChannels: LAYOUT.exec(rest)?.[1] } },
    );
  }
}

function rateIn(text: string): number | undefined {
  const [, number, thousands] = RATE.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (thousands === undefined ? 1 : 1000);
}

function factsOf(tracks: readonly Track[]): MediaFacts {
  const first = (wanted: Track['kind']) => tracks.find(({ kind }) => kind === wanted)?.facts;
  return { ...first('video'), ...first('audio') };
}
