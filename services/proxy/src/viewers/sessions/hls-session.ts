/** The part that this worker has in an HLS session: what it has sent to the viewer, and when the viewer last asked for something. */

import type { ClientRecord, ClientReport, StreamRecord } from '../../../../registry/types.ts';
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
   * @throws {StreampoolError} 403 no ticket of this stream, or expired; 404 no such stream; 410 disconnected; 503 no room
   */
  enter(viewer: Viewer, by: SessionProof, wants?: { readonly feed: boolean }): Promise<HlsSession>;
  /** A session that got nothing: its stream does not play. */
  abandon(session: HlsSession): Promise<void>;
  /** What a session was watching is gone for good: every worker answers 410 to what its player still asks for. */
  lose(session: HlsSession): Promise<void>;
}

export interface HlsSession {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  /** What it gets; undefined when the provider's segments are passed on. */
  readonly segments: WantedSegments | undefined;
  /** Bytes have been sent. */
  count(bytes: number): void;
  countSegment(): void;
  /** It may ask for nothing for this long, or for CLIENT_TIMEOUT, if that is longer: 3 target durations; at the end, minutes. */
  endures(ms: number): void;
  /** A response is under way until the returned function is called: meanwhile it need not ask for anything. */
  sending(): () => void;
}

export interface LocalSessionDeps {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  readonly segments: WantedSegments | undefined;
  /** When its ticket was issued; undefined: it has none. */
  readonly issuedAtMs: number | undefined;
  readonly clientTimeoutMs: number;
  /** It has got a segment. */
  readonly onSegment: () => void;
  readonly clock: Clock;
}

export class LocalSession implements HlsSession {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  readonly segments: WantedSegments | undefined;
  readonly issuedAtMs: number | undefined;
  readonly #clock: Clock;
  readonly #clientTimeoutMs: number;
  readonly #onSegment: () => void;
  #timeoutMs: number;
  /** Monotonic. */
  #seenMs: number;
  #sending = 0;
  #bytes = 0;
  /** Since the last report. */
  #new = { bytes: 0, segments: 0, isSeen: true };

  constructor({ client, stream, segments, issuedAtMs, clientTimeoutMs, onSegment, clock }: LocalSessionDeps) {
    this.client = client;
    this.stream = stream;
    this.segments = segments;
    this.issuedAtMs = issuedAtMs;
    this.#clock = clock;
    this.#clientTimeoutMs = clientTimeoutMs;
    this.#onSegment = onSegment;
    this.#timeoutMs = clientTimeoutMs;
    this.#seenMs = clock.monotonicMs();
  }

  /** All that this worker has sent to it. */
  get bytesServed(): number {
    return this.#bytes;
  }

  /** It has asked for something. */
  touch(): void {
    this.#seenMs = this.#clock.monotonicMs();
    this.#new.isSeen = true;
  }

  count(bytes: number): void {
    this.#bytes += bytes;
    this.#new.bytes += bytes;
    this.touch();
  }

  countSegment(): void {
    this.#new.segments++;
    this.#onSegment();
  }

  endures(ms: number): void {
    this.#timeoutMs = Math.max(this.#clientTimeoutMs, ms);
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

  /**
   * For how long it has asked for nothing longer than it may. Negative: it still may.
   *
   * @param leftMs when it may for so long alone, because another worker takes its next request
   */
  overdueMs(leftMs = this.#timeoutMs): number {
    return this.#clock.monotonicMs() - this.#seenMs - leftMs;
  }

  /** What has come since the last report, a second ago; undefined when that is nothing. While a response is under way it is seen. */
  report(): ClientReport | undefined {
    if (this.#sending > 0) this.touch();
    const { bytes, segments, isSeen } = this.#new;
    if (!isSeen) return undefined;
    this.#new = { bytes: 0, segments: 0, isSeen: false };
    const { streamId, id: clientId, connectedAtMs } = this.client;
    const agoMs = this.#clock.monotonicMs() - this.#seenMs;
    return {
      ...{ streamId, clientId, connectedAtMs, bytesServed: bytes, segmentsServed: segments },
      lastAccessMs: this.#clock.wallMs() - agoMs,
      seen: { atMs: this.#seenMs, timeoutMs: this.#timeoutMs },
    };
  }
}
