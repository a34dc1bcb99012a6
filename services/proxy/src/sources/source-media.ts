/**
 * What a source feed has passed on: one continuous timeline, whatever it reads. It knows how that came from the provider's
 * clock, and from where on the media is of the source that is read now.
 */

import type { Clock } from '../../../shared/clock.ts';
import { Feed } from '../feed/feed.ts';
import { FeedHistory, type SourceClock, type SourceOrigin } from '../feed/feed-history.ts';
import { type FeedOutput, splicedOutput } from '../feed/feed-output.ts';
import { feedSink } from '../feed/feed-sink.ts';
import { LocalMarks } from '../feed/marks/local-marks.ts';
import type { MarkLog } from '../feed/marks/mark-log.ts';
import { type Made, Pace } from '../feed/pace.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { SentPictures } from '../mpegts/reading/sent-pictures.ts';
import { TrackSurvey } from '../mpegts/reading/track-survey.ts';
import type { Arrivals } from '../mpegts/splicing/arrivals.ts';
import type { Input } from '../mpegts/splicing/input.ts';
import { type FeedTrack, type ProgramChange, Splicer, type SpliceSink } from '../mpegts/splicing/splicer.ts';
import { TICKS_PER_MS, TICKS_PER_SECOND } from '../mpegts/syntax/timestamp.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import type { PlacedFeed } from '../ownership/follow.ts';
import { MediaLag } from '../upstream/failover/media-lag.ts';
import type { OpenedConnection } from './source-connections.ts';

/** Another worker's feed of a source, with which this one goes on if it is its successor. */
export interface EarlierFeed {
  readonly timeline: string;
  readonly origin: SourceOrigin | undefined;
  /** Where the segments of all feeds of this source begin. */
  readonly marks: MarkLog | undefined;
}

export type ProgramListener = (position: number, change: ProgramChange) => void;

/** DTS of the first unit: leaves room for PCRs and earlier audio, and is far from the 33-bit wrap. */
const FIRST_DTS = 10 * TICKS_PER_SECOND;
/** The provider's clock is the clock of a source, whichever worker reads it. */
const PROVIDER = 'provider';

export class SourceMedia {
  readonly feed: Feed;
  readonly history: FeedHistory;
  readonly output: FeedOutput;
  readonly ringLimits: () => RingLimits;
  readonly marks: LocalMarks;
  /** How far the media is behind the clock, since what is read now has begun or its own clock has jumped. */
  readonly lag = new MediaLag();
  readonly #splicer: Splicer;
  readonly #programListeners = new Set<ProgramListener>();
  /** The key of the source that is read now. */
  #source: string;
  /** That is another source than the one before, and has sent nothing yet. */
  #isOther = false;
  /** How the provider's clock relates to the feed's, here or on the owner. */
  #clock: SourceClock | undefined;
  /** From where on the ring has media of what is read now. */
  #freshFrom = 0;
  readonly #pace = new Pace();
  #repairs = 0;
  #progress = 0;
  #progressMs: number | undefined;

