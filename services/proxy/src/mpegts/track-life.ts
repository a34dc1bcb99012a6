/** Which tracks of an input still send, each at its own rhythm: a picture of a slide show may come every ten seconds. */

/** No track that is sent steadily pauses for longer. */
const SILENT_MS = 5_000;
/** An outage is no rhythm. */
const LONGEST_RHYTHM_MS = 20_000;

interface Rhythm {
  lastMs: number;
  longestMs: number;
}

export class TrackLife {
  readonly #tracks = new Map<number, Rhythm>();
  #newestMs = Number.NEGATIVE_INFINITY;

  /** A unit of a track came. */
  note(pid: number, nowMs: number): void {
    this.#newestMs = Math.max(this.#newestMs, nowMs);
    const track = this.#tracks.get(pid);
    if (track === undefined) {
      this.#tracks.set(pid, { lastMs: nowMs, longestMs: 0 });
      return;
    }
    const pausedMs = nowMs - track.lastMs;
    if (pausedMs < LONGEST_RHYTHM_MS) track.longestMs = Math.max(track.longestMs, pausedMs);
    track.lastMs = nowMs;
  }

  /** Whether a track goes on while others do. One that has sent nothing yet is taken at its word. */
  isAlive(pid: number): boolean {
    const track = this.#tracks.get(pid);
    return track === undefined || this.#newestMs - track.lastMs < Math.max(SILENT_MS, 2 * track.longestMs);
  }
}
