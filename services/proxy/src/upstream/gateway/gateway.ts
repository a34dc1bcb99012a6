/**
 * The local HTTP server through which FFmpeg opens its own input. Everything that FFmpeg fetches passes the egress
 * guard.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../../shared/clock.ts';
import { maskUrl, secretsOf } from '../../../../shared/masking/mask.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import { NotHlsError } from '../hls/hls-requests.ts';
import type { OpenHls, PlaylistText } from '../hls/hls-upstream.ts';
import { readerOf } from '../http/answer-reader.ts';
import { openUpstream, requireSuccess } from '../http/open-upstream.ts';
import type { SourceMemories, SourceMemory } from '../http/source-memory.ts';
import type { OpenPipe, UpstreamResponse } from '../http/upstream-request.ts';
import { parseContentLength } from '../messages/byte-range.ts';
import { FiniteTransfer, type Part } from '../messages/finite-transfer.ts';
import { ReplyWriter } from '../messages/reply-writer.ts';
import { StallLimit } from '../messages/stall-limit.ts';
import { type HlsEntry, type HlsRole, isPlaylist, rewritePlaylist } from '../playlists/hls-rewrite.ts';
import { readPlaylist } from '../playlists/playlist-body.ts';
import type { PagePipe } from '../provider/page-pipe.ts';
import type { AccountWatch, ProviderConnections, ProviderPlace } from '../provider/provider-connections.ts';
import { hasStoppedWorking } from '../provider/source-address.ts';
import { FIRST_BYTES_WANTED, hintFromUrl, kindOfResponse, MANIFEST_INSTEAD } from '../provider/source-kind.ts';
import { GatewayHls } from './gateway-hls.ts';
import { type Reference, ReferenceSealer } from './gateway-reference.ts';
import { type WantedVariant, withOneVariant } from './hls-variant.ts';
import { NEEDS_TOKEN, PAGE_LIMITS, PageSession, type PageSessionLimits, pageToken } from './page-session.ts';

export interface GatewaySettings {
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  readonly connections: Pick<ProviderConnections, 'watch' | 'areLimited'>;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** How long a source may send nothing while FFmpeg wants more. */
  readonly stallTimeoutMs: number;
  /** When the FFmpeg of one viewer takes nothing for this long, it holds no connection any more. */
  readonly clientStallTimeoutMs: number;
  /** Opens an HLS source as viewers read it. Unset: each FFmpeg asks the provider by itself. */
  readonly openHls?: OpenHls | undefined;
  /** See `UpstreamRequest`. */
  readonly openPipe?: OpenPipe | undefined;
}

export interface GatewaySource {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly userAgent: string;
  /** See `SourceAddress`. */
  readonly isFound?: boolean;
  /** See `SourceAddress`. */
  readonly pipe?: PagePipe;
}

/** The protocols that FFmpeg needs for an input behind the gateway: `-protocol_whitelist`. */
export const GATEWAY_PROTOCOLS = 'http,tcp,crypto,data';

/** Response headers of a source that FFmpeg uses. */
const PASSED_ON = ['accept-ranges', 'content-length', 'content-range', 'content-type', 'etag', 'last-modified'];

const OK = 200;

/** Enough to recognise `#EXTM3U` after a byte order mark and a few blank lines. */
const PEEK_BYTES = 32;

/** Extensions that FFmpeg accepts for a segment and that truly name the content. */
const SEGMENT_EXTENSION =
  /\.(3gp|aac|ac3|eac3|ec3|flac|m4a|m4s|m4v|mp4|cmfv|cmfa|mp2|mp3|ogg|opus|ts|vtt|webvtt|wav)$/i;
const INPUT_EXTENSION = /\.(m3u8|ts|mp4|m4v|mov|mkv|webm|avi|flv|mpg|mp3|aac|ogg)$/i;

/** One per worker. Each FFmpeg process gets its own session. */
export class Gateway {
  readonly #settings: GatewaySettings;
  readonly #server: Server;
  readonly #sessions = new Map<string, GatewaySession>();
  readonly #pages = new Map<string, PageSession>();

