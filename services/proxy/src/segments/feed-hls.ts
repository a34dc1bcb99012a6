/** What HLS viewers get of one feed on this worker: its segments in each container, and which of them a viewer gets who asks for none. */

import type { MediaFacts } from '../../../shared/media-facts.ts';
import { StreampoolError } from '../errors.ts';
import { CONTAINERS, type Container } from '../feed/hls/segment-events.ts';
import type { SegmentNews } from '../feed/hls/segment-list.ts';
import type { Variant } from '../feed/hls/variant.ts';
import type { RelayedSegments, SegmentsAsked } from '../relay/relayed-feed.ts';
import type { ContainerChoice } from './container-choice.ts';
import { FeedSegments, type FeedSegmentsDeps } from './feed-segments.ts';
import { FeedVariant } from './feed-variant.ts';
import { answerMedia, answerSegments } from './segments-answer.ts';
import type { ViewedSegments } from './viewer-answers.ts';

export interface FeedHlsDeps extends Omit<FeedSegmentsDeps, 'container' | 'maxBytes'> {
  /** RING_MAX_BYTES: what the ring and the segments may take together. */
  readonly maxBytes: () => number;
  readonly choice: Pick<ContainerChoice, 'of' | 'decided'>;
}

export interface HlsStatus {
  readonly head: number | undefined;
  readonly segments: number;
  readonly containers: readonly Container[];
}

/** The segments that one session wants. */
export interface WantedSegments {
  /** They are of one viewer alone, and begin with the beginning. */
  readonly isFilm?: boolean;
  /** The feed is over: the viewer has to join another one. */
  readonly isOver: boolean;
  /** How often a player reloads its playlist, at least. */
  readonly targetDurationMs: number;
  /** @throws {StreampoolError} 503 when the feed has no memory left for a second container */
  of(container: Container): ViewedSegments;
  /** The container for a viewer who asks for none, if that is known. */
  readonly decided?: Container | undefined;
  /** The same. It waits until that is known. */
  chosen(signal: AbortSignal): Promise<Container>;
  /** Wants nothing any more. */
  release(): void;
}

const TYPES: Readonly<Record<Container, string>> = { ts: 'video/mp2t', fmp4: 'video/mp4' };
/** What other workers call the list of segments in a container. */
const LISTS: ReadonlyMap<string, Container> = new Map([
  ['', 'ts'],
  ['fmp4', 'fmp4'],
]);
const AGAIN_SECONDS = 10;

/** What the wishes for one feed have in common. */
interface Wished {
  isOver(): boolean;
  targetDurationMs(): number;
  /** @throws {StreampoolError} 503 as `WantedSegments.of` */
  segments(container: Container): FeedSegments;
  chosen(signal: AbortSignal): Promise<Container>;
  decided(): Container | undefined;
}

/** What one session wants of a feed. There may be thousands, so each has little of its own. */
class Wish implements WantedSegments {
  readonly #wished: Wished;
  /** Ends of what it has wanted so far. */
  readonly #unwant: Partial<Record<Container, () => void>> = {};
  #isReleased = false;

  constructor(wished: Wished) {
    this.#wished = wished;
  }

  get isOver(): boolean {
    return this.#wished.isOver();
  }

  get targetDurationMs(): number {
    return this.#wished.targetDurationMs();
  }

  of(container: Container): ViewedSegments {
    const segments = this.#wished.segments(container);
    if (!this.#isReleased) this.#unwant[container] ??= segments.want();
    return segments;
  }

  get decided(): Container | undefined {
    return this.#wished.decided();
  }

  chosen(signal: AbortSignal): Promise<Container> {
    return this.#wished.chosen(signal);
  }

  release(): void {
    this.#isReleased = true;
    for (const container of CONTAINERS) {
      this.#unwant[container]?.();
      delete this.#unwant[container];
    }
  }
}

export class FeedHls implements RelayedSegments {
  readonly #deps: FeedHlsDeps;
  readonly #variant: FeedVariant;
  readonly #made: Readonly<Record<Container, FeedSegments>>;
  /** Number of the newest mark at which there was no keyframe: each container finds it. */
  #fault = Number.NEGATIVE_INFINITY;
  /** Those that somebody has wanted, the first one first. */
  #order: readonly Container[] = [];
  readonly #wished: Wished;

  constructor(deps: FeedHlsDeps) {
    this.#deps = deps;
    this.#variant = new FeedVariant(deps.feed, deps.list.segmentSeconds * 1000);
    const make = (container: Container) =>
      new FeedSegments({
        ...{ ...deps, container },
        maxBytes: () => this.#maxBytesOf(container),
        onFault: (mark) => {
          if (mark.n <= this.#fault) return;
          this.#fault = mark.n;
          deps.onFault(mark);
        },
      });
    const made = { ts: make('ts'), fmp4: make('fmp4') };
    this.#made = made;
    this.#wished = {
      isOver: () => made.ts.isOver,
      targetDurationMs: () => Math.max(made.ts.targetDurationMs, made.fmp4.targetDurationMs),
      segments: (container) => this.#roomFor(container),
      chosen: (signal) => deps.choice.of(signal),
      decided: () => deps.choice.decided,
    };
  }

