/**
 * What this worker has of a feed's segments in one container: which there are, their media, that of their parts, and their
 * initialisations. The worker that makes the feed decides which there are. What is cut here meanwhile waits for its word, because this
 * worker may have to go on from there.
 */

import type { Logger } from '../../../../shared/log.ts';
import type { Feed } from '../../feed/feed.ts';
import type { Container, Done, Part } from '../../feed/hls/segment-events.ts';
import {
  type ListedSegment,
  type ListOptions,
  listedSegment,
  mediaFacts,
  SegmentList,
  type SegmentNews,
} from '../../feed/hls/segment-list.ts';
import type { FeedPlace } from '../../ownership/feed-place.ts';
import type { CutFacts, FeedCutter } from './feed-cutter.ts';
import { InitSegments } from './init-segments.ts';
import { PartMedia } from './part-media.ts';
import { SegmentMedia } from './segment-media.ts';
import { fetchInit, fetchPart, fetchSegment, peerOf, type SegmentsPeer } from './segments-run.ts';

export interface HeldSegmentsDeps {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly container: Container;
  readonly list: ListOptions;
  /** What the ring and these segments may take together. */
  readonly maxBytes: () => number;
  /** What cuts them here; undefined while nobody wants them. */
  readonly cutter: () => Pick<FeedCutter, 'newestDone'> | undefined;
  /** Playlists have changed, or media has come. */
  readonly onChange: () => void;
  readonly log: Logger;
}

export class HeldSegments {
  readonly media: SegmentMedia;
  readonly parts: PartMedia;
  readonly inits: InitSegments;
  readonly #deps: HeldSegmentsDeps;
  #list: SegmentList;
  /** Cut here while another worker makes the feed, the oldest first. */
  #unsaid: { readonly done: Done; readonly facts: CutFacts }[] = [];
  /** The same of the segment that has not ended. */
  #unsaidParts: { readonly part: Omit<Part, 'bytes'>; readonly offset: number }[] = [];
  /** That has been logged. */
  #isShort = false;

  constructor(deps: HeldSegmentsDeps) {
    this.#deps = deps;
    this.#list = new SegmentList(deps.list);
    const peer = () => peerOf(deps.place);
    this.media = new SegmentMedia(async (n) => {
      const from = peer();
      return from && fetchSegment(from, deps.container, n);
    });
    this.parts = new PartMedia(async (n, p) => {
      const from = peer();
      return from && fetchPart(from, n, p);
    });
    this.inits = new InitSegments(async (key) => {
      const from = peer();
      return from && fetchInit(from, key);
    });
  }

  /** Which there are. */
  get list(): SegmentList {
    return this.#list;
  }

  /** Listed, and without their media here. */
  get missing(): ListedSegment[] {
    return this.#list.kept.filter(({ n, gap }) => !gap && this.media.of({ n }) === undefined);
  }