  constructor(settings: GatewaySettings) {
    this.#settings = settings;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    // FFmpegs have no token, so none of them opens a tunnel.
    this.#server.on('connect', (request, socket, head) => {
      const page = this.#pageOf(request);
      if (page !== undefined) void page.tunnel(request, socket, head);
      else socket.on('error', () => undefined).end(NEEDS_TOKEN);
    });
    // Longer than a segment, so that FFmpeg's persistent connection is still open for the next one.
    this.#server.keepAliveTimeout = 65_000;
    this.#server.requestTimeout = 0;
  }

  /** Starts to listen on a free port of 127.0.0.1. */
  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends every session and connection. */
  async close(): Promise<void> {
    for (const session of [...this.#sessions.values(), ...this.#pages.values()]) session.close();
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /**
   * Environment for FFmpeg. It makes the gateway FFmpeg's proxy. When a demuxer finds another address in a hostile
   * input, such as a DASH manifest, it asks the gateway for it and is refused.
   */
  get environment(): Readonly<Record<string, string>> {
    return environmentFor(this.#origin);
  }

  /**
   * @param wanted the variant of an HLS master that FFmpeg sees; undefined: all of them
   * @param place of an FFmpeg that one viewer paces. It is given back while that viewer pauses and FFmpeg takes
   * nothing.
   */
  register(source: GatewaySource, wanted?: WantedVariant, place?: ProviderPlace): GatewaySession {
    const token = randomBytes(16).toString('base64url');
    const base = `${this.#origin}/s/${token}`;
    const onClose = () => void this.#sessions.delete(token);
    const session = new GatewaySession({ source, wanted, place, base, settings: this.#settings, onClose });
    this.#sessions.set(token, session);
    return session;
  }

  /** Lets one page resolver reach what the egress guard allows, until the session is closed. */
  openPages(limits: PageSessionLimits = PAGE_LIMITS): PageSession {
    const { guard, connectTimeoutMs, stallTimeoutMs } = this.#settings;
    const { port } = new URL(this.#origin);
    const onClose = (token: string) => void this.#pages.delete(token);
    const page = new PageSession({ guard, connectTimeoutMs, stallTimeoutMs, limits, port: Number(port), onClose });
    this.#pages.set(page.token, page);
    return page;
  }

  #pageOf(request: IncomingMessage): PageSession | undefined {
    return this.#pages.get(pageToken(request) ?? '');
  }

  get #origin(): string {
    // Throws instead of returning an address that leads nowhere.
    if (!this.#server.listening) throw new Error('The gateway is not listening yet.');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const page = this.#pageOf(request);
    if (page !== undefined) {
      await page.forward(request, response);
      return;
    }
    // As a proxy it gets whole URLs. It answers only its own.
    const path = (request.url ?? '').replace(this.#origin, '');
    const [, token = '', name = ''] = /^\/s\/([\w-]+)\/([\w-]+)(?:\.\w+)?$/.exec(path) ?? [];
    const session = this.#sessions.get(token);
    const known = session !== undefined && (request.method === 'GET' || request.method === 'HEAD');
    if (known) await session.answer(name, request, response);
    else response.writeHead(404).end();
  }
}

interface GatewaySessionOptions {
  readonly source: GatewaySource;
  readonly wanted: WantedVariant | undefined;
  readonly place: ProviderPlace | undefined;
  /** The start of every address of the session. */
  readonly base: string;
  readonly settings: GatewaySettings;
  readonly onClose: () => void;
}

/** One FFmpeg's access to one source, and to nothing that the source does not name. */
export class GatewaySession {
  /** The input URL for FFmpeg. It reveals nothing of the source but the extension. */
  readonly url: string;
  readonly protocols = GATEWAY_PROTOCOLS;
  /** Add these to FFmpeg's environment: see `Gateway.environment`. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #source: GatewaySource;
  readonly #wanted: WantedVariant | undefined;
  readonly #place: ProviderPlace | undefined;
  readonly #base: string;
  readonly #settings: GatewaySettings;
  readonly #onClose: () => void;
  readonly #sealer = new ReferenceSealer();
  readonly #memory: SourceMemory;
  /** Where a playlist was found after redirects. A load balancer is asked once, not at each reload. */
  readonly #foundAt = new Map<string, string>();
  readonly #active = new Set<AbortController>();
  #closed = false;
  #isPlaylist = false;
  #hls: GatewayHls | undefined;
  /** Its name says HLS, and its content is something else. */
  #isNotHls = false;
  #lastMediaMs: number | undefined;
  #isRefused = false;
  /** The newest failure of each role that no success has followed, oldest first. */
  readonly #failures = new Map<string, SourceError>();

  constructor({ source, wanted, place, base, settings, onClose }: GatewaySessionOptions) {
    this.#source = source;
    this.#wanted = wanted;
    this.#place = place;
    this.#base = base;
    this.#settings = settings;
    this.#memory = settings.memories.of(source);
    this.#onClose = onClose;
    this.environment = environmentFor(new URL(base).origin);
    const path = source.url.split(/[?#]/, 1)[0] ?? '';
    this.url = `${base}/index${INPUT_EXTENSION.exec(path)?.[0].toLowerCase() ?? ''}`;
  }

  /** The port of the gateway, the only place that FFmpeg has to reach. */
  get port(): number {
    return Number(new URL(this.#base).port);
  }

  /** When FFmpeg last got media, monotonic ms; undefined: none yet. */
  get lastMediaMs(): number | undefined {
    return this.#lastMediaMs;
  }

  /** The source's last error, which FFmpeg can only report as an input error. An `egress_refused` stays. */
  get lastError(): SourceError | undefined {
    return [...this.#failures.values()].at(-1);
  }

  /** Whether the newest answer of the source was that it had stopped working; see `hasStoppedWorking`. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Ends the requests in progress. The session's addresses are unknown from now on. */
  close(): void {
    this.#closed = true;
    this.#hls?.close();
    for (const abort of this.#active) abort.abort();
    this.#onClose();
  }

  /** Answers one request. Never throws. */
  async answer(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reference: Reference | undefined =
      name === 'index' ? { url: this.#source.url, role: 'other' } : this.#sealer.open(name);
    if (reference === undefined || this.#closed) {
      response.writeHead(404).end();
      return;
    }
    const abort = new AbortController();
    const { signal } = abort;
    this.#active.add(abort);
    response.once('close', () => abort.abort());
    // FFmpeg may have read it only in part.
    signal.addEventListener('abort', () => response.headersSent && response.destroy(), { once: true });
    try {
      const status = await this.#pass(reference, request, response, abort);
      this.#isRefused = hasStoppedWorking(status);
      if (this.#failures.get(reference.role)?.reason !== 'egress_refused') this.#failures.delete(reference.role);
    } catch (error) {
      if (!signal.aborted) {
        this.#remember(reference, error);
        this.#isRefused = error instanceof SourceError && hasStoppedWorking(error.upstreamStatus);
      }
      if (response.headersSent || signal.aborted) response.destroy();
      else response.writeHead(statusFor(error)).end();
    } finally {
      this.#active.delete(abort);
    }
  }

  /** @returns the status of the source, where it is passed on */
  async #pass(
    reference: Reference,
    request: IncomingMessage,
    response: ServerResponse,
    abort: AbortController,
  ): Promise<number | undefined> {
    const hls = this.#hlsSource;
    const passed = hls && (await this.#passHls(hls, reference, request, response));
    if (passed !== undefined) return passed;
    const upstream = await this.#open(reference, request, abort);
    let reader = readerOf(upstream);
    try {
      if (request.method === 'HEAD') {
        response.writeHead(upstream.status, passedOn(upstream.headers)).end();
        return undefined;
      }
      const { stallTimeoutMs } = this.#settings;
      // The first bytes of a source or a playlist are judged. In a segment they only reveal a disguised playlist.
      const judged = reference.role === 'playlist' || reference.url === this.#source.url;
      const first = await reader.peek(judged ? FIRST_BYTES_WANTED : PEEK_BYTES, stallTimeoutMs);
      if (isPlaylist(first)) {
        const text = await readPlaylist(reader, stallTimeoutMs);
        if (reference.url === this.#source.url) this.#isPlaylist = true;
        if (upstream.url !== reference.url) this.#foundAt.set(reference.url, upstream.url);
        this.#sendPlaylist({ text, url: upstream.url }, response);
        return undefined;
      }
      if (judged) assertMedia(upstream, first, reference.role, secretsOf(this.#source.url, this.#source.headers));
      response.writeHead(upstream.status, passedOn(upstream.headers));
      const file = new FiniteTransfer(upstream);
      const pausesAfterMs = this.#place === undefined ? 0 : this.#settings.clientStallTimeoutMs;
      const writer = new ReplyWriter(response, new StallLimit(pausesAfterMs));
      let paused: Promise<void> | undefined;
      let { closed } = upstream;
      const onStall = (): boolean => {
        if (file.resume === undefined && !file.complete) return false;
        reader.close();
        paused = closed.then(() => this.#place?.giveBack());
        return true;
      };
      for (
        let chunk = await reader.read(stallTimeoutMs);
        chunk !== undefined;
        chunk = await reader.read(stallTimeoutMs)
      ) {
        file.advance(chunk.length);
        const isThere = await writer.write(chunk, onStall);
        await paused;
        if (!isThere) return undefined;
        this.#lastMediaMs = systemClock.monotonicMs();
        const part = file.resume;
        if (paused === undefined || part === undefined) continue;
        if (file.complete) break;
        paused = undefined;
        await this.#place?.take();
        const rest = await this.#open(reference, request, abort, part);
        closed = rest.closed;
        reader = readerOf(rest);
        if (!file.continuesWith(rest)) throw notTheRest(rest);
      }
      response.end();
      return undefined;
    } finally {
      reader.close();
    }
  }

  /** Undefined: it is no HLS as far as is known, or its one viewer has a connection of its own. */
  get #hlsSource(): GatewayHls | undefined {
    const { openHls } = this.#settings;
    if (openHls === undefined || this.#place !== undefined || this.#isNotHls) return undefined;
    if (!this.#isPlaylist && hintFromUrl(this.#source.url) !== 'hls') return undefined;
    this.#hls ??= new GatewayHls(openHls(this.#source));
    return this.#hls;
  }

  /** Passes on what the source's owner gets of the provider. Its status; undefined when the source is no HLS. */
  async #passHls(
    hls: GatewayHls,
    { url, role }: Reference,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<number | undefined> {
    const isEntry = url === this.#source.url;
    if (role !== 'playlist' && !isEntry) {
      const status = await hls.send(url, request, response, passedOn);
      this.#lastMediaMs = systemClock.monotonicMs();
      return status;
    }
    try {
      const found = await hls.playlist(url);
      if (isEntry) this.#isPlaylist = true;
      this.#sendPlaylist(found, response);
      return OK;
    } catch (error) {
      if (!isEntry || !(error instanceof NotHlsError)) throw error;
      this.#isNotHls = true;
      this.#hls = undefined;
      hls.close();
      return undefined;
    }
  }

  #sendPlaylist({ text, url }: Pick<PlaylistText, 'text' | 'url'>, response: ServerResponse): void {
    const shown = this.#wanted === undefined ? text : withOneVariant(text, this.#wanted, url);
    const body = rewritePlaylist(shown, url, (entry) => this.#address(entry));
    response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl', 'cache-control': 'no-cache' });
    response.end(body);
  }

  async #open(
    reference: Reference,
    request: IncomingMessage,
    abort: AbortController,
    part?: Part,
  ): Promise<UpstreamResponse> {
    const { signal } = abort;
    const account = this.#account(reference, abort);
    // FFmpeg opens the next part of a file before it closes the last one.
    if (account !== undefined && this.#settings.connections.areLimited) this.#endOlder(abort);
    const ask = async (url: string) =>
      requireSuccess(
        await openUpstream({
          ...this.#settings,
          memory: this.#memory,
          account,
          url,
          entryUrl: this.#source.url,
          headers: this.#source.headers,
          userAgent: this.#source.userAgent,
          isFound: this.#source.isFound,
          // Media that comes out of a page resolver names nothing else.
          pipe: url === this.#source.url ? this.#source.pipe : undefined,
          method: request.method === 'HEAD' ? 'HEAD' : 'GET',
          range: reference.role === 'playlist' ? undefined : (part?.range ?? request.headers.range),
          ifRange: part?.ifRange,
          signal,
        }),
      );
    const foundAt = this.#foundAt.get(reference.url);
    if (foundAt === undefined) return ask(reference.url);
    try {
      return await ask(foundAt);
    } catch (error) {
      if (signal.aborted) throw error;
      // The server behind the redirect is gone. The load balancer knows another one.
      this.#foundAt.delete(reference.url);
      return ask(reference.url);
    }
  }

  /**
   * Only for a source that is one connection. For a playlist, whose requests come and go, one connection is counted for
   * all of them.
   */
  #account(reference: Reference, abort: AbortController): AccountWatch | undefined {
    if (reference.url !== this.#source.url || this.#isPlaylist) return undefined;
    const watch = this.#settings.connections.watch(this.#source);
    return { ...watch, refusalMayPass: (waitedMs) => this.#endOlder(abort) || watch.refusalMayPass(waitedMs) };
  }

  #endOlder(abort: AbortController): boolean {
    const older = [...this.#active].filter((each) => each !== abort && !each.signal.aborted);
    for (const each of older) each.abort();
    return older.length > 0;
  }

  #address({ url, role, fragmented }: HlsEntry): string {
    const path = url.split(/[?#]/, 1)[0] ?? '';
    return `${this.#base}/${this.#sealer.seal({ url, role })}${extension(role, path, fragmented)}`;
  }

  #remember(reference: Reference, error: unknown): void {
    // A refused address says more than the failures that follow from it.
    if (this.#failures.get(reference.role)?.reason === 'egress_refused') return;
    const failure =
      error instanceof SourceError ? error : new SourceError('refused', messageOf(error), { cause: error });
    this.#failures.delete(reference.role);
    this.#failures.set(reference.role, failure);
  }
}

function notTheRest({ url }: UpstreamResponse): SourceError {
  const message = `The source ${maskUrl(url)} was closed while its viewer paused, and what it gives now is not the rest of the same file.`;
  return new SourceError('ended', message);
}

function environmentFor(origin: string): Record<string, string> {
  return { http_proxy: origin, no_proxy: '' };
}

/** FFmpeg is strict about extensions, so the gateway's names always match the content. */
function extension(role: HlsRole, path: string, fragmented: boolean): string {
  if (role === 'playlist') return '.m3u8';
  if (role === 'key') return '.key';
  return SEGMENT_EXTENSION.exec(path)?.[0].toLowerCase() ?? (fragmented ? '.mp4' : '.ts');
}

/** Reports what a provider sent in place of a playlist or media. FFmpeg would call it only invalid data. */
function assertMedia(
  { headers }: UpstreamResponse,
  firstBytes: Buffer,
  role: HlsRole,
  secrets: readonly string[],
): void {
  // A part from the middle may look like anything.
  if (/^bytes [1-9]/.test(headers['content-range'] ?? '')) return;
  const kind = kindOfResponse({ contentType: headers['content-type'], contentLength: undefined, firstBytes, secrets });
  if (kind.kind === 'not_media') throw new SourceError(kind.reason, kind.detail);
  if (kind.kind === 'dash') throw new SourceError('not_media', MANIFEST_INSTEAD);
  if (role === 'playlist')
    throw new SourceError('not_media', 'The source answered with something other than a playlist.');
}

function passedOn(headers: Readonly<Record<string, string>>): Record<string, string> {
  const found = PASSED_ON.filter(
    // FFmpeg would wait for the end that an invented length promises.
    (name) => name !== 'content-length' || parseContentLength(headers[name]) !== undefined,
  ).map((name) => [name, headers[name]] as const);
  return Object.fromEntries(found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function statusFor(error: unknown): number {
  if (error instanceof SourceError) {
    if (error.reason === 'egress_refused') return 403;
    return error.upstreamStatus !== undefined && error.upstreamStatus >= 400 ? error.upstreamStatus : error.status;
  }
  return error instanceof StreampoolError ? error.status : 502;
}

function messageOf(error: unknown): string {
  return error instanceof StreampoolError ? error.message : 'The source could not be passed on.';
}
