/** The port for other workers: serves this worker's feeds to those that know the secret. */

import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseFeedKey } from '../../../registry/feed-keys.ts';
import { identityShape, parsed } from '../../../registry/shapes.ts';
import type { StreamReport } from '../../../registry/stream-report.ts';
import type { MakingReport, WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { sameText } from '../../../shared/same-text.ts';
import { deferred } from '../async.ts';
import { Cursor, type CursorSink } from '../feed/cursor.ts';
import type { FeedEnd } from '../feed/feed.ts';
import { CONTAINERS } from '../feed/hls/segment-events.ts';
import { NewsSaid } from '../feed/hls/segment-news.ts';
import { TICKS_PER_MS } from '../mpegts/syntax/timestamp.ts';
import { RELAY_PING_MS } from '../timing.ts';
import { unlessGone, Visit } from '../visit.ts';
import { ClockNews } from './clock-frames.ts';
import { answerFetch, type FetchedFeed, readAsk } from './fetch-answer.ts';
import { MARKS_VERSION, MarkNews } from './mark-frames.ts';
import { type PlaceAnswer, SOUGHT } from './peers.ts';
import { agreedVersion, dataHeader, encodeFrame, type RelayEnd, VERSION_HEADER } from './relay-frames.ts';
import { failureRecord } from './relayed-failure.ts';
import type { RelayedFeed, RelayedSegments, SegmentsAsked } from './relayed-feed.ts';
import { systemWire, type Wire } from './wire.ts';

export interface RelayServerDeps {
  readonly incarnation: string;
  readonly secret: () => string;
  /**
   * The feed by its registry key; starts it if this worker owns it and has not begun. Undefined when it belongs elsewhere.
   * @param via accepts a feed that is only relayed here, for a worker that cannot reach its owner
   * @throws {StreampoolError} when the feed cannot start
   */
  readonly find: (key: string, via: boolean) => Promise<RelayedFeed | undefined>;
  /** What this worker has of a feed, for one that cannot reach its owner. */
  readonly placeAnswer: (key: string) => PlaceAnswer | undefined;
  /** Whether this worker has media of a feed, and looks for its new owner. */
  readonly isSought?: (key: string) => boolean;
  /** What this worker knows of a stream, for a worker that does not know it and cannot ask the registry. */
  readonly streamReport: (streamId: string) => StreamReport;
  /** What this worker tells of a stream that it has; unset, or undefined: it has not. */
  readonly makingReport?: (streamId: string) => MakingReport | undefined;
  /** What this worker has of a broadcast: `index`, or `{epoch}/{name}`; unset, or undefined: nothing. */
  readonly broadcastFile?: (id: string, what: string) => Promise<Buffer | string | undefined>;
  /**
   * An HLS source by its registry key; unset: this worker has none. Undefined when it belongs elsewhere, or nobody reads it here.
   * @param via accepts one that belongs to another worker, for a worker that cannot reach that
   */
  readonly findHls?: (key: string, via: boolean) => Promise<FetchedFeed | undefined>;
  /**
   * Answers what another worker asks of the film of one viewer, by its registry key; unset: this worker has none. Undefined when it is
   * not here.
   */
  readonly answerFilm?: (key: string, asked: Omit<SegmentsAsked, 'place'>) => Promise<number | undefined>;
  /** Gets ready to own a feed that this worker follows; false when it cannot. */
  readonly prepare: (key: string) => Promise<boolean>;
  /** Unset: HTTP of this machine. */
  readonly wire?: Wire;
  readonly log: Logger;
}

/** What a follower sends with its request. */
interface RelayAsked {
  readonly follower: WorkerIdentity;
  /** The follower has everything up to here, 33-bit ticks. */
  readonly after: number | undefined;
  /** The timeline that this is on; undefined: the feed's, or the follower is of an earlier version. */
  readonly timeline: string | undefined;
  /** The version of the frames that both sides speak. */
  readonly version: number;
}

/** A worker that reads nothing for this long is cut off; it dials again. */
const STALL_MS = 10_000;

export class RelayServer {
  readonly #deps: RelayServerDeps;
  readonly #wire: Wire;
  readonly #server: Server;
  /** The followers of each feed, one entry per connection. */
  readonly #followers = new Map<string, WorkerIdentity[]>();
  readonly #cursors = new Set<Cursor>();
  /** Bytes that finished relays have sent. */
  #sentBefore = 0;

  constructor(deps: RelayServerDeps) {
    this.#deps = deps;
    this.#wire = deps.wire ?? systemWire;
    this.#server = this.#wire.createServer((request, response) => void this.#answer(request, response));
    this.#server.requestTimeout = 0;
  }

  /** @returns the port it listens on */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Relays that are open now. */
  get connections(): number {
    let count = 0;
    for (const followers of this.#followers.values()) count += followers.length;
    return count;
  }

  /** Bytes of media sent to other workers since the start. */
  get sentBytes(): number {
    let bytes = this.#sentBefore;
    for (const { stats } of this.#cursors) bytes += stats.bytes;
    return bytes;
  }

  /** The workers that follow a feed of this worker. */
  followersOf(key: string): readonly WorkerIdentity[] {
    return this.#followers.get(key) ?? [];
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** No request and no error may do more than produce an answer. */
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    try {
      if (!this.#isKnown(request)) {
        response.writeHead(403).end();
        return;
      }
      response.setHeader('X-Incarnation', this.#deps.incarnation);
      const url = `http://relay${request.url}`;
      if (URL.canParse(url)) await this.#route(new URL(url), request, response);
      else response.writeHead(400).end();
    } catch (error) {
      this.#deps.log.warn({ url: request.url, err: error }, 'could not answer another worker');
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  }

  async #route(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { incarnation, prepare } = this.#deps;
    if (url.pathname === '/ping') {
      response.end(incarnation);
      return;
    }
    const [, place] = /^\/places\/([^/]+)$/.exec(url.pathname) ?? [];
    if (place !== undefined) {
      const answer = this.#deps.placeAnswer(decodeURIComponent(place));
      if (answer !== undefined) response.end(JSON.stringify(answer));
      else response.writeHead(404).end(this.#deps.isSought?.(place) ? SOUGHT : '');
      return;
    }
    const [, streamId] = /^\/streams\/([\w-]+)$/.exec(url.pathname) ?? [];
    if (streamId !== undefined) {
      const streamReport = this.#deps.streamReport(streamId);
      const knows = streamReport.stream !== undefined || streamReport.deletedAtMs !== undefined;
      response.writeHead(knows ? 200 : 404).end(JSON.stringify(streamReport));
      return;
    }
    const [, madeId] = /^\/making\/([\w-]+)$/.exec(url.pathname) ?? [];
    if (madeId !== undefined) {
      const told = this.#deps.makingReport?.(madeId);
      response.writeHead(told === undefined ? 404 : 200).end(told && JSON.stringify(told));
      return;
    }
    // The request is for an earlier worker at this address; it must not start that worker's feeds here.
    const wanted = request.headers['x-incarnation'];
    if (wanted !== undefined && wanted !== incarnation) {
      response.writeHead(409).end();
      return;
    }
    const [, broadcast = '', what] =
      /^\/broadcasts\/([\w-]+)\/(indexes|\d{1,16}\/live\d+\.ts)$/.exec(url.pathname) ?? [];
    if (what !== undefined) {
      const file = await this.#deps.broadcastFile?.(broadcast, what);
      response.writeHead(file === undefined ? 404 : 200).end(file);
      return;
    }
    const [, cut, name = ''] = /^\/feeds\/([^/]+)\/segments(?:\/([\w.]{1,30}))?$/.exec(url.pathname) ?? [];
    if (cut !== undefined) {
      await this.#segments(cut, name, url.searchParams.has('via'), request, response);
      return;
    }
    const [, key, action] = /^\/feeds\/([^/]+)(\/prepare|\/fetch)?$/.exec(url.pathname) ?? [];
    if (key === undefined) response.writeHead(404).end();
    else if (action === undefined) await this.#relay(key, url.searchParams, request, response);
    else if (action === '/fetch') await this.#fetch(key, url.searchParams.has('via'), request, response);
    else response.writeHead((await prepare(key).catch(() => false)) ? 204 : 409).end();
  }

  async #relay(key: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const follower = parsed(identityShape, String(request.headers['x-worker']));
    if (follower === undefined) {
      response.writeHead(400).end();
      return;
    }
    const after = query.get('after');
    const asked = {
      follower,
      after: after === null || !Number.isFinite(Number(after)) ? undefined : Number(after),
      timeline: query.get('timeline') ?? undefined,
      version: agreedVersion(request.headers[VERSION_HEADER]),
    };
    const visit = new Visit(response, this.#deps.log);
    try {
      const relayed = await visit.take(this.#deps.find(key, query.has('via')), (found) => found?.release());
      if (relayed === undefined) response.writeHead(404).end();
      else await this.#serve(key, relayed, asked, { visit, response });
    } catch (error) {
      if (visit.isOver) return;
      this.#deps.log.warn({ feed: key, err: error }, 'could not serve a relay');
      // No media has been sent yet, so the reason is sent in its place.
      response.end(encodeFrame({ type: 'end', end: failureRecord(error) }));
    }
  }

  async #fetch(key: string, via: boolean, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const visit = new Visit(response, this.#deps.log);
    const follower = parsed(identityShape, String(request.headers['x-worker']));
    const ask = await readAsk(request);
    if (follower === undefined || ask === undefined) {
      response.writeHead(400).end();
      return;
    }
    const feed = await this.#deps.findHls?.(key, via);
    if (visit.isOver) return;
    if (feed === undefined) {
      response.writeHead(404).end();
      return;
    }
    const onSent = (bytes: number) => {
      this.#sentBefore += bytes;
    };
    await answerFetch(feed, ask, follower, { visit, response, clock: this.#wire.clock, onSent });
  }

  /** @param name of what is wanted of them */
  async #segments(
    key: string,
    name: string,
    via: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const visit = new Visit(response, this.#deps.log);
    const { clock } = this.#wire;
    const named = decodeURIComponent(key);
    if (parseFeedKey(named)?.kind === 'film') {
      const sent = await this.#deps.answerFilm?.(named, { name, visit, request, response, clock });
      if (sent === undefined) response.writeHead(404).end();
      else this.#sentBefore += sent;
      return;
    }
    const relayed = await visit.take(this.#deps.find(key, via), (found) => found?.release());
    const { segments, place } = relayed ?? {};
    if (segments === undefined || place === undefined) response.writeHead(404).end();
    else this.#sentBefore += await segments.answer({ name, place, visit, request, response, clock });
  }

  async #serve(
    key: string,
    relayed: RelayedFeed,
    { follower, version, timeline, ...asked }: RelayAsked,
    { visit, response }: { visit: Visit; response: ServerResponse },
  ): Promise<void> {
    const { feed, history, place, sourceClock, marks, passedOn } = relayed;
    // A feed that has come here from another URL is on a timeline of its own.
    const after = timeline === undefined || timeline === history.current.timeline ? asked.after : undefined;
    const { incarnation } = passedOn?.owner ?? this.#deps;
    // Frames carry their length, and an end record says that nothing is missing.
    response.removeHeader('Transfer-Encoding');
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', Connection: 'close' });
    const ticks = feed.opaque || feed.ring.head === 0 ? undefined : Math.round(feed.ring.headMs * TICKS_PER_MS);
    const markNews = new MarkNews(version);
    const ownMarkNews = new MarkNews(version, true);
    const hello = { version, incarnation, lineage: history.current, ticks, marks: markNews.of(marks().source) };
    response.write(encodeFrame({ type: 'hello', hello }));
    if (relayed.segments !== undefined && version >= MARKS_VERSION) saySegments(relayed.segments, visit, response);
    const ping = this.#wire.clock.setInterval(() => {
      if (!response.writableNeedDrain) response.write(encodeFrame({ type: 'ping' }));
    }, RELAY_PING_MS);
    visit.holds(() => this.#wire.clock.clearInterval(ping));
    this.#followers.set(key, [...this.followersOf(key), follower]);
    visit.holds(() => this.#forget(key, follower));
    let cursor: Cursor | undefined;
    // Followers get everything made here, and then the end record with the next owner.
    const moved = deferred<undefined>();
    const leave = () => {
      moved.resolve(undefined);
      cursor?.limitTo(feed.ring.head);
    };
    if (passedOn === undefined) visit.holds(place.onLeave(leave));
    let isAnew = false;
    // Without the new history, the follower could not tell later what it has got from whom.
    const onChange = () => {
      const { owner, relayed: isCopied } = place.placeAnswer ?? {};
      const isMine = owner?.incarnation === this.#deps.incarnation;
      // A feed that leaves is ended by `onLeave`.
      if (!isMine && passedOn === undefined) return;
      if (isMine && isCopied === true) {
        // A copy beside the owner can be had only through this worker. The follower stays, and is told whose media comes now.
        const lineage = history.current;
        if (!response.writableEnded)
          response.write(encodeFrame({ type: 'hello', hello: { version, incarnation, lineage } }));
        return;
      }
      isAnew = true;
      leave();
    };
    visit.holds(history.onChange(onChange));
    // The new owner may be the follower itself, who knows of it by nobody else and would wait for media from here for good.
    visit.holds(place.onOwner(onChange));
    const endOf = (end: FeedEnd): RelayEnd =>
      isAnew ? { kind: 'moved', owner: place.placeAnswer?.owner } : endRecord(relayed, end);
    // Waits for a feed that is still starting; meanwhile pings show that this worker is there.
    const entered = Promise.race([feed.entry(), moved.promise]).catch((error: Error) => {
      if (endRecord(relayed, { kind: 'failed', error }).kind === 'failed') throw error;
      return undefined;
    });
    const joined = await unlessGone(entered, visit.signal);
    if (joined === undefined) {
      // It moves before it has begun.
      response.end(encodeFrame({ type: 'end', end: endOf({ kind: 'ended' }) }));
      return;
    }
    const news = new ClockNews();
    const sink: CursorSink = {
      write: (bytes, done, isAll) => {
        response.cork();
        const clock = news.of(sourceClock());
        if (clock !== undefined) response.write(encodeFrame(clock));
        for (const segments of [markNews.of(marks().source), ownMarkNews.of(marks().own)]) {
          if (segments !== undefined) response.write(encodeFrame({ type: 'segments', segments }));
        }
        response.write(dataHeader(bytes.length, isAll));
        response.write(bytes, done);
        response.uncork();
      },
      finished: (end) => response.end(encodeFrame({ type: 'end', end: endOf(end) })),
      dropped: () => response.destroy(),
    };
    const reader = new Cursor(feed, after === undefined ? joined : (feed.entryAfter(after) ?? joined), sink, STALL_MS);
    cursor = reader;
    this.#cursors.add(reader);
    visit.holds(() => this.#close(reader));
    if (passedOn === undefined && place.goesOnAt !== undefined) leave();
  }

  #close(cursor: Cursor): void {
    cursor.close();
    this.#cursors.delete(cursor);
    this.#sentBefore += cursor.stats.bytes;
  }

  #forget(key: string, follower: WorkerIdentity): void {
    const followers = [...this.followersOf(key)];
    followers.splice(followers.indexOf(follower), 1);
    if (followers.length === 0) this.#followers.delete(key);
    else this.#followers.set(key, followers);
  }

  #isKnown(request: IncomingMessage): boolean {
    const given = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    return sameText(given, this.#deps.secret());
  }
}

/** Says which segments there are: it may have to go on with them. */
function saySegments(segments: RelayedSegments, visit: Visit, response: ServerResponse): void {
  const said = CONTAINERS.map((container) => ({ container, news: new NewsSaid() }));
  const say = () => {
    for (const { container, news } of said) {
      const window = news.of(segments.newsOf(container));
      if (window === undefined || response.writableEnded) continue;
      response.write(encodeFrame({ type: 'window', window: { ...window, container } }));
    }
  };
  visit.holds(segments.onSegment(say));
  say();
}

function endRecord({ place, passedOn }: RelayedFeed, end: FeedEnd): RelayEnd {
  const goesOnAt = passedOn === undefined || passedOn.isStopped() ? place.goesOnAt : undefined;
  if (goesOnAt !== undefined) return { kind: 'moved', owner: goesOnAt.owner };
  return end.kind === 'failed' ? failureRecord(end.error) : { kind: 'ended' };
}
