/** Sends one event to one webhook, and again when that fails. */

import type { RecordedEvent } from '../../../registry/events/event.ts';
import type { Webhook } from '../../../registry/events/webhook.ts';
import type { Clock } from '../../../shared/clock.ts';
import { pauseBy } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { openUpstream } from '../upstream/http/open-upstream.ts';
import { requestOf, WEBHOOK_USER_AGENT, type WebhookRequest } from './webhook-request.ts';

/** The first pause before a retry; each next one is twice as long. */
const FIRST_PAUSE_MS = 1_000;

export interface WebhookSenderDeps {
  readonly guard: EgressGuard;
  readonly clock: Clock;
}

/** Undefined: it was delivered. Else why not, in a few words, without credentials. */
export type Failure = string | undefined;

export class WebhookSender {
  readonly #deps: WebhookSenderDeps;

  constructor(deps: WebhookSenderDeps) {
    this.#deps = deps;
  }

  /**
   * Sends until the receiver says 2xx, at most once more than `retryAttempts`.
   *
   * @throws when the signal stops it
   */
  async send(event: RecordedEvent, webhook: Webhook, signal: AbortSignal): Promise<Failure> {
    const request = requestOf(event, webhook);
    if (request === undefined) return 'the event is too large';
    for (let attempt = 0, pauseMs = FIRST_PAUSE_MS; ; attempt++, pauseMs *= 2) {
      const failure = await this.#sendOnce(request, webhook, signal);
      signal.throwIfAborted();
      if (failure === undefined || attempt >= webhook.retryAttempts) return failure;
      await pauseBy(this.#deps.clock, pauseMs, signal);
      signal.throwIfAborted();
    }
  }

  async #sendOnce({ text, headers }: WebhookRequest, webhook: Webhook, signal: AbortSignal): Promise<Failure> {
    const { guard, clock } = this.#deps;
    const timeout = new AbortController();
    const stop = (): void => timeout.abort();
    const timer = clock.setTimeout(stop, webhook.timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const { status, body, closed } = await openUpstream({
        url: webhook.url,
        text,
        headers,
        userAgent: WEBHOOK_USER_AGENT,
        guard,
        clock,
        maxRedirects: 0,
        connectTimeoutMs: webhook.timeoutMs,
        headersTimeoutMs: webhook.timeoutMs,
        signal: timeout.signal,
      });
      // What it says beside the status interests nobody.
      body.destroy();
      await closed;
      return status >= 200 && status < 300 ? undefined : `it answered ${status}`;
    } catch (error) {
      if (!(error instanceof StreampoolError)) throw error;
      if (!(error instanceof SourceError)) return error.message;
      if (error.reason === 'stopped' || error.reason === 'timeout') return 'it did not answer in time';
      return error.upstreamStatus === undefined ? error.message : `it answered ${error.upstreamStatus}`;
    } finally {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}
