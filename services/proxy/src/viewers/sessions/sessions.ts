/**
 * The HLS viewers of this worker. One viewer sends many requests, and a load balancer may spread them over the workers. So each worker
 * that serves some of them has a part in the session. It asks the registry when its part begins and when it ends, and never in between.
 */

import type { KnownStreams, Members, StreamRecords, Viewers } from '../../../../registry/registry.ts';
import type { JoinRequest, NamedSession, SessionRequest } from '../../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { StreampoolError } from '../../errors.ts';
import { FilmLostError } from '../../films/film-lost.ts';
import type { FeedStart } from '../../processes/process-feeds.ts';
import type { Sealer } from '../../sealer.ts';
import { joinedOrThrow } from '../join-errors.ts';
import type { Playback } from '../playback.ts';
import { isOpenedAnew, type Seating, type SessionSeat, type Viewer } from '../seating.ts';
import { logJoined, logLeft } from '../viewer-log.ts';
import { DisconnectedSessions } from './disconnected.ts';
import {
  type HlsSession,
  type HlsSessions,
  LocalSession,
  type SessionProof,
  type SharedBySessions,
} from './hls-session.ts';
import { issueTicket, openTicket, sessionClientId, type Ticket } from './tickets.ts';

export interface SessionsDeps {
  readonly registry: Viewers & KnownStreams & Pick<StreamRecords, 'stream'> & Pick<Members, 'send'>;
  readonly seating: Pick<Seating, 'joinSession'>;
  readonly playback: Pick<Playback, 'track' | 'assertRoom' | 'joins'>;
  readonly sealer: Sealer;
  /** How long a ticket can begin or resume playback. */
  readonly ticketTtlMs: number;
  readonly clientTimeoutMs: number;
  readonly isDraining: () => boolean;
  /** Whether another worker gets what the viewers of a stream get that has no feed here. */
  readonly isElsewhere: (streamId: string) => boolean;
  /** Where the media of such a stream comes from for somebody who begins now. */
  readonly startOf: (streamId: string) => FeedStart;
  /** Whether there are other workers, which can take the next request of a session. */
  readonly hasOthers: () => boolean;
  /** Unset: the system's. */
  readonly clock?: Clock;
  readonly log: Logger;
}

/** A session that this worker serves. */
interface Here {
  readonly session: LocalSession;
  /** Ends its count among the viewers of this worker. */
  readonly untrack: () => void;
  readonly start: FeedStart;
  /** Gives back its place at a feed. */
  readonly leaveFeed: (() => void) | undefined;
}

/** Who asks: by a ticket, or by its client id alone. */
type Proven = Pick<Ticket, 'clientId'> & Partial<Ticket>;

const SWEEP_MS = 1_000;
/** A player that still comes to a draining worker asks for something within this, or a load balancer has sent it to another one. */
const LEFT_MS = 2_000;
/** What a worker has last seen of a session is known to the registry within this, so its time is over there too. */
const REPORTED_MS = 1_500;

