/** Which marks a process feed follows: those of its source, or its own where its pictures have nothing to do with those. */

import type { SourceClock } from '../../feed/feed-history.ts';
import type { FeedMarks } from '../../feed/marks/feed-marks.ts';
import { LocalMarks } from '../../feed/marks/local-marks.ts';
import type { MarkList } from '../../feed/marks/mark.ts';
import type { MarkLog } from '../../feed/marks/mark-log.ts';
import { isOnGrid } from '../../ffmpeg/process/keyframe-grid.ts';
import type { ResolvedProfile } from '../../ffmpeg/profiles/profiles.ts';
import { TICKS_PER_MS } from '../../mpegts/syntax/timestamp.ts';
import type { RelayedMarks } from '../../relay/mark-frames.ts';

/** A list of the source feed, or the feed's own. */
export type MarksFollowed = MarkList | 'own';

/**
 * What a feed of this profile follows, if its source is a source feed.
 * @param profile undefined: a copy of the source
 */
export function marksFollowedBy(profile: ResolvedProfile | undefined): MarksFollowed {
  switch (profile?.video) {
    case undefined:
    case 'copy':
      return 'source';
    case 'encode':
      // Any other encoder has its keyframes elsewhere after each restart.
      return isOnGrid(profile) ? 'clock' : 'own';
    case 'none':
      // Sound may begin anywhere, and a source with rare keyframes has long segments.
      return 'clock';
  }
}

/** A run is replaced at most once in this time because of its keyframes. */
const MEND_MS = 600_000;
/** So soon after a run was replaced, its successor may not have shown anything. */
const SETTLED_MS = 15_000;

export class ProcessMarks {
  readonly #followed: MarksFollowed;
  readonly #own: LocalMarks;
  #source: MarkLog | undefined;
  #isOwn = false;
  /** Of the run before, which has nothing to do with the marks of this one. */
  #former: SourceClock | undefined;
  /** When a picture at a mark was no keyframe and a new run was to mend that, monotonic ms. */
  #mendedMs: number | undefined;
  /** That did not mend it. */
  #isOffGrid = false;

  /** @param segmentMs HLS_SEGMENT_TIME */
  constructor(followed: MarksFollowed, segmentMs: number) {
    this.#followed = followed;
    this.#own = new LocalMarks(segmentMs * TICKS_PER_MS);
  }

  /** Takes what passes into the feed. */
  get own(): LocalMarks {
    return this.#own;
  }

  /** Those of the source feed that it is or was made of. */
  get source(): MarkLog | undefined {
    return this.#source;
  }

  get relayed(): RelayedMarks {
    const hasOwn = this.#isOwn && this.#own.log.count > 0;
    return { source: this.#source, own: hasOwn ? this.#own.log : undefined };
  }

  /**
   * A run of this worker begins.
   * @param source the marks of its source feed; undefined: FFmpeg opens the source itself
   * @param timeline of that source feed
   * @param clock how the feed's times relate to those of the source before
   */
  begin(source: MarkLog | undefined, timeline?: string, clock?: SourceClock): void {
    this.#source = source;
    this.#former = clock?.timeline === timeline ? undefined : clock;
    this.#follow(source === undefined || this.#followed === 'own' || this.#isOffGrid);
  }

  #follow(isOwn: boolean): void {
    // Between two times of its own, the numbers of the source have run on. Those of a new list are ahead of them.
    if (isOwn && !this.#isOwn) this.#own.restart();
    this.#isOwn = isOwn;
    if (isOwn) this.#own.begin();
  }

  /**
   * A picture at a mark was no keyframe: the encoder has another grid, as when its first picture is not the one that was expected. A
   * new run begins elsewhere. An encoder that has no such grid even so is followed from now on.
   * @param nowMs monotonic
   * @returns whether the run should be replaced
   */
  fault(nowMs: number): boolean {
    if (this.#isOwn || this.#followed !== 'clock') return false;
    if (this.#mendedMs === undefined || nowMs - this.#mendedMs > MEND_MS) {
      this.#mendedMs = nowMs;
      return true;
    }
    // What the run before it has sent may still pass.
    if (nowMs - this.#mendedMs < SETTLED_MS) return false;
    this.#isOffGrid = true;
    this.#follow(true);
    return false;
  }

  /**
   * Media of this worker's run has passed.
   * @param wallMs ms since 1970
   */
  passed(wallMs: number): void {
    if (this.#isOwn) this.#own.say(wallMs);
  }

  /** The worker that makes the feed says these. Undefined: it makes it on another timeline. */
  hear(heard: RelayedMarks | undefined): void {
    this.#source = heard?.source;
    this.#former = undefined;
    this.#isOwn = heard?.own !== undefined;
    if (heard?.own !== undefined) this.#own.hear(heard.own);
  }

  /**
   * @param clock how the feed's times relate to those of its source
   * @param timeline of the feed
   * @returns undefined when nobody has said any, or nobody knows yet where they are in the feed
   */
  of(clock: SourceClock | undefined, timeline: string): FeedMarks | undefined {
    if (this.#isOwn) return { log: this.#own.log, list: 'source', timeline, shift: 0 };
    if (this.#source === undefined || clock === undefined || this.#followed === 'own') return undefined;
    if (clock === this.#former) return undefined;
    return { log: this.#source, list: this.#followed, timeline: clock.timeline, shift: clock.shift };
  }
}
