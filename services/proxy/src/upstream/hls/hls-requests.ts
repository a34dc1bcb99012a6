/** Requests to a provider of HLS or DASH: playlists and media, each through the guard, and only so many at a time. */

import { maskUrl, secretsOf } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import { readerOf } from '../http/answer-reader.ts';
import { KeptConnections, type SourceConnections } from '../http/kept-connections.ts';
import { openUpstream, requireSuccess } from '../http/open-upstream.ts';
import type { SourceMemories } from '../http/source-memory.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import { isPlaylist } from '../playlists/hls-rewrite.ts';
import { readPlaylistText } from '../playlists/playlist-body.ts';
import { type AccountWatch, accountOf } from '../provider/provider-connections.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import { FIRST_BYTES_WANTED, isManifest, kindOfResponse } from '../provider/source-kind.ts';
import type { HlsAsk, HlsUpstream, PlaylistText } from './hls-upstream.ts';
import { RequestTurns } from './request-turns.ts';
import type { Media } from './shared-media.ts';

export interface HlsRequestsDeps {
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  readonly settings: {
    readonly connectTimeoutMs: number;
    /** From the request to the head of its answer; also for all of a playlist. */
    readonly readTimeoutMs: number;
    /** How long a source may send nothing. */
    readonly liveChunkTimeoutMs: number;
    /** SOURCE_MAX_CONNECTIONS */
    readonly sourceMaxConnections: number;
  };
}

/** What goes with every request to a source. */
export interface HlsProviderOptions {
  /** Its credentials, headers and user agent. */
  readonly source: SourceAddress;
  /** Its first request may have to wait for a connection that the provider still counts. */
  readonly account?: AccountWatch | undefined;
  /** Ends what is under way, and closes its connections. */
  readonly signal?: AbortSignal | undefined;
  /** How long a connection stays open without a request, in ms. Unset: each request has its own. */
  readonly keptMs?: (() => number) | undefined;
}

/** A source, asked directly. */
export interface ProviderHls extends HlsUpstream {
  /** A request to the provider has not ended. */
  readonly isBusy: boolean;
  /** Closes the connections that no request uses. */
  rest(): Promise<void>;
}

interface Asking extends Omit<HlsProviderOptions, 'keptMs'> {
  readonly connections: SourceConnections | undefined;
  /** Called when a request begins. What it returns is called when that has ended. */
  readonly begins: () => () => void;
}

const NO_SUCH_RANGE = 416;
/** As browsers have it. */
const PER_SERVER = 6;
const MAX_REDIRECTS = 5;
/** Enough to recognise a playlist after a byte order mark and a few blank lines. */
const PEEK_BYTES = 32;

export class HlsRequests {
  readonly #deps: HlsRequestsDeps;
  readonly #turns: RequestTurns;
  readonly #kept = new KeptConnections(PER_SERVER);
  #count = 0;

  constructor(deps: HlsRequestsDeps) {
    this.#deps = deps;
    this.#turns = new RequestTurns(deps.settings.sourceMaxConnections === 1 ? 1 : PER_SERVER);
  }

  /** Requests to providers so far. */
  get count(): number {
    return this.#count;
  }

  of({ source, account, signal, keptMs }: HlsProviderOptions): ProviderHls {
    const { isSingle } = this;
    const connections = signal && keptMs && this.#kept.of({ isSingle, keptMs, signal });
    let running = 0;
    const begins = () => {
      running += 1;
      return () => {
        running -= 1;
      };
    };
    const asking = { source, signal, connections, begins };
    let first = account;
    return {
      isSingle,
      playlist: async (ask) => {
        const found = await this.#playlist(ask, { ...asking, account: first });
        first = undefined;
        return found;
      },
      media: (ask) => this.#media(ask, asking),
      get isBusy() {
        return running > 0;
      },
      rest: async () => connections?.rest(),
    };
  }

  /** SOURCE_MAX_CONNECTIONS is 1. */
  get isSingle(): boolean {
    return this.#deps.settings.sourceMaxConnections === 1;
  }

