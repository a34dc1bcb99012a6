/** Connections for one direct stream: each is opened for one viewer, and is over when the provider has seen it closed. */

import { StreampoolError } from '../../errors.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import { readerOf } from '../http/answer-reader.ts';
import { answeredMedia } from '../http/answered-media.ts';
import { openUpstream, requireSuccess } from '../http/open-upstream.ts';
import type { SourceMemories } from '../http/source-memory.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import { parseContentRange, writtenOut } from '../messages/byte-range.ts';
import type { AccountWatch } from '../provider/provider-connections.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import type { AnsweredSource, DirectSettings } from './transfer.ts';

export interface DirectConnectionsDeps {
  readonly settings: DirectSettings;
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  /** The connections to a source's account. */
  readonly account?: ((address: SourceAddress) => AccountWatch) | undefined;
  /** Of the viewer's request. */
  readonly via?: string | undefined;
}

/** One request to a source. */
export interface DirectAsk {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  /** How long each step may take, if that is less than the settings allow. */
  readonly tryMs?: number | undefined;
  /** Ends it, and the connection. */
  readonly signal: AbortSignal;
}

/** The source is a playlist or a manifest, whatever its name says: its viewers are sent to where it plays. */
export class IsListedError extends StreampoolError {
  readonly kind: 'hls' | 'dash';
  readonly url: string;

  /** @param url of the source */
  constructor(kind: 'hls' | 'dash', url: string) {
    super(502, MESSAGES[kind]);
    this.kind = kind;
    this.url = url;
  }
}

const MESSAGES = {
  hls: 'The source is an HLS playlist, which one response cannot play.',
  dash: 'The source is a manifest of DASH, which one response cannot play.',
} as const;

/** The viewer has asked for a part that the file does not have. */
export class NoSuchRangeError extends StreampoolError {
  /** What the provider says of the size, in the form of `Content-Range`. */
  readonly contentRange: string | undefined;

  constructor(contentRange: string | undefined) {
    super(416, 'The requested range lies outside the file.');
    this.contentRange = contentRange;
  }
}

export class DirectConnections {
  readonly #deps: DirectConnectionsDeps;
  readonly #open = new Set<Promise<void>>();

  constructor(deps: DirectConnectionsDeps) {
    this.#deps = deps;
  }

  /** Resolves when each connection is closed. */
  async closed(): Promise<void> {
    await Promise.all(this.#open);
  }

  /**
   * Opens a source, and makes sure that it sends media.
   * @throws {SourceError} when it does not
   * @throws {NoSuchRangeError} when the file does not have the range
   * @throws {IsListedError} for a playlist or a manifest
   */
  async open(address: SourceAddress, ask: DirectAsk): Promise<AnsweredSource> {
    const { settings } = this.#deps;
    const { range, tryMs = Number.POSITIVE_INFINITY } = ask;
    const askedMs = performance.now();
    const response = await this.fetch(address, 'GET', ask);
    if (response.status === 416) {
      const other = writtenOut(range, response.headers['content-range']);
      if (other === undefined) refuseRange(response);
      response.body.destroy();
      await response.closed;
      return this.open(address, { ...ask, range: other });
    }
    requireSuccess(response);
    // A part from the middle of a file may look like anything.
    if ((parseContentRange(response.headers['content-range'])?.start ?? 0) > 0) {
      const openedMs = performance.now() - askedMs;
      return { address, response, reader: readerOf(response), kind: 'finite', openedMs };
    }
    const firstBytesMs = Math.min(settings.liveChunkTimeoutMs, tryMs);
    const { kind, reader } = await answeredMedia(response, address, firstBytesMs);
    if (kind.kind === 'hls' || kind.kind === 'dash') {
      reader.close();
      throw new IsListedError(kind.kind, address.url);
    }
    return { address, response, reader, kind: kind.kind, openedMs: performance.now() - askedMs };
  }

  /** Every status is an answer. */
  async fetch(address: SourceAddress, method: 'GET' | 'HEAD', ask: DirectAsk): Promise<UpstreamResponse> {
    const { settings, guard, memories, account, via } = this.#deps;
    const { range, ifRange, signal, tryMs = Number.POSITIVE_INFINITY } = ask;
    const response = await openUpstream({
      ...address,
      method,
      range,
      ifRange,
      via,
      guard,
      memory: memories.of(address),
      account: account?.(address),
      connectTimeoutMs: Math.min(settings.connectTimeoutMs, tryMs),
      headersTimeoutMs: Math.min(settings.readTimeoutMs, tryMs),
      signal,
    });
    const closed = response.closed.finally(() => this.#open.delete(closed));
    this.#open.add(closed);
    return response;
  }
}

/** @throws {NoSuchRangeError} */
export function refuseRange(response: UpstreamResponse): never {
  response.body.destroy();
  throw new NoSuchRangeError(response.headers['content-range']);
}
