/** The subtitles of one programme, on the worker that makes it. A file that cannot be had now holds up nothing: it is asked for again. */

import type { BroadcastSubtitles } from '../../../../registry/broadcasts/broadcast.ts';
import type { Clock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { within } from '../../async.ts';
import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import type { Cue } from './cues.ts';
import { firstTicks } from './segment-start.ts';
import { vttSegment } from './vtt-segment.ts';

export interface SubtitleTrackDeps {
  /** @throws {Error} why it cannot be had */
  readonly load: (subtitles: BroadcastSubtitles, signal: AbortSignal) => Promise<readonly Cue[]>;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
}

/** A segment that is there waits this long for its subtitles. */
const WAIT_MS = 2_000;
/** After this long it is asked for again. */
const AGAIN_MS = 30_000;

export class SubtitleTrack {
  readonly #deps: SubtitleTrackDeps;
  readonly #subtitles: BroadcastSubtitles;
  readonly #over = new AbortController();
  #cues: readonly Cue[] | undefined;
  #loading: Promise<void> | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SubtitleTrackDeps, subtitles: BroadcastSubtitles) {
    this.#deps = deps;
    this.#subtitles = subtitles;
    this.#load();
  }

  /** It is in use no more. */
  close(): void {
    this.#over.abort();
  }

  /**
   * What a segment says, as WebVTT. Undefined: nobody can say it now.
   * @param positionOf where in the programme a segment is that begins with this PTS, both in s
   * @param seconds how long it lasts
   */
  async of(media: Buffer, positionOf: (shownAt: number) => number, seconds: number): Promise<string | undefined> {
    const { clock } = this.#deps;
    if (this.#cues === undefined && clock.monotonicMs() - this.#failedMs >= AGAIN_MS) this.#load();
    if (this.#loading !== undefined) await within(clock, this.#loading, WAIT_MS, this.#over.signal);
    const ticks = this.#cues && firstTicks(media);
    if (this.#cues === undefined || ticks === undefined) return undefined;
    const from = this.#subtitles.seekSeconds + positionOf(ticks / TICKS_PER_SECOND);
    return vttSegment(this.#cues, { from, seconds, ticks });
  }

  #load(): void {
    const { load, clock, log } = this.#deps;
    const { signal } = this.#over;
    this.#loading ??= load(this.#subtitles, signal)
      .then((cues) => {
        this.#cues = cues;
      })
      .catch((error: unknown) => {
        if (signal.aborted) return;
        this.#failedMs = clock.monotonicMs();
        log.warn(
          { err: error, subtitles: maskUrl(this.#subtitles.url) },
          'a broadcast is without its subtitles for now',
        );
      })
      .finally(() => {
        this.#loading = undefined;
      });
  }
}
