/** When the inputs sent what, whether it was passed on or not. Tells whether a source still sends what viewers need. */

import type { Track } from '../reading/units.ts';
import { ScramblingMonitor } from '../syntax/scrambling.ts';
import type { OutTrack } from './program-writer.ts';
import { Rhythm } from './rhythm.ts';
import { TrackLife } from './track-life.ts';

export class Arrivals {
  readonly #video = new Rhythm();
  readonly #life = new TrackLife();
  #scrambling = new ScramblingMonitor();
  #lastAudioMs: number | undefined;

  beginInput(): void {
    this.#video.interrupt();
    this.#scrambling = new ScramblingMonitor();
  }

  /** A packet of a video or audio track came. */
  packet(bytes: Buffer, offset: number): void {
    this.#scrambling.count(bytes, offset);
  }

  /** A unit came at `nowMs`, monotonic ms. */
  unit(track: Track, out: OutTrack, nowMs: number): void {
    this.#life.note(out.pid, nowMs);
    if (out.video) this.#video.beat(nowMs);
    else if (track.kind === 'audio') this.#lastAudioMs = nowMs;
  }

  /** Arrival of the newest picture, monotonic ms; undefined before the first. */
  get lastVideoMs(): number | undefined {
    return this.#video.lastMs;
  }

  /** The longest recent time between two pictures, in ms; undefined before the second. */
  get videoIntervalMs(): number | undefined {
    return this.#video.intervalMs;
  }

  /** Arrival of the newest audio unit, monotonic ms; undefined before the first. */
  get lastAudioMs(): number | undefined {
    return this.#lastAudioMs;
  }

  /** How long most of the current input's media has been scrambled, in ms. */
  scrambledMs(nowMs: number): number {
    return this.#scrambling.lastsMs(nowMs);
  }

  /** Whether a track sends while others do, by its PID in the output. */
  isAlive(pid: number, kind: 'video' | 'audio'): boolean {
    return this.#life.isAlive(pid, kind);
  }
}
