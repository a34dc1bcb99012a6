/**
 * Remembers by time and content which pictures of a source were sent lately; without pictures, which pieces of sound. By
 * these, another connection is recognised that begins with the past: here, or on a worker that takes the source over.
 */

import { TICKS_PER_SECOND, wrapTicks } from '../syntax/timestamp.ts';

/** One picture. */
export interface Fingerprint {
  /** On the output timeline, 90 kHz, not wrapped. */
  readonly dts: number;
  /** See `contentOf`. */
  readonly content: number;
  /**
   * Ticks from its time at the provider to that, 33 bits, by the connection that brought it last; undefined when that is not
   * known.
   */
  readonly shift?: number | undefined;
  /** A keyframe, or of so many packets that no other picture looks like it. Undefined: not known. A follower is not told. */
  readonly isTelling?: boolean | undefined;
}

interface Kept extends Fingerprint {
  shift?: number | undefined;
}

/**
 * How much a provider sends again when it starts every connection with the past. More than this is a new start of the
 * same media.
 */
export const REMEMBERED_TICKS = 15 * TICKS_PER_SECOND;
/** Enough for 60 pictures a second. */
const MAX_REMEMBERED = 1_024;
/** So many more pictures are taken each second. A source may send thousands of one-packet pictures at once. */
const MAX_PER_SECOND = 125;
/** So many in a row that were sent before are a loop. */
const LOOP_PICTURES = 8;
/** So many pictures that two sources have sent with the same time between them are the same ones. */
const TELLING_PICTURES = 3;
/** For so long after that, the source counts as a loop. What is missing after a cut may hide the next round. */
const LOOP_TICKS = 60 * TICKS_PER_SECOND;

export class SentPictures {
  /** The oldest first. */
  #pictures: Kept[] = [];
  /** How many were forgotten before the first of them. */
  #forgotten = 0;
  readonly #byContent = new Map<number, number>();
  readonly #byTime = new Map<number, Kept>();
  /** How many may be taken now. */
  #budget = MAX_REMEMBERED;
  #budgetAtMs = 0;
  #newestAtMs = 0;
  /** How many in a row, up to the newest, look like one before them. */
  #againRow = 0;
  /** When the newest such row ended, not wrapped. */
  #againDts = Number.NEGATIVE_INFINITY;

