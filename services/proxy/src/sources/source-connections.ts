/**
 * The connections of a source feed to its provider: the one that is read, and one that is opened before it is needed, for a handover
 * or for a change of source. A provider counts both, so each takes a place of its own.
 */

import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { SourceError } from '../errors.ts';
import { Preparation } from '../ownership/preparation.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { StagedSource } from '../upstream/failover/staged-source.ts';
import { type AnsweredMedia, answeredMedia } from '../upstream/http/answered-media.ts';
import type { Hop } from '../upstream/http/hop.ts';
import { openUpstream, requireSuccess } from '../upstream/http/open-upstream.ts';
import type { SourceMemories } from '../upstream/http/source-memory.ts';
import type { OpenPipe } from '../upstream/http/upstream-request.ts';
import type { BodyReader } from '../upstream/messages/body-reader.ts';
import { type AccountWatch, mayBeConnectionLimit } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';

export interface SourceConnectionsDeps {
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  readonly account: AccountWatch;
  readonly settings: {
    readonly connectTimeoutMs: number;
    /** Time until the response headers. */
    readonly readTimeoutMs: number;
    /** Time until the next bytes, also the first ones. */
    readonly liveChunkTimeoutMs: number;
  };
  /**
   * Takes one of the connections that the provider allows. Call the returned function when the connection is closed.
   * @throws {StreampoolError} 503 at the limit
   */
  readonly takeConnection: (signal: AbortSignal) => Promise<() => void>;
  readonly clock: Clock;
  /** See `UpstreamRequest`. */
  readonly hop?: Hop | undefined;
  /** See `UpstreamRequest`. */
  readonly openPipe?: OpenPipe | undefined;
  readonly log: Logger;
}

/** The source is no live MPEG-TS, and FFmpeg may open it. */
export class OtherKindError extends SourceError {
  constructor() {
    super('not_media', 'The source is no longer live MPEG-TS.');
  }
}

/** A connection that can be read now. */
export interface OpenedConnection extends AnsweredMedia {
  /** How long it took from the request to the first bytes, in ms; undefined for one that waited for its handover. */
  readonly openedMs: number | undefined;
  /** What came while it waited for the handover; undefined for a new connection. */
  readonly prepared: { readonly chunks: readonly Buffer[]; readonly repeats: boolean } | undefined;
}

interface PreparedSource {
  readonly source: StagedSource;
  /** Frees its place at the provider. */
  readonly disconnect: () => void;
}

/** How long a prepared connection waits for its handover. */
const PREPARED_MS = 10_000;

export class SourceConnections {
  readonly #address: SourceAddress;
  readonly #deps: SourceConnectionsDeps;
  readonly #signal: AbortSignal;
  readonly #hasSent: (content: number) => boolean;
  readonly #prepared: Preparation<PreparedSource>;
  /** Ends the opening of the prepared connection, and that connection until it is taken. */
  #staging: AbortController | undefined;
  #reader: BodyReader | undefined;
  /** Resolves when the connection that was read last is closed. */
  #closed: Promise<void> | undefined;
  /** Frees the place of the connection that is read. */
  #disconnect: (() => void) | undefined;

  /**
   * @param hasSent whether a keyframe with this content, in the form of `contentOf`, is in the feed
   * @param signal ends what is being opened
   */
  constructor(
    address: SourceAddress,
    deps: SourceConnectionsDeps,
    hasSent: (content: number) => boolean,
    signal: AbortSignal,
  ) {
    this.#address = address;
    this.#deps = deps;
    this.#hasSent = hasSent;
    this.#signal = signal;
    const close = ({ source, disconnect }: PreparedSource) => {
      source.close();
      disconnect();
    };
    this.#prepared = new Preparation(() => this.#stage(), close, deps.clock);
  }

