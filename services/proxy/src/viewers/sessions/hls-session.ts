/** The part that this worker has in an HLS session: what it has sent to the viewer, and when the viewer last asked for something. */

import type { ClientRecord, ClientReport } from '../../../../registry/types.ts';
import type { Clock } from '../../../../shared/clock.ts';
import type { WantedSegments } from '../../segments/feed-hls.ts';
import type { Viewer } from '../seating.ts';

/** A viewer of a film may pause. After EXT-X-ENDLIST players buffer minutes before they ask again. */
export const FILM_ENDURES_MS = 120_000;

/** Who asks for a playlist or a segment: the ticket in its address, or m3u-proxy's bare client id. */
export type SessionProof = { readonly ticket: string } | { readonly clientId: string };

/** The HLS viewers of this worker, as routes use them. */
export interface HlsSessions {
  /** A ticket for a player that opens a stream. Counts nobody: players open it twice. @param clientId drawn when undefined */
  entry(viewer: Viewer, clientId: string | undefined): string;
  /**
   * The session that asks for a media playlist or a segment. The first time it is counted in; later this is a look into a map.
   *
   * @param viewer called when it has to be counted in
   * @throws {StreampoolError} 403 no ticket of this stream, or expired; 404 no such stream; 410 disconnected; 503 no room
   */
  enter(
    streamId: string,
    by: SessionProof,
    viewer: () => Viewer,
    wants?: { readonly feed: boolean },
  ): Promise<HlsSession>;
  /** A session that got nothing: its stream does not play. @param goesOn its viewer begins another one at once */
  abandon(session: HlsSession, goesOn?: boolean): Promise<void>;
  /** What a session was watching is gone for good: every worker answers 410 to what its player still asks for. */
  lose(session: HlsSession): Promise<void>;
}

export interface HlsSession {
  readonly client: ClientRecord;
  /** The client id that its player wants. */
  readonly wantedId: string;
  /** What it gets; undefined when the provider's segments are passed on. */
  readonly segments: WantedSegments | undefined;
  /** Bytes have been sent. */
  count(bytes: number): void;
  countSegment(): void;
  /** It may ask for nothing for this long, or for CLIENT_TIMEOUT, if that is longer: 3 target durations; at the end, minutes. */
  endures(ms: number): void;
  /** For how long it may take nothing in the middle of a segment, because its player may pause there; 0: that is no pause. */
  readonly pausesMs: number;
  /** A response is under way until the returned function is called: meanwhile it need not ask for anything. */
  sending(): () => void;
}

/** What the sessions of a worker have in common: there may be thousands, so each has one reference to it. */
export interface SharedBySessions {
  readonly clientTimeoutMs: number;
  /** One of them is about to get bytes. */
  readonly onBytes: (session: LocalSession) => void;
  /** One of them has got a segment. */
  readonly onSegment: () => void;
  /** One of them is to be served no longer. */
  readonly onClose: (session: LocalSession) => void;
  readonly clock: Clock;
}

export interface LocalSessionDeps extends Pick<HlsSession, 'client' | 'wantedId' | 'segments'> {
  readonly shared: SharedBySessions;
  /** When its ticket was issued; undefined: it has none. */
  readonly issuedAtMs: number | undefined;
}

export class LocalSession implements HlsSession {
  readonly client: ClientRecord;
  readonly segments: WantedSegments | undefined;
  readonly wantedId: string;
  readonly issuedAtMs: number | undefined;
  readonly #shared: SharedBySessions;
  #timeoutMs: number;
  #mayPause = false;
  /** Monotonic. */
  #seenMs: number;
  #sending = 0;
  #bytes = 0;
  /** Since the last report. */
  #newBytes = 0;
  #newSegments = 0;
  #isSeen = true;

  constructor({ shared, client, segments, wantedId, issuedAtMs }: LocalSessionDeps) {
    this.client = client;
    this.segments = segments;
    this.wantedId = wantedId;
    this.issuedAtMs = issuedAtMs;
    this.#shared = shared;
    this.#timeoutMs = shared.clientTimeoutMs;
    this.#seenMs = shared.clock.monotonicMs();
  }

  /** All that this worker has sent to it. */
  bytesServed(): number {
    return this.#bytes;
  }

  /** It has asked for something. */
  touch(): void {
    this.#seenMs = this.#shared.clock.monotonicMs();
    this.#isSeen = true;
  }

  /** Whether it reads no feed that has an owner. */
  get isUnfed(): boolean {
    return this.segments === undefined || this.segments.isFilm === true;
  }

  count(bytes: number): void {
    if (this.#bytes === 0) this.#shared.onBytes(this);
    this.#bytes += bytes;
    this.#newBytes += bytes;
    this.touch();
  }

  countSegment(): void {
    this.#newSegments++;
    this.#shared.onSegment();
  }

  get pausesMs(): number {
    return this.#mayPause || this.segments?.isFilm === true ? FILM_ENDURES_MS : 0;
  }

  endures(ms: number): void {
    this.#mayPause = ms >= FILM_ENDURES_MS;
    this.#timeoutMs = Math.max(this.#shared.clientTimeoutMs, ms);
    this.touch();
  }

  sending(): () => void {
    this.#sending++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#sending--;
      this.touch();
    };
  }

  /** This worker serves it no longer. */
  close(): void {
    this.#shared.onClose(this);
  }

  /**
   * For how long it has asked for nothing longer than it may. Negative: it still may.
   *
   * @param leftMs when it may for so long alone, because another worker takes its next request
   */
  overdueMs(leftMs = this.#timeoutMs): number {
    return this.#shared.clock.monotonicMs() - this.#seenMs - leftMs;
  }

  /** What has come since the last report, a second ago; undefined when that is nothing. While a response is under way it is seen. */
  report(): ClientReport | undefined {
    if (this.#sending > 0) this.touch();
    if (!this.#isSeen) return undefined;
    const { streamId, id: clientId, connectedAtMs } = this.client;
    const { clock } = this.#shared;
    const agoMs = clock.monotonicMs() - this.#seenMs;
    const report = {
      ...{ streamId, clientId, connectedAtMs, bytesServed: this.#newBytes, segmentsServed: this.#newSegments },
      lastAccessMs: clock.wallMs() - agoMs,
      seen: { atMs: this.#seenMs, timeoutMs: this.#timeoutMs },
    };
    this.#newBytes = 0;
    this.#newSegments = 0;
    this.#isSeen = false;
    return report;
  }
}