  /** Whether there is room for one more that came at `nowMs`, monotonic ms. Call once for each, before it is hashed. */
  takes(nowMs: number): boolean {
    const sinceMs = Math.max(0, nowMs - this.#budgetAtMs);
    this.#budget = Math.min(MAX_REMEMBERED, this.#budget + (sinceMs * MAX_PER_SECOND) / 1000);
    this.#budgetAtMs = nowMs;
    if (this.#budget < 1) return false;
    this.#budget--;
    return true;
  }

  /**
   * Passes over a picture that is no later than the newest one.
   * @param atMs when it came, monotonic ms
   */
  add(picture: Fingerprint, atMs: number): void {
    const { dts, content } = picture;
    if (dts <= (this.newest?.dts ?? Number.NEGATIVE_INFINITY)) return;
    this.#forgetUntil(dts - REMEMBERED_TICKS);
    this.#againRow = this.#byContent.has(content) ? this.#againRow + 1 : 0;
    if (this.#againRow >= LOOP_PICTURES) this.#againDts = dts;
    this.#pictures.push(picture);
    this.#newestAtMs = atMs;
    this.#byContent.set(content, (this.#byContent.get(content) ?? 0) + 1);
    this.#byTime.set(wrapTicks(dts), picture);
  }

  get newest(): Fingerprint | undefined {
    return this.#pictures.at(-1);
  }

  /** When the newest one came, monotonic ms. */
  get newestAtMs(): number {
    return this.#newestAtMs;
  }

  /** Another timeline begins, on which so far these were sent. */
  replaceBy(sent: SentPictures): void {
    for (const picture of this.#pictures.splice(0)) this.#forget(picture);
    for (const picture of sent.after(0)) this.add({ ...picture }, sent.newestAtMs);
    this.#againDts = sent.#againDts;
  }

  /** How many pictures there have been so far. */
  get count(): number {
    return this.#forgotten + this.#pictures.length;
  }

  /** The pictures after the first `count` that there have been, as far as they are remembered. */
  after(count: number): readonly Fingerprint[] {
    return this.#pictures.slice(Math.max(0, count - this.#forgotten));
  }

  /** Whether a picture with this content was sent. */
  knows(content: number): boolean {
    return this.#byContent.has(content);
  }

  /** When a picture with this content was sent, not wrapped; undefined when never or more than once. */
  timeOf(content: number): number | undefined {
    if (this.#byContent.get(content) !== 1) return undefined;
    return this.#pictures.find((each) => each.content === content)?.dts;
  }

  /** When this picture was sent with this DTS of the provider (33 bits), not wrapped; undefined as for `timeOf`. */
  timeAtProvider(content: number, ticks: number): number | undefined {
    if (this.#byContent.get(content) !== 1) return undefined;
    const sent = this.#pictures.find((each) => each.content === content);
    if (sent?.shift === undefined || wrapTicks(ticks + sent.shift) !== wrapTicks(sent.dts)) return undefined;
    return sent.dts;
  }

  /**
   * How much later than another source this one has sent the pictures that both have sent, in ticks; undefined when they have sent
   * none that can be told from others. One picture is enough if it is telling, if it had the same time at the provider, or if the other
   * one began with it: that is a keyframe.
   */
  laterThan(other: SentPictures): number | undefined {
    if (this.isLoop || other.isLoop) return undefined;
    let found: { readonly ticks: number; readonly count: number } | undefined;
    for (const { content, dts, shift, isTelling } of this.#pictures.toReversed()) {
      if (this.#byContent.get(content) !== 1) continue;
      const there = other.timeOf(content);
      if (there === undefined) continue;
      const ticks = dts - there;
      if (isTelling === true) return ticks;
      if (shift !== undefined && other.timeAtProvider(content, wrapTicks(dts - shift)) !== undefined) return ticks;
      if (other.#forgotten === 0 && there === other.#pictures[0]?.dts) return ticks;
      found = { ticks, count: found?.ticks === ticks ? found.count + 1 : 1 };
      if (found.count === TELLING_PICTURES) return ticks;
    }
    return undefined;
  }

  /** When the picture after the newest one is due, if it comes as that came after the one before it; not wrapped. */
  get nextDts(): number | undefined {
    const [before, newest] = this.#pictures.slice(-2);
    return before === undefined || newest === undefined ? undefined : 2 * newest.dts - before.dts;
  }

  /** The picture after the one at this time, not wrapped. */
  following(dts: number): Fingerprint | undefined {
    return this.#pictures.find((each) => each.dts > dts);
  }

  /** Whether the source shows a slate over and over, or a picture in which nothing moves. */
  get isLoop(): boolean {
    return this.newest !== undefined && this.newest.dts - this.#againDts < LOOP_TICKS;
  }

  /** Whether any picture was sent at this time (33 bits). */
  hasAt(ticks: number): boolean {
    return this.#byTime.has(ticks);
  }

  /** Whether exactly this picture was sent at this time (33 bits). */
  has(content: number, ticks: number): boolean {
    return this.#byTime.get(ticks)?.content === content;
  }

  /** Another connection has brought the picture that was sent at this time (33 bits). A follower is not told of it. */
  cameAgain(ticks: number, shift: number): void {
    const kept = this.#byTime.get(ticks);
    if (kept !== undefined) kept.shift = shift;
  }

  /** Makes room for one more, and forgets what is no later than `dts`. */
  #forgetUntil(dts: number): void {
    let old = Math.max(0, this.#pictures.length + 1 - MAX_REMEMBERED);
    while ((this.#pictures[old]?.dts ?? Number.POSITIVE_INFINITY) <= dts) old++;
    for (let n = 0; n < old; n++) this.#forget(this.#pictures[n] as Kept);
    if (old === 1) this.#pictures.shift();
    else if (old > 1) this.#pictures.splice(0, old);
  }

  #forget({ dts, content }: Fingerprint): void {
    this.#forgotten++;
    const times = this.#byContent.get(content) ?? 0;
    if (times > 1) this.#byContent.set(content, times - 1);
    else this.#byContent.delete(content);
    this.#byTime.delete(wrapTicks(dts));
  }
}