  get #all(): FeedSegments[] {
    return CONTAINERS.map((container) => this.#made[container]);
  }

  get heldBytes(): number {
    return this.#all.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  /** How many segments have come from another worker. */
  get fetched(): number {
    return this.#all.reduce((sum, { fetched }) => sum + fetched, 0);
  }

  /** How many requests wait for what comes next. */
  get waiting(): number {
    return this.#all.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** For `/stats`; undefined while nobody wants them. */
  get status(): HlsStatus | undefined {
    const each = this.#all.flatMap(({ container, status }) => (status === undefined ? [] : [{ container, ...status }]));
    const [first] = each;
    if (first === undefined) return undefined;
    return {
      head: each.reduce((head: number | undefined, one) => Math.max(one.head ?? 0, head ?? 0) || undefined, undefined),
      segments: Math.max(...each.map(({ segments }) => segments)),
      containers: each.map(({ container }) => container),
    };
  }

  /** What an entry says of the feed; undefined while it has too little media. */
  get variant(): Variant | undefined {
    const { ts, fmp4 } = this.#made;
    return this.#variant.of(ts.peakBitsPerSecond ?? fmp4.peakBitsPerSecond);
  }

  /** What the feed consists of, read from its bytes. */
  get facts(): MediaFacts {
    return this.#variant.facts;
  }

  want(): WantedSegments {
    return new Wish(this.#wished);
  }

  newsOf(container: Container): SegmentNews | undefined {
    return this.#made[container].news;
  }

  onSegment(listener: () => void): () => void {
    const unsubscribe = this.#all.map((segments) => segments.onSegment(listener));
    return () => {
      for (const each of unsubscribe) each();
    };
  }

  /** The worker that makes the feed has said this. */
  hear(news: SegmentNews): void {
    this.#made[news.container ?? 'ts'].hear(news);
  }

  /** As `FeedSegments` says. */
  async prepare(): Promise<void> {
    await Promise.all(this.#all.map((segments) => segments.prepare()));
  }

  async answer(asked: SegmentsAsked): Promise<number> {
    const { name, response } = asked;
    const [, n, p] = /^(\d+)\.(\d+)\.m4s$/.exec(name) ?? [];
    if (p !== undefined) return answerMedia(this.#made.fmp4.partOf(Number(n), Number(p)), TYPES.fmp4, response);
    const [, stem = '', extension] = /^([0-9a-f]+)\.(ts|m4s|mp4)$/.exec(name) ?? [];
    switch (extension) {
      case 'ts':
        return answerMedia(this.#made.ts.mediaOf(Number(stem)), TYPES.ts, response);
      case 'm4s':
        return answerMedia(this.#made.fmp4.mediaOf(Number(stem)), TYPES.fmp4, response);
      case 'mp4':
        return answerMedia(this.#made.fmp4.initOf(stem), TYPES.fmp4, response);
      default:
        break;
    }
    const container = LISTS.get(name);
    if (container === undefined) response.writeHead(404).end();
    else if (!this.#hasRoomFor(container)) response.writeHead(503).end();
    else await answerSegments(this.#made[container], asked);
    return 0;
  }

  /** What the ring and the segments of this container may take: the container that was asked for last leaves the other its window. */
  #maxBytesOf(container: Container): number {
    const other = this.#made[container === 'ts' ? 'fmp4' : 'ts'];
    const isLast = this.#order.at(-1) === container;
    return this.#deps.maxBytes() - (isLast ? other.heldBytes : other.leastBytes);
  }

  #roomFor(container: Container): FeedSegments {
    const segments = this.#made[container];
    if (this.#hasRoomFor(container)) {
      segments.resume();
      return segments;
    }
    segments.drop();
    throw new StreampoolError(
      503,
      `The memory of this feed (RING_MAX_BYTES) holds segments of one container. Play it with container=${this.#order[0]}.`,
      { retryAfterSeconds: AGAIN_SECONDS },
    );
  }

  /** Both containers have three target durations at least, or there is one of them. */
  #hasRoomFor(container: Container): boolean {
    const other = this.#made[container === 'ts' ? 'fmp4' : 'ts'];
    if (!other.isMade && this.#order.length === 1 && this.#order[0] === container) return true;
    const made = CONTAINERS.filter((each) => this.#made[each].isMade);
    const before = this.#order.filter((each) => made.includes(each));
    // A worker that has taken the feed over makes what nobody has asked it for.
    this.#order = [...new Set([...before, ...made, container])];
    const [first = container] = this.#order;
    if (first === container) return true;
    const { leastBytes } = this.#made[first];
    const leaves = this.#deps.maxBytes() - this.#deps.feed.ring.minimumBytes - leastBytes;
    // What a container takes is known when it is made. Until then, it is what the other one takes.
    return Math.max(this.#made[container].leastBytes, leastBytes) <= leaves;
  }
}
