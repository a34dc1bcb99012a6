/**
 * A direct stream for one viewer over its own connection: live or VOD, not transcoded, repaired while the viewer waits.
 */

import type { ServerResponse } from 'node:http';
import { systemClock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import type { EgressGuard } from '../egress/egress-guard.ts';
import { RetrySchedule } from '../failover/retry.ts';
import { SourceRecovery } from '../failover/source-recovery.ts';
import { answeredMedia } from '../http/answered-media.ts';
import { openUpstream, requireSuccess } from '../http/open-upstream.ts';
import type { SourceMemories } from '../http/source-memory.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import { BodyReader } from '../messages/body-reader.ts';
import {
  parseContentLength,
  parseContentRange,
  provesNoRanges,
  usableRange,
  writtenOut,
} from '../messages/byte-range.ts';
import { ReplyWriter } from '../messages/reply-writer.ts';
import { StallLimit } from '../messages/stall-limit.ts';
import type { AccountWatch, ProviderPlace } from '../provider/provider-connections.ts';
import type { SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import { hintFromUrl } from '../provider/source-kind.ts';
import { pumpFile } from './direct-file.ts';
import { pumpLive } from './direct-live.ts';
import { finiteHead, headOfFirstByte, liveHead, type ReplyHead } from './reply-head.ts';
import type { AnsweredSource, DirectSettings, Transfer } from './transfer.ts';

export interface DirectRequest {
  /** Where the stream is read from. Its viewers share it. */
  readonly source: SwitchableSource;
  readonly method: 'GET' | 'HEAD';
  /** The viewer's `Range` and `If-Range` headers. */
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly via?: string | undefined;
  readonly reply: ServerResponse;
  readonly settings: DirectSettings;
  readonly guard: EgressGuard;
  readonly memories: SourceMemories;
  /** The connections to a source's account. */
  readonly account?: (address: SourceAddress) => AccountWatch;
  /** The viewer's place among the provider's connections. It is given back while the viewer of a file takes nothing. */
  readonly place?: ProviderPlace;
  /** How long the viewer may take nothing. Default: CLIENT_STALL_TIMEOUT. */
  readonly stall?: StallLimit;
  /** Ends the stream from our side: stream deleted, worker draining, viewer disconnected. */
  readonly signal?: AbortSignal;
  /** Added to the response headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly log?: Pick<Logger, 'warn'>;
  /** The source has answered and the response begins. From now on an error can only cut it off. */
  readonly onStart?: (head: ReplyHead) => void;
  /** Called with the number of bytes handed to the viewer's connection. */
  readonly onBytes?: (bytes: number) => void;
}

export interface DirectResult {
  readonly outcome: 'client_left' | 'stopped' | 'ended' | 'failed';
  readonly bytes: number;
  readonly error?: StreampoolError;
}

/** Status codes that go to the viewer unchanged: its own mistakes, and answers about the file. */
const PASSED_ON_STATUS: readonly number[] = [401, 403, 404, 410, 416, 451];

/**
 * Serves a direct stream. Resolves when its viewer, its source or `signal` has ended it and the provider's connection
 * is closed.
 *
 * @throws {SourceError} 502 or 504 when no source could be opened; nothing has been written then
 * @throws {StreampoolError} a file's 401, 403, 404, 410, 416 as the provider answered it
 * @throws {IsHlsError} for an HLS source; nothing has been written then
 */
export async function serveDirect(request: DirectRequest): Promise<DirectResult> {
  return new DirectStream(request).serve();
}

/** The source is an HLS playlist, whatever its name says: its viewers are sent to where it plays. */
export class IsHlsError extends StreampoolError {
  constructor() {
    super(502, 'The source is an HLS playlist, which one response cannot play.');
  }
}

class DirectStream {
  readonly #request: DirectRequest;
  readonly #abort = new AbortController();
  readonly #schedule: RetrySchedule;
  readonly #recovery: SourceRecovery;
  /** Connections that are still being closed. */
  readonly #closing = new Set<Promise<void>>();
  readonly #stall: StallLimit;
  #bytes = 0;

  constructor(request: DirectRequest) {
    this.#request = request;
    this.#stall = request.stall ?? new StallLimit(request.settings.clientStallTimeoutMs);
    this.#schedule = new RetrySchedule(request.settings, () => systemClock.monotonicMs());
    const { source, log } = request;
    this.#recovery = new SourceRecovery({
      source,
      log,
      schedule: this.#schedule,
      signal: this.#abort.signal,
      clock: systemClock,
    });
  }

  async serve(): Promise<DirectResult> {
    const { reply, signal, method } = this.#request;
    const stop = (): void => this.#abort.abort();
    const end = (): void => {
      stop();
      // A paused viewer would not notice.
      if (reply.headersSent) reply.destroy();
    };
    reply.once('close', stop);
    signal?.addEventListener('abort', end, { once: true });
    if (reply.destroyed || signal?.aborted === true) stop();
    try {
      const outcome = await (method === 'HEAD' ? this.#serveHead() : this.#serveBody());
      return {
        outcome: outcome === 'client_left' && signal?.aborted === true ? 'stopped' : outcome,
        bytes: this.#bytes,
      };
    } catch (error) {
      return this.#failed(error);
    } finally {
      reply.off('close', stop);
      signal?.removeEventListener('abort', end);
      this.#abort.abort();
      await Promise.all(this.#closing);
    }
  }

  /**
   * Before the first byte the error is the answer. Afterwards it cuts the response off, so that nobody takes it for
   * complete.
   */
  #failed(error: unknown): DirectResult {
    const { reply, signal, log } = this.#request;
    const bytes = this.#bytes;
    if (reply.destroyed) return { outcome: signal?.aborted === true ? 'stopped' : 'client_left', bytes };
    if (signal?.aborted === true && reply.headersSent) {
      reply.destroy();
      return { outcome: 'stopped', bytes };
    }
    if (!reply.headersSent) throw error;
    reply.destroy();
    if (!(error instanceof StreampoolError)) throw error;
    const reason = error instanceof SourceError ? error.reason : undefined;
    log?.warn({ reason }, `a direct stream failed: ${error.message}`);
    return { outcome: 'failed', bytes, error };
  }

  async #serveBody(): Promise<DirectResult['outcome']> {
    const { reply, settings, source } = this.#request;
    const range = usableRange(this.#request.range);
    const wantsFile = hintFromUrl(source.address.url) === 'finite';
    let { opened, index } = await this.#open(wantsFile ? range : undefined);
    const isFile = wantsFile || opened.kind === 'finite';
    if (opened.kind === 'finite' && !wantsFile && range !== undefined && range !== 'bytes=0-') {
      // Only now is it clear that this URL has an end, so the viewer's range applies.
      opened.reader.close();
      ({ opened, index } = await this.#open(range));
    }
    const { response, address } = opened;
    const { status, headers } = response;
    const urls = [address.url, response.url];
    const noRanges = provesNoRanges(status, wantsFile ? range : undefined, this.#request.ifRange);
    this.#start(
      isFile
        ? finiteHead(status, headers, urls, noRanges)
        : liveHead(opened.kind === 'mpegts' ? 'mpegts' : 'other', urls, headers['content-type']),
    );
    const writer = new ReplyWriter(reply, this.#stall);
    const transfer: Transfer = {
      settings,
      source,
      schedule: this.#schedule,
      recovery: this.#recovery,
      write: (bytes, onStall) => this.#write(writer, bytes, onStall),
      pause: () => this.#pause(),
      goOn: async () => this.#request.place?.take(),
    };
    const outcome = isFile
      ? await pumpFile(transfer, opened, (part) => this.#fetch(address, 'GET', part.range, part.ifRange))
      : await pumpLive(transfer, opened, index, (tryMs) => this.#reopen(tryMs));
    if (outcome === 'ended') reply.end();
    return outcome;
  }

  async #write(writer: ReplyWriter, bytes: Buffer, mayGoOn: () => boolean = () => false): Promise<boolean> {
    this.#bytes += bytes.length;
    this.#request.onBytes?.(bytes.length);
    return writer.write(bytes, () => mayGoOn() || this.#drop());
  }

  #drop(): false {
    const { log, settings } = this.#request;
    const { ms } = this.#stall;
    const limit =
      ms < settings.clientStallTimeoutMs ? 'CLIENT_TIMEOUT, as it has a newer connection' : 'CLIENT_STALL_TIMEOUT';
    log?.warn({}, `A viewer of a direct stream took nothing for ${ms / 1000} s (${limit}) and was dropped.`);
    return false;
  }

  /** The provider counts a connection until it is closed. */
  async #pause(): Promise<void> {
    await Promise.all(this.#closing);
    this.#request.place?.giveBack();
  }

  #start(head: ReplyHead): void {
    const { reply, headers, onStart } = this.#request;
    onStart?.(head);
    reply.writeHead(head.status, { ...head.headers, ...headers });
  }

  async #reopen(tryMs: () => number | undefined): Promise<{ opened: AnsweredSource; index: number }> {
    // A provider counts the last connection until it is closed.
    await Promise.all(this.#closing);
    return this.#open(undefined, tryMs);
  }

  /** Opens the current source, or the next one that works, and makes sure that it sends media. */
  async #open(
    range: string | undefined,
    tryMs?: () => number | undefined,
  ): Promise<{ opened: AnsweredSource; index: number }> {
    try {
      return await this.#recovery.open((address) => this.#openMedia(address, range, tryMs?.()));
    } catch (error) {
      throw this.#passedOn(error);
    }
  }

  /** @param tryMs how long each step may take, if that is less than the settings allow */
  async #openMedia(address: SourceAddress, range: string | undefined, tryMs?: number): Promise<AnsweredSource> {
    const { settings, ifRange } = this.#request;
    const askedMs = performance.now();
    const response = await this.#fetch(address, 'GET', range, ifRange, tryMs);
    if (response.status === 416) {
      const other = writtenOut(range, response.headers['content-range']);
      if (other === undefined) this.#refuseRange(response);
      response.body.destroy();
      await response.closed;
      return this.#openMedia(address, other, tryMs);
    }
    requireSuccess(response);
    // A part from the middle of a file may look like anything.
    if ((parseContentRange(response.headers['content-range'])?.start ?? 0) > 0) {
      const openedMs = performance.now() - askedMs;
      return { address, response, reader: new BodyReader(response.body, response.url), kind: 'finite', openedMs };
    }
    const firstBytesMs = Math.min(settings.liveChunkTimeoutMs, tryMs ?? Number.POSITIVE_INFINITY);
    const { kind, reader } = await answeredMedia(response, address, firstBytesMs);
    if (kind.kind === 'hls') {
      reader.close();
      throw new IsHlsError();
    }
    return { address, response, reader, kind: kind.kind, openedMs: performance.now() - askedMs };
  }

  async #fetch(
    address: SourceAddress,
    method: 'GET' | 'HEAD',
    range?: string,
    ifRange?: string,
    tryMs = Number.POSITIVE_INFINITY,
  ): Promise<UpstreamResponse> {
    const { settings, guard, memories, account, via } = this.#request;
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
      signal: this.#abort.signal,
    });
    const closed = response.closed.finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    return response;
  }

  #refuseRange(response: UpstreamResponse): never {
    response.body.destroy();
    const size = response.headers['content-range'];
    if (size !== undefined) this.#request.reply.setHeader('content-range', size);
    throw new StreampoolError(416, 'The requested range lies outside the file.');
  }

  /** A provider's error about a file is the answer to its viewer. For a live source it becomes 502. */
  #passedOn(error: unknown): unknown {
    const isFile = hintFromUrl(this.#request.source.address.url) === 'finite';
    const status = error instanceof SourceError ? error.upstreamStatus : undefined;
    if (!isFile || status === undefined || !PASSED_ON_STATUS.includes(status)) return error;
    return new StreampoolError(status, error instanceof Error ? error.message : '', { cause: error });
  }

  /** A live source is not opened only to say that it is live, because a provider may count that as a connection. */
  async #serveHead(): Promise<DirectResult['outcome']> {
    const { reply, source } = this.#request;
    const { url } = source.address;
    const isLive = hintFromUrl(url) === 'mpegts';
    try {
      this.#start(
        isLive
          ? liveHead('mpegts_by_name', [url])
          : (await this.#recovery.open((address) => this.#askHead(address))).opened,
      );
    } catch (error) {
      throw this.#passedOn(error);
    }
    reply.end();
    return 'ended';
  }

  async #askHead(address: SourceAddress): Promise<ReplyHead> {
    const { ifRange } = this.#request;
    const range = usableRange(this.#request.range);
    const head = await this.#fetch(address, 'HEAD', range, ifRange);
    head.body.destroy();
    if (head.status === 416) this.#refuseRange(head);
    if (tellsOfFile(head, range)) return headFor(head, address);
    // Many servers answer only GET, or answer HEAD wrongly. Requesting one byte tells the rest.
    const asked = range ?? 'bytes=0-0';
    const byte = await this.#fetch(address, 'GET', asked, ifRange);
    byte.body.destroy();
    if (byte.status === 416 && range !== undefined) this.#refuseRange(byte);
    if (!isSuccess(byte) && isSuccess(head)) return headFor(head, address);
    requireSuccess(byte);
    return range === undefined && byte.status === 206
      ? headOfFirstByte(byte.headers, [address.url, byte.url])
      : headFor(byte, address, provesNoRanges(byte.status, asked, ifRange));
  }
}

function isSuccess({ status }: UpstreamResponse): boolean {
  return status >= 200 && status < 300;
}

/** Whether an answer to HEAD can be the answer to GET: media, with a length, for the requested range. */
function tellsOfFile(head: UpstreamResponse, range: string | undefined): boolean {
  const { 'content-type': type = '', 'content-length': length, 'accept-ranges': ranges = '' } = head.headers;
  if (!isSuccess(head) || (parseContentLength(length) ?? 0) === 0) return false;
  if (/^text\/|html|json/i.test(type) || /^\s*none\s*$/i.test(ranges)) return false;
  return range === undefined || head.status === 206;
}

function headFor({ status, headers, url }: UpstreamResponse, address: SourceAddress, noRanges = false): ReplyHead {
  const isFile = parseContentLength(headers['content-length']) !== undefined || hintFromUrl(address.url) === 'finite';
  const urls = [address.url, url];
  return isFile ? finiteHead(status, headers, urls, noRanges) : liveHead('other', urls, headers['content-type']);
}