export class Sessions implements HlsSessions {
  readonly #deps: SessionsDeps;
  readonly #clock: Clock;
  readonly #here = new Map<string, Here>();
  readonly #joining = new Map<string, Promise<LocalSession>>();
  readonly #disconnected: DisconnectedSessions;
  readonly #shared: SharedBySessions;
  /** Runs while there are sessions. */
  #sweeper: Timer | undefined;
  #segments = 0;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#disconnected = new DisconnectedSessions(() => this.#clock.monotonicMs());
    this.#shared = {
      clientTimeoutMs: deps.clientTimeoutMs,
      onBytes: (session) => deps.playback.joins.firstByte(session, this.#hereOf(session)?.start ?? 'warm'),
      onSegment: () => {
        this.#segments++;
      },
      onClose: (session) => {
        const here = this.#hereOf(session);
        if (here !== undefined) void this.#drop(here);
      },
      clock: this.#clock,
    };
  }

  /** The sessions that this worker serves. */
  get size(): number {
    return this.#here.size;
  }

  /** Segments sent to them since the start. */
  get segmentCount(): number {
    return this.#segments;
  }

  entry({ streamId, username }: Viewer, clientId = `client_${this.#clock.randomHex(8)}`): string {
    return issueTicket(this.#deps.sealer, streamId, { clientId, username, issuedAtMs: this.#clock.wallMs() });
  }

  async enter(
    streamId: string,
    by: SessionProof,
    viewer: () => Viewer,
    { feed } = { feed: false },
  ): Promise<HlsSession> {
    const ticket = this.#ticketOf(streamId, by);
    const { clientId, issuedAtMs } = ticket;
    this.#refuseDisconnected(streamId, ticket);
    const key = keyOf(streamId, clientId);
    const here = this.#here.get(key);
    if (here !== undefined && goesOn(here.session, feed, issuedAtMs)) {
      here.session.touch();
      return here.session;
    }
    const joining =
      this.#joining.get(key) ??
      this.#begin(as(viewer(), ticket), key, clientId, issuedAtMs, feed).finally(() => this.#joining.delete(key));
    this.#joining.set(key, joining);
    const session = await joining;
    // Another request has joined it for the provider's segments.
    if (feed && session.segments === undefined) return this.enter(streamId, by, viewer, { feed });
    session.touch();
    return session;
  }

  /**
   * Ends a session on this worker, and remembers that its player is not wanted.
   *
   * @param streamId undefined: of every stream
   * @param atMs when somebody said so; a session that began later stays
   */
  async disconnect(wantedId: string, streamId?: string, atMs = this.#clock.wallMs()): Promise<void> {
    const clientId = sessionClientId(wantedId);
    this.#disconnected.add(clientId, streamId, atMs);
    const meant = [...this.#here.values()].filter(
      ({ session: { client, wantedId: asked, issuedAtMs = 0 } }) =>
        (client.id === clientId || asked === clientId) &&
        (streamId === undefined || client.streamId === streamId) &&
        issuedAtMs <= atMs,
    );
    await Promise.all(
      meant.map(async (here) => {
        await this.#leave(here);
        const { id, streamId: of } = here.session.client;
        this.#deps.log.info({ client: id, stream: of }, 'viewer disconnected');
      }),
    );
  }

  async abandon(session: HlsSession, goesOn = false): Promise<void> {
    this.#deps.playback.joins.givenUp(session, goesOn);
    const here = this.#hereOf(session);
    if (here === undefined) return;
    await this.#leave(here);
    this.#logLeft(here.session);
  }

  async lose({ client, wantedId }: HlsSession): Promise<void> {
    await this.#lose(client.streamId, wantedId);
  }

  async #lose(streamId: string, clientId: string): Promise<void> {
    const atMs = this.#clock.wallMs();
    await this.disconnect(clientId, streamId, atMs);
    await this.#deps.registry.send({ kind: 'disconnect', clientId, streamId, atMs });
  }

  /** Undefined when this worker does not serve it any more. */
  #hereOf(session: HlsSession): Here | undefined {
    const here = this.#here.get(keyOf(session.client.streamId, session.wantedId));
    return here?.session === session ? here : undefined;
  }

  /** The registry does not have this session any more: its next request begins it anew. */
  ended({ streamId, clientId }: NamedSession): void {
    for (const here of this.#here.values()) {
      const { client } = here.session;
      if (client.streamId === streamId && client.id === clientId) void this.#drop(here);
    }
  }

  /** Other workers may go on with the sessions: none is counted out. */
  close(): void {
    for (const here of this.#here.values()) void this.#drop(here);
  }

  #ticketOf(streamId: string, by: SessionProof): Proven {
    if (!('ticket' in by)) return { clientId: sessionClientId(by.clientId) };
    const ticket = openTicket(this.#deps.sealer, streamId, by.ticket);
    if (ticket !== undefined) return ticket;
    throw this.#deps.sealer.refusal(
      'This address is not of this stream, or of another cluster. Open the playlist anew.',
    );
  }

  #refuseDisconnected(streamId: string, { clientId, issuedAtMs }: Proven): void {
    if (!this.#disconnected.has(clientId, streamId, issuedAtMs)) return;
    throw new StreampoolError(410, 'This session was disconnected. Open the playlist anew.');
  }

  async #begin(
    viewer: Viewer,
    key: string,
    clientId: string,
    issuedAtMs: number | undefined,
    feed: boolean,
  ): Promise<LocalSession> {
    try {
      return await this.#join(viewer, key, clientId, issuedAtMs, feed);
    } catch (error) {
      this.#deps.playback.joins.failed(error instanceof StreampoolError ? error.status : 500);
      throw error;
    }
  }

  async #join(
    viewer: Viewer,
    key: string,
    clientId: string,
    issuedAtMs: number | undefined,
    feed: boolean,
  ): Promise<LocalSession> {
    const { registry, playback, clientTimeoutMs, ticketTtlMs, startOf, log } = this.#deps;
    const askedMs = this.#clock.monotonicMs();
    const before = this.#here.get(key);
    if (before !== undefined) await this.#drop(before);
    playback.assertRoom();
    // An old ticket goes on with what it has begun, and begins nothing.
    const onlyLive = issuedAtMs !== undefined && this.#clock.wallMs() - issuedAtMs > ticketTtlMs;
    const wanted: SessionRequest = { timeoutMs: clientTimeoutMs, onlyLive };
    const request: JoinRequest = { client: viewer, clientId, cap: undefined, localSlots: [], session: wanted };
    const seated = feed ? await this.#seat(viewer, clientId, issuedAtMs, wanted) : undefined;
    const { client, resumed } = seated ?? joinedOrThrow(await registry.join(request));
    // The registry's text: that of the ticket would keep all of the ticket in memory.
    const wantedId = client.id === clientId ? client.id : clientId;
    const session = new LocalSession({
      shared: this.#shared,
      client,
      segments: seated?.segments,
      wantedId,
      issuedAtMs,
    });
    const start = seated?.start ?? startOf(client.streamId);
    const here: Here = { session, start, untrack: playback.track(session), leaveFeed: seated?.release };
    if (resumed !== true) playback.joins.asked(session, askedMs);
    this.#here.set(key, here);
    this.#sweeper ??= this.#clock.setInterval(() => this.#sweep(), SWEEP_MS);
    const fields = { client: client.id, stream: client.streamId };
    if (resumed === true) log.debug(fields, 'serves a session that was counted before');
    else logJoined(log, client);
    // Somebody may have disconnected it meanwhile.
    if (this.#disconnected.has(clientId, client.streamId, issuedAtMs)) {
      await this.#leave(here);
      this.#refuseDisconnected(client.streamId, { clientId, issuedAtMs });
    }
    return session;
  }

  async #seat(
    viewer: Viewer,
    clientId: string,
    openedAtMs: number | undefined,
    session: SessionRequest,
  ): Promise<SessionSeat> {
    const { registry, seating } = this.#deps;
    const stream = registry.remembered(viewer.streamId) ?? (await registry.stream(viewer.streamId));
    if (stream === undefined) throw new StreampoolError(404, 'Stream not found');
    // It outlives the request that begins it.
    const { signal } = new AbortController();
    try {
      return await seating.joinSession({ stream, viewer, clientId, signal, openedAtMs }, session);
    } catch (error) {
      if (error instanceof FilmLostError) await this.#lose(viewer.streamId, clientId);
      throw error;
    }
  }

  #sweep(): void {
    const isDraining = this.#deps.isDraining();
    for (const here of this.#here.values()) {
      const leftMs = isDraining ? this.#leftMs(here.session) : undefined;
      if (here.session.overdueMs(leftMs) > REPORTED_MS) void this.#expire(here);
    }
  }

  /** How long a draining worker waits for a session: the next request may go to another worker. */
  #leftMs({ segments, client }: LocalSession): number {
    const { clientTimeoutMs, isElsewhere, hasOthers } = this.#deps;
    if (segments === undefined)
      return isElsewhere(client.streamId) ? Math.min(LEFT_MS, clientTimeoutMs) : clientTimeoutMs;
    // It was told to close its connection. Any other worker cuts the same segments, and a player reloads each target duration.
    return hasOthers() ? Math.min(Math.max(LEFT_MS, segments.targetDurationMs), clientTimeoutMs) : clientTimeoutMs;
  }

  /** Its viewer has asked this worker for nothing for its timeout. */
  async #expire(here: Here): Promise<void> {
    const { registry, log } = this.#deps;
    const { streamId, id: clientId } = here.session.client;
    try {
      await this.#drop(here);
      const end = await registry.expire({ streamId, clientId });
      // Whichever worker counts it out says this of it, once.
      if (end === 'expired') this.#logLeft(here.session);
    } catch (error) {
      log.warn({ client: clientId, stream: streamId, err: error }, 'could not end a session; a cleanup will do it');
    }
  }

  #logLeft(session: LocalSession): void {
    const { log, hasOthers } = this.#deps;
    // Other workers may have sent it some.
    const bytes = hasOthers() ? undefined : session.bytesServed();
    logLeft(log, session.client, { bytes, atMs: this.#clock.wallMs() - session.overdueMs(0) });
  }

  async #leave(here: Here): Promise<void> {
    const { registry } = this.#deps;
    const { streamId, id: clientId, connectedAtMs } = here.session.client;
    await this.#drop(here);
    const nothing = { bytesServed: 0, segmentsServed: 0, lastAccessMs: this.#clock.wallMs() };
    await registry.leave({ streamId, clientId, connectedAtMs, ...nothing });
  }

  /** This worker has no part in it any more. */
  async #drop(here: Here): Promise<void> {
    const { session, untrack, leaveFeed } = here;
    if (this.#hereOf(session) === undefined) return;
    this.#here.delete(keyOf(session.client.streamId, session.wantedId));
    if (this.#here.size === 0) {
      this.#clock.clearInterval(this.#sweeper);
      this.#sweeper = undefined;
    }
    const report = session.report();
    untrack();
    leaveFeed?.();
    if (report !== undefined) await this.#deps.registry.report([report]);
  }
}

/** What is known of a viewer: its ticket says how it called itself at the entry. */
function as(viewer: Viewer, proven: Proven): Viewer {
  return proven.issuedAtMs === undefined ? viewer : { ...viewer, username: proven.username };
}

function keyOf(streamId: string, wantedId: string): string {
  return `${streamId} ${wantedId}`;
}

/**
 * Of a session that has been silent for too long, only the registry knows whether it lives. A feed that is over may have begun anew. One
 * that got the provider's segments gets a feed when its stream has moved to a source of another kind.
 */
function goesOn(session: LocalSession, feed: boolean, issuedAtMs: number | undefined): boolean {
  if (session.overdueMs() > 0) return false;
  if (session.segments?.isFilm === true && isOpenedAnew(session.client, issuedAtMs)) return false;
  return session.segments === undefined ? !feed : !session.segments.isOver;
}