  async #playlist(ask: HlsAsk, options: Asking): Promise<PlaylistText> {
    const { liveChunkTimeoutMs: stallMs, readTimeoutMs } = this.#deps.settings;
    const { response, reader, end } = await this.#open(ask, options, true);
    const late = new SourceError(
      'timeout',
      `The playlist ${maskUrl(ask.url)} took longer than ${readTimeoutMs / 1000} s.`,
    );
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      reader.close();
    }, readTimeoutMs);
    try {
      const first = await reader.peek(FIRST_BYTES_WANTED, stallMs);
      const isWanted = ask.form === 'dash' ? isManifest(first) : isPlaylist(first);
      if (!isWanted) throw notPlaylist(response, first, secretsOf(ask.url, options.source.headers), ask);
      return { text: await readPlaylistText(reader, stallMs), url: response.url, ageMs: 0 };
    } catch (error) {
      throw isLate ? late : error;
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  async #media(ask: HlsAsk, options: Asking): Promise<Media> {
    const { liveChunkTimeoutMs: stallMs } = this.#deps.settings;
    const { response, reader, end } = await this.#open(ask, options, false);
    try {
      // What it says of the length of the file is what the player needs then.
      if (response.status !== NO_SUCH_RANGE) requireSuccess(response);
      const first = await reader.peek(PEEK_BYTES, stallMs);
      if (isPlaylist(first)) {
        throw new SourceError('not_media', `The source ${maskUrl(ask.url)} answered with a playlist instead of media.`);
      }
    } catch (error) {
      end();
      throw error;
    }
    const { status, headers } = response;
    return { head: { status, headers }, body: { read: () => reader.read(stallMs), close: end } };
  }

  async #open(
    { url, headers, range }: HlsAsk,
    { source, account, signal, connections, begins }: Asking,
    isFirst: boolean,
  ): Promise<{ response: UpstreamResponse; reader: BodyReader; end: () => void }> {
    const { guard, memories, settings } = this.#deps;
    const ends = begins();
    const turn = await this.#turns.take(this.isSingle ? accountOf(source) : serverOf(url), isFirst);
    const over = () => {
      turn();
      ends();
    };
    this.#count += 1;
    try {
      const response = await openUpstream({
        url,
        entryUrl: source.url,
        headers: { ...source.headers, ...headers },
        userAgent: source.userAgent,
        isFound: source.isFound,
        range,
        account,
        signal,
        guard,
        memory: memories.of(source),
        kept: connections,
        maxRedirects: MAX_REDIRECTS,
        connectTimeoutMs: settings.connectTimeoutMs,
        headersTimeoutMs: settings.readTimeoutMs,
      });
      void response.closed.then(over);
      const reader = readerOf(response);
      if (isFirst) requireSuccess(response);
      return { response, reader, end: () => reader.close() };
    } catch (error) {
      over();
      throw error;
    }
  }
}

/** What the provider sent in place of a playlist. */
function notPlaylist(
  { headers, url }: UpstreamResponse,
  firstBytes: Buffer,
  secrets: readonly string[],
  { form }: HlsAsk,
): SourceError {
  const kind = kindOfResponse({ contentType: headers['content-type'], contentLength: undefined, firstBytes, secrets });
  if (form === 'dash') {
    const what = kind.kind === 'not_media' ? kind.detail : `The source ${maskUrl(url)} answered with media.`;
    return new SourceError('not_media', `${what} A manifest of DASH was expected.`);
  }
  if (kind.kind === 'not_media') return new SourceError(kind.reason, kind.detail);
  const isDash = kind.kind === 'dash';
  const what = isDash ? 'a manifest of DASH' : 'media';
  return new NotHlsError(`The source ${maskUrl(url)} answered with ${what} instead of a playlist.`, isDash);
}

/** The source is no HLS, whatever its name says. */
export class NotHlsError extends SourceError {
  readonly isDash: boolean;

  constructor(message: string, isDash = false) {
    super('not_media', message);
    this.isDash = isDash;
  }
}

/** A request that the provider holds until there is something new must not keep others waiting. */
function serverOf(url: string): string {
  try {
    const { host, searchParams } = new URL(url);
    return searchParams.has('_HLS_msn') ? `${host} holds` : host;
  } catch {
    return '';
  }
}
