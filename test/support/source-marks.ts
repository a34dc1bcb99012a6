/** A source feed on one worker, without its media: what its splicer would tell of each picture, and what it hears of the owner. */

import { LocalMarks } from '../../services/proxy/src/feed/marks/local-marks.ts';
import type { Mark } from '../../services/proxy/src/feed/marks/mark.ts';
import type { MarkLog } from '../../services/proxy/src/feed/marks/mark-log.ts';
import type { RandomAccess, SpliceSink } from '../../services/proxy/src/mpegts/splicing/splicer.ts';
import { HeardMarks, MARKS_VERSION, MarkNews } from '../../services/proxy/src/relay/mark-frames.ts';

export const SECOND = 90_000;
export const FRAME = 3_600;
/** DTS of the first picture. */
export const FIRST_DTS = 10 * SECOND;
const REORDER = 2 * FRAME;
const GOP = 24;

const NOTHING: SpliceSink = {
  packets: () => undefined,
  progress: () => undefined,
  programChanged: () => undefined,
  randomAccess: () => undefined,
  continuation: () => undefined,
};

export class MarksHolder {
  readonly marks = new LocalMarks(2 * SECOND);
  readonly #sink = this.marks.sink(NOTHING);
  #news = new MarkNews(MARKS_VERSION);
  #heard = new HeardMarks();

  /**
   * The picture of this number, a keyframe at each 24th.
   * @param jump the clock of the provider has jumped before it; a worker that relays the source does not see that
   */
  picture(index: number, jump = false): void {
    const dts = FIRST_DTS + index * FRAME;
    const pts = dts + REORDER;
    const point: RandomAccess = { prefix: Buffer.alloc(0), dts, pts, closed: true };
    if (index % GOP === 0) this.#sink.randomAccess(point);
    this.#sink.progress(dts, pts, jump);
  }

  /** The next picture is of another programme. */
  programChanges(): void {
    this.#sink.programChanged('tracks');
  }

  /** The next owner is heard over another relay. */
  dial(): void {
    this.#news = new MarkNews(MARKS_VERSION);
    this.#heard = new HeardMarks();
  }

  hearFrom(log: MarkLog): void {
    const said = this.#news.of(log);
    if (said !== undefined) this.#heard.take(JSON.parse(JSON.stringify(said)));
    if (this.#heard.source !== undefined) this.marks.hear(this.#heard.source);
  }

  get held(): readonly Mark[] {
    return this.marks.log.after(0);
  }
}
