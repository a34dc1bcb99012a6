/** Serves one viewer: takes a seat, streams its bytes into an HTTP response, and frees the seat when either side ends. */

import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { clientReport } from '../../../registry/client-report.ts';
import type { EventTeller, Members, Viewers } from '../../../registry/registry.ts';
import type {
  ClientConnection,
  ClientRecord,
  ClientReport,
  EarlierConnection,
  RenamedClient,
  StreamRecord,
} from '../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';
import { LimitError } from '../errors.ts';
import { Cursor, type CursorSink } from '../feed/cursor.ts';
import { type Container, contentTypeOf } from '../ffmpeg/arguments/container.ts';
import { ReplyWriter } from '../upstream/messages/reply-writer.ts';
import { StallLimit } from '../upstream/messages/stall-limit.ts';
import { Visit } from '../visit.ts';
import { Joins } from './joins.ts';
import type { Seat, Seating, SeatRequest, Viewer } from './seating.ts';
import { type UnfedStream, UnfedStreams } from './unfed-streams.ts';
import { logJoined, logLeft } from './viewer-log.ts';

export interface PlaybackDeps {
  readonly seating: Seating;
  readonly registry: Viewers & Members & EventTeller;
  readonly workerId: string;
  readonly clientStallTimeoutMs: number;
  /** The same limit, once the player has opened another connection. */
  readonly clientTimeoutMs: number;
  readonly maxClients: number;
  /** Unset: the system's. */
  readonly clock?: Clock;
  readonly log: Logger;
}

/** Headers of every media response; players must not cache live media. */
export const LIVE_HEADERS = {
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  Pragma: 'no-cache',
  Expires: '0',
  'Accept-Ranges': 'none',
} as const;

interface Session {
  readonly client: ClientRecord;
  /** The client id that it requested; every connection of its player requests the same. */
  readonly wantedId: string;
  /** Unset: it has no connection of its own. */
  readonly stall?: StallLimit;
  /** It reads no feed that has an owner. */
  readonly isUnfed?: boolean;
  bytesServed(): number;
  /** How often it fell out of the ring; unset: it reads none. */
  skips?(): number;
  /** What it has got, if that is not simply its bytes until now; undefined: nothing new. */
  report?(): ClientReport | undefined;
  close(): void;
}

/** One viewer while its media is sent. */
interface Playing {
  readonly visit: Visit;
  /** The client id that it requested. */
  readonly wantedId: string;
  readonly response: ServerResponse;
}

/** How long a response that is ending may take to send what it still has. */
const CLOSE_TIMEOUT_MS = 1_000;
const CLOSE_POLL_MS = 20;
/** How often the bytes sent to viewers are written to the registry. */
const REPORT_INTERVAL_MS = 1_000;

export class Playback {
  readonly #deps: PlaybackDeps;
  readonly #sessions = new Set<Session>();
  readonly #cursors = new Set<Cursor>();
  /** Viewers whose media has not begun yet. */
  #waiting = 0;
  readonly #clock: Clock;
  readonly #reporter: Timer;
  readonly joins: Joins;
  readonly #unfed = new UnfedStreams();
  #skips = 0;
  #skippedMs = 0;
  #stalls = 0;
  #failures = 0;
  /** Bytes sent to viewers that have left. */
  #servedBefore = 0;

