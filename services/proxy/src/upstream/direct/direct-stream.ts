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
import type { SourceMemories } from '../http/source-memory.ts';
import { provesNoRanges, usableRange } from '../messages/byte-range.ts';
import { ReplyWriter } from '../messages/reply-writer.ts';
import { StallLimit } from '../messages/stall-limit.ts';
import type { AccountWatch, MovablePlace } from '../provider/provider-connections.ts';
import type { SourceAddress, SwitchableSource } from '../provider/source-address.ts';
import { hintFromUrl } from '../provider/source-kind.ts';
import { AccountPlace } from './account-place.ts';
import { DirectConnections, NoSuchRangeError } from './direct-connections.ts';
import { pumpFile } from './direct-file.ts';
import { askHead } from './direct-head.ts';
import { pumpLive } from './direct-live.ts';
import { LiveSources, type Reading } from './live-sources.ts';
import { finiteHead, liveHead, type ReplyHead } from './reply-head.ts';
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
  readonly place?: MovablePlace;
  /** How long the viewer may take nothing. Default: CLIENT_STALL_TIMEOUT. */
  readonly stall?: StallLimit;
  /** Ends the stream from our side: stream deleted, worker draining, viewer disconnected. */
  readonly signal?: AbortSignal;
  /** Added to the response headers. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly log?: Pick<Logger, 'warn'>;
  /** The source has answered and the response begins. From now on an error can only cut it off. */
  readonly onStart?: (head: ReplyHead) => void;
  /** See `DirectLiveDeps`. */
  readonly onPackets?: (packets: Buffer, isFirst: boolean) => void;
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
 * @throws {IsListedError} for an HLS or DASH source; nothing has been written then
 */
export async function serveDirect(request: DirectRequest): Promise<DirectResult> {
  return new DirectStream(request).serve();
}

class DirectStream {
  readonly #request: DirectRequest;
  readonly #abort = new AbortController();
  readonly #schedule: RetrySchedule;
  readonly #recovery: SourceRecovery;
  readonly #connections: DirectConnections;
  readonly #place: AccountPlace;
  /** Of a live stream that is sent. */
  #live: LiveSources | undefined;
  readonly #stall: StallLimit;
  #bytes = 0;

  constructor(request: DirectRequest) {
    this.#request = request;
    this.#connections = new DirectConnections(request);
    this.#place = new AccountPlace(request.place, request.source.address);
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
      await Promise.all([this.#connections.closed(), this.#live?.close()]);
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
    };
    const outcome = isFile ? await this.#pumpFile(transfer, opened) : await this.#pumpLive(transfer, { opened, index });
    if (outcome === 'ended') reply.end();
    return outcome;
  }

  #pumpFile(transfer: Transfer, opened: AnsweredSource): Promise<'client_left' | 'ended'> {
    const { place } = this.#request;
    const { signal } = this.#abort;
    const paused = { pause: () => this.#pause(), goOn: async () => place?.take() };
    return pumpFile({ ...transfer, ...paused }, opened, (part) =>
      this.#connections.fetch(opened.address, 'GET', { ...part, signal }),
    );
  }

  #pumpLive(transfer: Transfer, first: Reading): Promise<'client_left' | 'ended'> {
    const { source, log = SILENT } = this.#request;
    const { signal } = this.#abort;
    const [recovery, place] = [this.#recovery, this.#place];
    const deps = { source, recovery, connections: this.#request, place, signal };
    const sources = new LiveSources(first, this.#connections, deps);
    this.#live = sources;
    return pumpLive({ ...transfer, sources, signal, log, onPackets: this.#request.onPackets });
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
    await this.#connections.closed();
    this.#request.place?.giveBack();
  }

  #start(head: ReplyHead): void {
    const { reply, headers, onStart } = this.#request;
    onStart?.(head);
    reply.writeHead(head.status, { ...head.headers, ...headers });
  }

  /** Opens the current source, or the next one that works, and makes sure that it sends media. */
  async #open(range: string | undefined): Promise<Reading> {
    const { signal } = this.#abort;
    const { ifRange } = this.#request;
    const attempt = async (address: SourceAddress) => {
      await this.#place.moveTo(address, signal);
      return this.#connections.open(address, { range, ifRange, signal });
    };
    try {
      return await this.#recovery.open(attempt);
    } catch (error) {
      throw this.#passedOn(error);
    }
  }

  /** A provider's error about a file is the answer to its viewer. For a live source it becomes 502. */
  #passedOn(error: unknown): unknown {
    if (error instanceof NoSuchRangeError && error.contentRange !== undefined) {
      this.#request.reply.setHeader('content-range', error.contentRange);
    }
    const isFile = hintFromUrl(this.#request.source.address.url) === 'finite';
    const status = error instanceof SourceError ? error.upstreamStatus : undefined;
    if (!isFile || status === undefined || !PASSED_ON_STATUS.includes(status)) return error;
    return new StreampoolError(status, error instanceof Error ? error.message : '', { cause: error });
  }

  /** A live source is not opened only to say that it is live, because a provider may count that as a connection. */
  async #serveHead(): Promise<DirectResult['outcome']> {
    const { reply, source, ifRange } = this.#request;
    const { url } = source.address;
    const { signal } = this.#abort;
    const ask = { range: usableRange(this.#request.range), ifRange, signal };
    const asked = () => this.#recovery.open((address) => askHead(this.#connections, address, ask));
    try {
      this.#start(hintFromUrl(url) === 'mpegts' ? liveHead('mpegts_by_name', [url]) : (await asked()).opened);
    } catch (error) {
      throw this.#passedOn(error);
    }
    reply.end();
    return 'ended';
  }
}

/** Nobody reads a log. */
const SILENT = { warn: () => undefined };