  /** @param segmentMs HLS_SEGMENT_TIME */
  constructor(source: string, ringLimits: () => RingLimits, segmentMs: number, clock: Clock) {
    this.#source = source;
    this.ringLimits = ringLimits;
    this.marks = new LocalMarks(segmentMs * TICKS_PER_MS);
    this.feed = new Feed(ringLimits(), false, clock);
    this.history = new FeedHistory(clock);
    const sink = feedSink(this.feed);
    const programChanged = (change: ProgramChange) => {
      sink.programChanged(change);
      for (const listener of [...this.#programListeners]) listener(this.feed.ring.head, change);
    };
    const progress: SpliceSink['progress'] = (dts, shown, jumped) => {
      if (jumped) {
        this.#repairs++;
        this.lag.restart();
      }
      sink.progress(dts, shown, jumped);
    };
    this.#splicer = new Splicer(this.marks.sink({ ...sink, programChanged, progress }), {
      holdReordered: false,
      firstDts: FIRST_DTS,
      survey: new TrackSurvey(),
    });
    this.output = splicedOutput(this.#splicer);
    const { ring } = this.feed;
    this.feed.onPublish(() => {
      if (ring.headMs > 0) this.lag.note(clock.monotonicMs(), ring.headMs);
    });
  }

  at(place: FeedPlace): PlacedFeed {
    const { feed, history, output, ringLimits } = this;
    return { feed, history, output, ringLimits, place };
  }

  get arrivals(): Arrivals {
    return this.#splicer.arrivals;
  }

  /** Its audio and video tracks, in the order of its tables. */
  get tracks(): FeedTrack[] {
    return this.#splicer.tracks;
  }

  get clock(): SourceClock | undefined {
    return this.#clock;
  }

  get isEmpty(): boolean {
    return this.feed.ring.head === 0;
  }

  get isOther(): boolean {
    return this.#isOther;
  }

  /** How fast it comes; see `Pace`. */
  get made(): Made | undefined {
    const { ring, clock } = this.feed;
    return this.#pace.measure(clock.monotonicMs(), ring.head, ring.headMs);
  }

  /** How often the clock of what it reads has jumped, and was put right here. */
  get repairs(): number {
    return this.#repairs;
  }

  /** From where on the ring has media of what is read now; undefined while it has none. */
  get freshFrom(): number | undefined {
    return this.#isOther ? undefined : this.#freshFrom;
  }

  /** Grows with each picture that is passed on, and with each place where a viewer can begin. */
  get progress(): number {
    return this.#progress;
  }

  /** When it grew last, monotonic ms; undefined before the first time. */
  get progressMs(): number | undefined {
    return this.#progressMs;
  }

  /** What it has sent lately, of whatever source. */
  get sent(): SentPictures {
    return this.#splicer.sentPictures;
  }

  /** @param content of a keyframe, in the form of `contentOf` */
  hasSent(content: number): boolean {
    return this.#splicer.sentPictures.knows(content);
  }

  /** @returns a function that ends the calls */
  onProgramChange(listener: ProgramListener): () => void {
    this.#programListeners.add(listener);
    return () => this.#programListeners.delete(listener);
  }

  /** From now on another source is read. */
  changeSource(source: string): void {
    this.#source = source;
    this.#isOther = true;
    this.#clock = undefined;
  }

  /** What is read now has begun to send. */
  began(): void {
    if (this.#isOther) this.#freshFrom = this.feed.ring.head;
    this.#isOther = false;
  }

  /** Goes on with the timeline of the worker that has read the source so far. */
  goOn(earlier: EarlierFeed | undefined): void {
    const { timeline, origin, marks } = earlier ?? {};
    const newest = origin?.sent.newest;
    if (timeline === undefined || origin?.source !== this.#source || newest === undefined) return;
    this.history.goOn(timeline);
    this.output.goOn(newest.dts, origin.sent.newestAtMs);
    this.#splicer.sentPictures.replaceBy(origin.sent);
    if (marks !== undefined) this.marks.hear(marks);
    this.noteClock(origin.shift);
  }

  /** Notes what the owner had sent before this worker began to follow it. */
  noteOrigin({ sent }: SourceOrigin): void {
    if (this.output.lastDts === undefined) this.#splicer.sentPictures.replaceBy(sent);
  }

  /** The marks of what comes from another feed now, if that is on another timeline: nobody else makes any for this one. */
  noteForeign(): void {
    this.marks.say(this.feed.clock.wallMs());
  }

  /** A connection to the source begins. */
  begin(prepared: OpenedConnection['prepared']): void {
    this.output.begin(this.#inputOf(prepared));
    this.marks.begin();
    this.began();
    for (const chunk of prepared?.chunks ?? []) this.put(chunk);
  }

  #inputOf(prepared: OpenedConnection['prepared']): Input {
    const shift = this.#clock?.shift;
    if (this.#isOther) return { kind: 'other_source', repeats: prepared?.repeats === true };
    if (prepared !== undefined) return { kind: 'prepared_connection', shift, repeats: prepared.repeats };
    return shift === undefined ? { kind: 'source' } : { kind: 'reconnection', shift };
  }

  put(chunk: Buffer): void {
    const nowMs = this.feed.clock.monotonicMs();
    const { lastDts } = this.output;
    const entry = this.feed.ring.entries.at(-1);
    this.output.push(chunk, nowMs);
    if (this.output.lastDts !== lastDts || this.feed.ring.entries.at(-1) !== entry) {
      this.#progress++;
      this.#progressMs = nowMs;
    }
    if (this.output.shift !== undefined) this.noteClock(this.output.shift);
    this.marks.say(this.feed.clock.wallMs());
    this.feed.ring.setLimits(this.ringLimits());
    this.feed.publish();
  }

  /** @param shift ticks between the provider's clock and the feed's; undefined: it is not known */
  noteClock(shift: number | undefined): void {
    if (this.#clock?.shift === shift) return;
    const { sentPictures: sent } = this.#splicer;
    const origin = shift === undefined ? undefined : { source: this.#source, shift, sent };
    this.#clock = origin && { timeline: PROVIDER, shift: origin.shift, origin };
  }
}