  constructor(deps: PlaybackDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.joins = new Joins(this.#clock);
    this.#reporter = this.#clock.setInterval(() => void this.#report(), REPORT_INTERVAL_MS);
  }

  get clientCount(): number {
    return this.#sessions.size + this.#waiting;
  }

  /** Since the start: how often a viewer fell out of its ring, and how many viewers were dropped because they stopped reading. */
  get losses(): { skips: number; stalls: number } {
    let skips = this.#skips;
    for (const { stats } of this.#cursors) skips += stats.skips;
    return { skips, stalls: this.#stalls };
  }

  /** Media that viewers have skipped since the start, in ms. */
  get skippedMs(): number {
    let ms = this.#skippedMs;
    for (const { stats } of this.#cursors) ms += stats.skippedMs;
    return ms;
  }

  /** Bytes sent to viewers since the start, including those of direct streams. */
  get egressBytes(): number {
    let bytes = this.#servedBefore;
    for (const session of this.#sessions) bytes += session.bytesServed();
    return bytes;
  }

  /** Viewers whose stream did not play or failed while they watched; since the start. */
  get failures(): number {
    return this.#failures;
  }

  get unfedStreams(): UnfedStream[] {
    return this.#unfed.all;
  }

  countFailure(): void {
    this.#failures++;
  }

  /** The viewers of now, each session of HLS once in the cluster, and what they watch. */
  get counted(): { readonly viewers: number; readonly streamIds: ReadonlySet<string> } {
    const streamIds = new Set<string>();
    let viewers = 0;
    for (const { client } of this.#sessions) {
      if (client.session === true && client.workerId !== this.#deps.workerId) continue;
      viewers++;
      streamIds.add(client.streamId);
    }
    return { viewers, streamIds };
  }

  /**
   * Streams a transcoded stream into `response` until one side ends. Writes nothing before there is media.
   *
   * @throws {StreampoolError} before the first byte, with the reason why the stream does not play
   */
  async serve(
    stream: StreamRecord,
    viewer: Viewer,
    clientId: string,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const visit = new Visit(response, this.#deps.log);
    // It may have left while the worker looked for the stream.
    if (visit.isOver) return;
    this.assertRoom();
    let served = () => 0;
    const joining = this.#join({ stream, viewer, clientId, signal: visit.signal });
    const seat = await visit.take(joining, (taken) => taken.leave(served()));
    void this.supersede(seat, clientId);
    response.writeHead(200, {
      ...headers,
      ...LIVE_HEADERS,
      'Content-Type': contentTypeOf((seat.stream.profile?.container ?? 'mpegts') as Container),
    });
    const playing: Playing = { visit, wantedId: clientId, response };
    if (seat.kind === 'finite') {
      const film = this.#serveFinite(seat, seat.process.output, playing);
      served = film.bytesServed;
      await film.over;
    } else {
      served = this.#serveShared(seat, playing);
    }
  }

  /** @throws {StreampoolError} 503 when the worker has its maximum of viewers */
  assertRoom(): void {
    const { maxClients } = this.#deps;
    if (maxClients === 0 || this.clientCount < maxClients) return;
    const message = `This worker serves ${maxClients} viewers (MAX_CLIENTS) and takes no more. Try again later.`;
    throw new LimitError('clients', message, { retryAfterSeconds: 10 });
  }

  /** Ends a client's response, of one stream or of any. False when this worker does not serve it. */
  disconnect(clientId: string, streamId?: string): boolean {
    const sessions = [...this.#sessions].filter(
      ({ client }) => client.id === clientId && (streamId === undefined || client.streamId === streamId),
    );
    for (const session of sessions) session.close();
    return sessions.length > 0;
  }

  /** A client has another id in the registry from now on. */
  rename({ streamId, clientId, connectedAtMs, newId }: RenamedClient): void {
    for (const { client } of this.#sessions) {
      const isMeant = client.streamId === streamId && client.id === clientId && client.connectedAtMs === connectedAtMs;
      if (isMeant) client.id = newId;
    }
  }

  /**
   * A player has opened a connection, and may have left its earlier ones half dead. On every worker, those get CLIENT_TIMEOUT to
   * read something. The ones that read stay: they are real viewers.
   *
   * @param wantedId the client id that all of these connections requested
   */
  async supersede(
    { client, earlier }: { readonly client: ClientRecord; readonly earlier: readonly EarlierConnection[] },
    wantedId: string,
  ): Promise<void> {
    const { registry, workerId, clientTimeoutMs, log } = this.#deps;
    for (const session of this.#sessions) {
      const isOther = session.client.id !== client.id || session.client.connectedAtMs !== client.connectedAtMs;
      if (isOther && session.wantedId === wantedId && session.client.streamId === client.streamId) {
        session.stall?.lowerTo(clientTimeoutMs);
      }
    }
    const elsewhere = earlier.filter((each) => each.workerId !== workerId);
    try {
      for (const { workerId: at, ...connection } of elsewhere) {
        await registry.send({ kind: 'superseded', ...connection }, at);
      }
    } catch (error) {
      log.warn(
        { client: client.id, stream: client.streamId, err: error },
        'could not report the new connection to the workers of the older ones',
      );
    }
  }

  /** Another worker reports that the same player has a newer connection. */
  hurry({ streamId, clientId, connectedAtMs }: ClientConnection): void {
    for (const { client, stall } of this.#sessions) {
      const isMeant = client.id === clientId && client.streamId === streamId && client.connectedAtMs === connectedAtMs;
      if (isMeant) stall?.lowerTo(this.#deps.clientTimeoutMs);
    }
  }

  /** Ends every response of a stream, except those of clients that joined after it was created anew. */
  disconnectStream(streamId: string, counted: readonly ClientRecord[] = []): void {
    for (const session of this.#sessions) {
      const { client } = session;
      const stays = counted.some(({ id, connectedAtMs }) => id === client.id && connectedAtMs === client.connectedAtMs);
      if (client.streamId === streamId && !stays) session.close();
    }
  }

  /** Ends every response; resolves when all are over. */
  async close(): Promise<void> {
    this.#clock.clearInterval(this.#reporter);
    for (const session of this.#sessions) session.close();
    const untilMs = this.#clock.monotonicMs() + 2 * CLOSE_TIMEOUT_MS;
    while (this.#sessions.size > 0 && this.#clock.monotonicMs() < untilMs) await pauseBy(this.#clock, CLOSE_POLL_MS);
  }

  /** Counts a response that is served elsewhere (a direct stream) as a session. Call the returned function when it ends. */
  track(session: Session): () => void {
    this.#sessions.add(session);
    if (session.isUnfed === true) this.#unfed.add(session);
    return () => {
      if (!this.#sessions.delete(session)) return;
      this.#servedBefore += session.bytesServed();
      this.#unfed.remove(session);
    };
  }

  async #join(request: SeatRequest): Promise<Seat> {
    this.#waiting++;
    try {
      return await this.#deps.seating.join(request);
    } finally {
      this.#waiting--;
    }
  }

  /** @returns how many bytes it has sent so far */
  #serveShared({ client, feed, entry, start }: Seat & { kind: 'shared' }, playing: Playing): () => number {
    const { visit, wantedId, response } = playing;
    const stall = new StallLimit(this.#deps.clientStallTimeoutMs);
    const sink: CursorSink = {
      write: (bytes, done) => void response.write(bytes, done),
      finished: (end) => {
        if (end.kind === 'failed') {
          this.countFailure();
          response.destroy();
        } else {
          response.end();
        }
      },
      dropped: (reason) => {
        this.#noteDropped(client, reason, stall);
        response.destroy();
      },
    };
    const cursor = new Cursor(feed, entry, sink, () => stall.ms);
    // It writes what there is at once.
    this.joins.firstByte(response, start);
    this.#cursors.add(cursor);
    logJoined(this.#deps.log, client);
    let closing: Timer | undefined;
    const untrack = this.track({
      client,
      wantedId,
      stall,
      bytesServed: () => cursor.stats.bytes,
      skips: () => cursor.stats.skips,
      close: () => {
        // Published media is whole units, so the response ends properly for a viewer that reads it soon.
        cursor.limitTo(feed.published);
        closing ??= this.#clock.setTimeout(() => response.destroy(), CLOSE_TIMEOUT_MS);
      },
    });
    visit.holds(() => {
      this.#clock.clearTimeout(closing);
      cursor.close();
      this.#cursors.delete(cursor);
      untrack();
      this.#skips += cursor.stats.skips;
      this.#skippedMs += cursor.stats.skippedMs;
      logLeft(this.#deps.log, client, { ...cursor.stats, atMs: this.#clock.wallMs() });
    });
    return () => cursor.stats.bytes;
  }

  #serveFinite({ client }: Seat, output: Readable, { visit, wantedId, response }: Playing) {
    // A viewer may pause a film for as long as it likes, unless its player has opened a newer connection.
    const stall = new StallLimit(0);
    let served = 0;
    const bytesServed = () => served;
    const close = () => response.destroy();
    visit.holds(this.track({ client, wantedId, stall, isUnfed: true, bytesServed, close }));
    visit.holds(() => void output.destroy());
    logJoined(this.#deps.log, client);
    visit.holds(() => logLeft(this.#deps.log, client, { bytes: served, atMs: this.#clock.wallMs() }));
    const writer = new ReplyWriter(response, stall);
    const onStall = (): false => {
      this.#noteDropped(client, 'stalled', stall);
      return false;
    };
    const pump = async () => {
      try {
        for await (const chunk of output) {
          if (served === 0) this.joins.firstByte(response, 'cold');
          served += (chunk as Buffer).length;
          if (!(await writer.write(chunk as Buffer, onStall))) break;
        }
        response.end();
      } catch {
        // The viewer left, or FFmpeg stopped; FFmpeg's log says why.
        response.destroy();
      }
      await visit.end();
    };
    return { bytesServed, over: pump() };
  }

  #noteDropped(client: ClientRecord, reason: string, { ms }: StallLimit): void {
    this.#stalls++;
    const fields = { client: client.id, stream: client.streamId, reason, stallLimitMs: ms };
    this.#deps.log.warn(fields, 'a viewer was dropped');
    const { workerId, id, slot } = client;
    const data = { worker_id: workerId, client_id: id, slot, stalled_ms: ms, reason };
    this.#deps.registry.tellEvent({ type: 'client_stalled', streamId: client.streamId, data });
  }

  async #report(): Promise<void> {
    const lastAccessMs = this.#clock.wallMs();
    const reports = [...this.#sessions].flatMap((session) =>
      session.report === undefined
        ? clientReport(session.client, session.bytesServed(), lastAccessMs, session.skips?.())
        : (session.report() ?? []),
    );
    if (reports.length > 0) await this.#deps.registry.report(reports);
  }
}