  get #isOwn(): boolean {
    return this.#deps.place.current.kind === 'own';
  }

  /** A part of a segment has ended in the feed here. */
  partCut({ bytes, ...part }: Part, offset: number): void {
    const isFirst = part.p === 0;
    if (isFirst) this.inits.add(part.init);
    this.parts.cut({ ...part, bytes });
    if (this.#isOwn) this.#list.addPart(part, offset);
    else this.#unsaidParts = [...(isFirst ? [] : this.#unsaidParts), { part, offset }];
    this.#deps.onChange();
  }

  /** A segment has ended in the feed here. */
  cut(done: Done, facts: CutFacts): void {
    const { container, feed } = this.#deps;
    const { n } = done;
    const media = done[container];
    if (done.fmp4 !== undefined) this.inits.add(done.fmp4.init);
    const listed = this.#list.of(n);
    if (!this.#isOwn) this.#unsaid.push({ done, facts });
    else if (listed === undefined) {
      const segment = listedSegment(done, container, this.#list.newest, facts.offset);
      const begin = { list: done.mark.list, longestStepSeconds: longestStepSeconds(feed) };
      this.#list.add(segment, { ...begin, partTarget: facts.partTarget });
      this.#shorten();
    }
    const said = this.#list.of(n);
    if (media !== undefined && this.media.cut(n, media, said) === 'other' && said !== undefined) this.#isOther(said);
    if (this.#isOwn && listed !== undefined && !facts.isFirst && this.media.of({ n }) === undefined) {
      this.#putInPlace(done);
    }
    this.reach();
    this.#deps.onChange();
  }

  /** The worker before has listed it, and died with its media. */
  #putInPlace(done: Done): void {
    const { n } = done;
    const media = done[this.#deps.container];
    this.#list.replace(n, mediaFacts(done, this.#deps.container));
    if (media !== undefined) this.media.cut(n, media, this.#list.of(n));
  }

  /** This worker makes the feed now: what it has cut meanwhile counts. */
  sayUnsaid(): void {
    const unsaid = this.#unsaid.splice(0);
    const unsaidParts = this.#unsaidParts.splice(0);
    for (const { done, facts } of unsaid) this.cut(done, facts);
    for (const { part, offset } of unsaidParts) this.#list.addPart(part, offset);
    this.#deps.onChange();
  }

  /** The feed is cut anew, and with it what it has cut meanwhile. */
  forgetUnsaid(): void {
    this.#unsaid = [];
    this.#unsaidParts = [];
  }

  /** The owner has said this. */
  take(news: SegmentNews): void {
    const { cutter, onChange } = this.#deps;
    this.#list.take(news);
    for (const segment of news.segments) {
      if (this.media.said(segment) === 'other') this.#isOther(segment);
    }
    const newest = this.#list.newest?.n ?? 0;
    this.#unsaid = this.#unsaid.filter(({ done }) => done.n > newest);
    onChange();
    if (cutter() === undefined) return;
    // What was cut here is here by now. When the owner dies, nobody else may have it.
    const before = this.#list.of(newest - 1);
    if (before !== undefined && !before.gap && this.media.of(before) === undefined) void this.#fetchAhead(before);
  }

  /** The owner has it otherwise than this worker has cut it. */
  #isOther(segment: ListedSegment): void {
    const { n, bytes } = segment;
    const { log, cutter } = this.#deps;
    log.debug({ n, bytes }, 'this worker has cut a segment otherwise than its owner');
    if (cutter() !== undefined) void this.#fetchAhead(segment);
  }

  /** Before a player asks for it. */
  async #fetchAhead(segment: ListedSegment): Promise<void> {
    if (this.#isOwn || (await this.media.fetch(segment)) === undefined) return;
    this.reach();
    this.#deps.onChange();
  }

  /** Gets from the worker that makes the feed what playlists name and is not here. Resolves when that worker has given what it can. */
  async fetchMissing(): Promise<void> {
    const { kept, from } = this.#list;
    const keys = new Set(kept.flatMap(({ init = [] }) => init));
    await Promise.all([
      ...this.missing.filter(({ n }) => n >= from).map((segment) => this.#fetchAhead(segment)),
      ...[...keys].map((key) => this.inits.of(key) ?? this.inits.fetch(key)),
    ]);
  }

  /** Players know what the worker before has listed, and another follower may have media of it that this worker came too late for. */
  async fetchFrom(peer: SegmentsPeer, { segments }: SegmentNews): Promise<void> {
    const known = new Map(segments.map(({ n, crc }) => [n, crc]));
    const missing = this.missing.filter(({ n, crc }) => known.get(n) === crc);
    if (missing.length === 0) return;
    const fetch = (n: number) => fetchSegment(peer, this.#deps.container, n);
    await Promise.all(missing.map((segment) => this.media.fetch(segment, fetch)));
    this.reach();
    this.#deps.onChange();
  }

  /** Playlists begin with the oldest segment whose media is here, and that of all after it. The newest may still be on the way. */
  reach(): void {
    const cutter = this.#deps.cutter();
    if (!this.#isOwn || cutter === undefined) return;
    const { kept } = this.#list;
    const { newestDone: done = Number.NEGATIVE_INFINITY } = cutter;
    const isThere = ({ n, gap }: ListedSegment) => gap || n > done || this.media.of({ n }) !== undefined;
    const missing = kept.findLast((segment) => !isThere(segment));
    this.#list.startFrom(missing === undefined ? 0 : missing.n + 1);
  }

  /** The ring keeps what it needs, and the playlists get shorter. */
  #shorten(): void {
    const { feed, maxBytes, log } = this.#deps;
    const isShorter = this.#list.fit(maxBytes() - feed.ring.minimumBytes);
    if (!isShorter || this.#isShort) return;
    this.#isShort = true;
    const { length } = this.#list.window;
    log.warn(
      { segments: length },
      'the playlists of HLS are shorter than wanted: RING_MAX_BYTES is too small for them',
    );
  }

  /** Drops the media that nobody asks for any more. */
  forgetOld(): void {
    const [oldest] = this.#list.kept;
    const { newest } = this.#list;
    if (newest !== undefined && this.media.of(newest) !== undefined) this.parts.forget(newest.n);
    if (oldest !== undefined) this.media.forgetBefore(oldest.n);
  }

  /** Nobody wants them any more. */
  clear(): void {
    // Who follows goes on hearing which there are.
    if (this.#isOwn) this.#list = new SegmentList(this.#deps.list);
    this.media.clear();
    this.parts.clear();
    this.inits.clear();
    this.forgetUnsaid();
  }
}

/** Between two places of the ring where a viewer can begin. */
function longestStepSeconds({ ring }: Feed): number {
  const times = ring.entries.map(({ shownMs }) => shownMs);
  const steps = times.slice(1).map((ms, at) => ms - (times[at] as number));
  return Math.max(0, ...steps) / 1000;
}
