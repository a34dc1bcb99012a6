/**
 * The marks of one feed on this worker. While it makes the feed, it makes them; while another worker does, it takes what that one
 * says, and goes on with the same lists when it takes the feed over.
 */

import type { SpliceSink } from '../../mpegts/splicing/splicer.ts';
import { MarkLog } from './mark-log.ts';
import { markedSink } from './marked-sink.ts';
import { Marks } from './marks.ts';

export class LocalMarks {
  #log = new MarkLog();
  #marks: Marks;
  readonly #segmentTicks: number;
  /** What the owner has said, and how much of it is here. */
  #heard: MarkLog | undefined;
  #heardCount = 0;
  #heardRevision = 0;

  /** @param segmentTicks HLS_SEGMENT_TIME, 90 kHz */
  constructor(segmentTicks: number) {
    this.#segmentTicks = segmentTicks;
    this.#marks = new Marks(segmentTicks);
  }

  /** For readers of the feed, and for relays. */
  get log(): MarkLog {
    return this.#log;
  }

  /** Both lists begin anew. What has passed so far has no marks. */
  restart(): void {
    this.#log = new MarkLog();
    this.#marks = new Marks(this.#segmentTicks);
  }

  /** The same sink. What passes it on the way is what the marks are made of. */
  sink(sink: SpliceSink): SpliceSink {
    return markedSink(sink, () => this.#marks);
  }

  /** This worker decides from here on. */
  begin(): void {
    // The worker before it has said nothing of what it sent, so that has no marks anywhere.
    if (this.#log.count === 0) this.#marks.forget();
    this.#marks.begin();
  }

  /**
   * Makes the marks for what has passed.
   * @param wallMs ms since 1970
   */
  say(wallMs: number): void {
    const marks = this.#marks.say(wallMs);
    const { source, jumps } = this.#marks.state;
    if (marks.length > 0) this.#log.add(marks, source);
    this.#log.owe(jumps);
  }

  /** Takes what the owner has said. Call before the media that it is about passes. */
  hear(heard: MarkLog): void {
    const { source, jumps } = heard.state;
    if (heard !== this.#heard) {
      this.#heardCount = 0;
      this.#heardRevision = 0;
    }
    this.#heard = heard;
    if (heard.revision === this.#heardRevision) return;
    const isFirst = this.#log.count === 0;
    const marks = this.#log.add(heard.after(this.#heardCount), source);
    this.#log.owe(jumps);
    this.#heardCount = heard.count;
    this.#heardRevision = heard.revision;
    if (isFirst) {
      this.#marks.restore(heard.state);
      return;
    }
    for (const mark of marks) this.#marks.told(mark);
    this.#marks.toldJumps(jumps);
  }
}