  /**
   * Opens a connection beside the owner's, and waits until a keyframe of it has also come over the relay.
   * @returns false when this worker cannot read the source. A provider that allows no second connection is no reason.
   */
  async prepare(): Promise<boolean> {
    try {
      const { source } = await this.#prepared.ready();
      await source.overlap(this.#hasSent, this.#signal);
    } catch (error) {
      this.dropPrepared();
      this.#deps.log.info({ err: error }, 'could not open a second connection to the source for a handover');
      return mayBeConnectionLimit(error);
    }
    this.#prepared.keepFor(PREPARED_MS);
    return true;
  }

  /**
   * Opens a connection that `open` returns, and waits until a viewer could begin with it.
   * @throws {SourceError} when that takes longer than `timeoutMs`, or cannot be opened
   * @throws {StreampoolError} 503 at the provider's limit
   */
  async stage(timeoutMs: number): Promise<void> {
    const { source } = await this.#prepared.ready();
    await source.begun(timeoutMs, this.#signal);
  }

  dropPrepared(): void {
    this.#prepared.drop();
    this.#staging?.abort();
  }

  /**
   * The prepared connection, or a new one. `close` it before the next.
   * @param signal ends the opening
   * @param tryMs how long each step may take, if that is less than the settings allow
   */
  async open(signal: AbortSignal, tryMs?: number): Promise<OpenedConnection> {
    const prepared = await this.#prepared.take();
    if (prepared !== undefined) {
      this.#staging = undefined;
      this.letGo();
      this.#disconnect = prepared.disconnect;
      const { staged, reader } = await prepared.source.take();
      this.#reader = reader;
      const repeats = prepared.source.repeats(this.#hasSent);
      return { kind: { kind: 'mpegts' }, reader, prepared: { chunks: staged, repeats }, openedMs: undefined };
    }
    this.#disconnect ??= await this.#deps.takeConnection(signal);
    // A provider counts the last connection until it is closed.
    await this.#closed;
    const { clock } = this.#deps;
    const askedMs = clock.monotonicMs();
    const { kind, reader, closed } = await this.#connect(signal, tryMs);
    this.#reader = reader;
    this.#closed = closed;
    return { kind, reader, prepared: undefined, openedMs: clock.monotonicMs() - askedMs };
  }

  /** Closes the connection that is read. Its place stays taken, for the next one. */
  close(): void {
    this.#reader?.close();
    this.#reader = undefined;
  }

  /** Frees the place at the provider: this worker does not read the source any more. */
  letGo(): void {
    this.#disconnect?.();
    this.#disconnect = undefined;
  }

  /** A connection of this worker beside the owner's. */
  async #stage(): Promise<PreparedSource> {
    this.#staging = new AbortController();
    const signal = AbortSignal.any([this.#signal, this.#staging.signal]);
    const { takeConnection, settings, clock } = this.#deps;
    const disconnect = await takeConnection(signal);
    try {
      const { kind, reader } = await this.#connect(signal);
      if (kind.kind === 'mpegts') {
        return { source: new StagedSource(reader, settings.liveChunkTimeoutMs, clock), disconnect };
      }
      reader.close();
      throw new OtherKindError();
    } catch (error) {
      disconnect();
      throw error;
    }
  }

  /** @throws {SourceError} when the source does not answer, or answers with something other than media */
  async #connect(
    signal: AbortSignal,
    tryMs = Number.POSITIVE_INFINITY,
  ): Promise<AnsweredMedia & { readonly closed: Promise<void> }> {
    const { guard, memories, account, settings, clock, hop, openPipe } = this.#deps;
    const response = await openUpstream({
      ...this.#address,
      signal,
      connectTimeoutMs: Math.min(settings.connectTimeoutMs, tryMs),
      headersTimeoutMs: Math.min(settings.readTimeoutMs, tryMs),
      guard,
      account,
      clock,
      hop,
      openPipe,
      memory: memories.of(this.#address),
    });
    const firstBytesMs = Math.min(settings.liveChunkTimeoutMs, tryMs);
    const media = await answeredMedia(requireSuccess(response), this.#address, firstBytesMs, clock);
    return { ...media, closed: response.closed };
  }
}
