/**
 * Tells the caller of a broadcast that it has ended. The caller may ask for the next programme before it answers, so nobody waits for
 * this. It is sent once where it may have arrived.
 */

import type { BroadcastOrder } from '../../../registry/broadcasts/broadcast.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { pauseBy } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { openUpstream } from '../upstream/http/open-upstream.ts';
import { strictHop } from '../upstream/http/strict-connection.ts';
import { type RecordingIndex, secondsOf } from './store/recording-index.ts';

export type CallbackEvent = 'programme_ended' | 'broadcast_failed';

export interface BroadcastCallbackDeps {
  readonly guard: EgressGuard;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** As m3u-proxy calls itself; receivers may look for it. */
export const BROADCAST_USER_AGENT = 'M3U-Proxy-Broadcast/1.0';
/** For one attempt. The receiver starts the next programme in it, which takes a source's time. */
const TIMEOUT_MS = 35_000;
/** Before each next attempt. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000] as const;

/**
 * The body of a callback.
 * @param nowMs ms since 1970
 * @param newPid of the programme that has followed by itself
 */
export function callbackBody(
  event: CallbackEvent,
  index: Pick<RecordingIndex, 'id' | 'order' | 'next' | 'segments' | 'programmeSeconds'>,
  nowMs: number,
  { error, newPid }: { readonly error?: string | undefined; readonly newPid?: number | undefined } = {},
) {
  const { id, order, next, segments, programmeSeconds } = index;
  const isFailure = event === 'broadcast_failed';
  return {
    network_id: id,
    event,
    timestamp: new Date(nowMs).toISOString(),
    dvr_mode: order.dvrMode,
    hls_dir: null,
    data: {
      exit_code: isFailure ? 1 : 0,
      final_segment_number: segments.length === 0 ? next : next - 1,
      duration_streamed: order.kept ? secondsOf({ segments }) : programmeSeconds,
      ...(isFailure && { error: error ?? null, error_type: 'source' }),
      ...(newPid !== undefined && { auto_transitioned: true, new_pid: newPid }),
    },
  };
}

/** Whether an answer says that the receiver has not taken it. */
function isRefused(status: number): boolean {
  return status === 429 || status >= 500;
}

export class BroadcastCallback {
  readonly #deps: BroadcastCallbackDeps;

  constructor(deps: BroadcastCallbackDeps) {
    this.#deps = deps;
  }

  /**
   * @param overtaken aborts when the broadcast has been started, stopped or deleted since: then nothing is sent any more. What is under
   * way stays, because the receiver may have asked for that in it
   * @param stopped aborts when this worker ends
   */
  async send(order: BroadcastOrder, body: unknown, overtaken: AbortSignal, stopped: AbortSignal): Promise<void> {
    const { callbackUrl } = order;
    if (callbackUrl === undefined) return;
    const text = JSON.stringify(body);
    for (const pauseMs of [...PAUSES_MS, undefined]) {
      const over = AbortSignal.any([overtaken, stopped]);
      const outcome = await this.#once(callbackUrl, text, stopped);
      if (outcome !== 'again' || over.aborted) return;
      if (pauseMs !== undefined) await pauseBy(this.#deps.clock, pauseMs, over);
      if (over.aborted) return;
    }
    this.#deps.log.warn({ callback: maskUrl(callbackUrl) }, 'a callback of a broadcast was refused each time');
  }

  async #once(url: string, text: string, signal: AbortSignal): Promise<'done' | 'again'> {
    const { guard, clock, userAgent, log } = this.#deps;
    const timeout = new AbortController();
    const stop = (): void => timeout.abort();
    const timer = clock.setTimeout(stop, TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const { status, body, closed } = await openUpstream({
        ...{ url, text, userAgent, guard, clock, maxRedirects: 0, signal: timeout.signal },
        // Another parser would send it a second time.
        hop: strictHop,
        headers: { 'content-type': 'application/json' },
        connectTimeoutMs: TIMEOUT_MS,
        headersTimeoutMs: TIMEOUT_MS,
      });
      body.destroy();
      await closed;
      return isRefused(status) ? 'again' : 'done';
    } catch (error) {
      if (!(error instanceof StreampoolError)) throw error;
      if (!signal.aborted) log.warn({ err: error, callback: maskUrl(url) }, 'a callback of a broadcast failed');
      const status = error instanceof SourceError ? error.upstreamStatus : undefined;
      if (status !== undefined) return isRefused(status) ? 'again' : 'done';
      // What was refused has not arrived. Of anything else nobody knows.
      return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED' ? 'again' : 'done';
    } finally {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}
