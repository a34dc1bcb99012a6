/**
 * Which tracks of an input still send. Audio has its own rhythm, but pictures have to come steadily. FFmpeg waits for
 * each picture and holds the audio back. A radio program with a still every ten seconds is therefore left to profiles
 * that copy it.
 */

/** A steady track never pauses longer while others continue. */
const SILENT_MS = 5_000;
/** A longer pause is an outage, not a rhythm. */
const LONGEST_RHYTHM_MS = 20_000;
/** How much later than the first track of an input another may begin. */
const LATE_MS = 1_500;

interface Rhythm {
  lastMs: number;
  longestMs: number;
  /** How long others had continued without it when its newest unit came. */
  pausedMs: number;
}

export class TrackLife {
  readonly #tracks = new Map<number, Rhythm>();
  #firstMs: number | undefined;
  #newestMs = Number.NEGATIVE_INFINITY;

  /** A unit of a track came. */
  note(pid: number, nowMs: number): void {
    const othersMs = this.#newestMs;
    this.#firstMs ??= nowMs;
    this.#newestMs = Math.max(this.#newestMs, nowMs);
    const track = this.#tracks.get(pid);
    if (track === undefined) {
      this.#tracks.set(pid, { lastMs: nowMs, longestMs: 0, pausedMs: Math.max(0, othersMs - this.#firstMs) });
      return;
    }
    const pausedMs = nowMs - track.lastMs;
    if (pausedMs < LONGEST_RHYTHM_MS) track.longestMs = Math.max(track.longestMs, pausedMs);
    track.pausedMs = othersMs - track.lastMs;
    track.lastMs = nowMs;
  }

  /** Whether a track sends while others do. A track that has sent nothing yet counts as alive for a moment. */
  isAlive(pid: number, kind: 'video' | 'audio'): boolean {
    const track = this.#tracks.get(pid);
    if (track === undefined) return this.#newestMs - (this.#firstMs ?? this.#newestMs) < LATE_MS || kind === 'audio';
    const silentMs = this.#newestMs - track.lastMs;
    if (kind === 'audio') return silentMs < Math.max(SILENT_MS, 2 * track.longestMs);
    return silentMs < SILENT_MS && track.pausedMs < SILENT_MS;
  }
}
