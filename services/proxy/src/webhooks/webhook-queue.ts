/**
 * What waits for one webhook: it gets its events one after the other, in the order of the record. A receiver that hangs delays only
 * what is in here.
 */

import {
  EVENTS_START,
  type EventPosition,
  parsePosition,
  positionText,
  type RecordedEvent,
} from '../../../registry/events/event.ts';
import type { KeptWebhook, WebhookProgress } from '../../../registry/events/webhook.ts';
import type { Clock } from '../../../shared/clock.ts';
import { type Deferred, deferred, pauseBy, within } from '../async.ts';
import type { EventFeed } from '../events/event-feed.ts';
import type { Failure } from './webhook-sender.ts';

/** So many events wait in memory at most; the others wait in the record. */
const WAITING = 100;
/** The pause before the registry is told again how far the webhook is. */
const NOTE_AGAIN_MS = 1_000;
/** After so long without an event for it, the registry is told how far the record has been read. */
const QUIET_MS = 60_000;

export interface WebhookQueueDeps {
  readonly eventFeed: Pick<EventFeed, 'read'>;
  readonly send: (event: RecordedEvent, webhook: KeptWebhook, signal: AbortSignal) => Promise<Failure>;
  /** Tells the registry how far the webhook is; false when this worker is not to go on. Throws while it does not answer. */
  readonly note: (url: string, progress: WebhookProgress) => Promise<boolean>;
  /** Events were delivered, given up, or are no longer kept. */
  readonly count: (result: DeliveryResult, events: number) => void;
  /** An event was given up. */
  readonly onFailure: (webhook: KeptWebhook, event: RecordedEvent, why: string) => void;
  readonly clock: Clock;
}

export const DELIVERY_RESULTS = ['delivered', 'failed', 'missed'] as const;

export type DeliveryResult = (typeof DELIVERY_RESULTS)[number];

interface Waiting {
  readonly event: RecordedEvent;
  readonly position: EventPosition;
}

export class WebhookQueue {
  readonly webhook: KeptWebhook;
  readonly #deps: WebhookQueueDeps;
  readonly #stopped = new AbortController();
  readonly #waiting: Waiting[] = [];
  /** Up to where the record has been read. */
  #readTo: EventPosition;
  #stopReading: (() => void) | undefined;
  #progress: WebhookProgress;
  #missed = 0;
  #more: Deferred<void> = deferred();
  readonly #running: Promise<void>;

  /** It begins at once. */
  constructor(webhook: KeptWebhook, progress: WebhookProgress, deps: WebhookQueueDeps) {
    this.webhook = webhook;
    this.#deps = deps;
    this.#progress = progress;
    this.#readTo = parsePosition(progress.position) ?? EVENTS_START;
    this.#running = this.#run();
  }

  /** How far it is. */
  get progress(): WebhookProgress {
    return this.#progress;
  }

  /** Ends it, also what is under way: that comes again from whoever goes on. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#more.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) {
        await this.#read();
        continue;
      }
      const failure = await this.#send(next.event);
      if (signal.aborted) break;
      this.#deps.count(failure === undefined ? 'delivered' : 'failed', 1);
      if (failure !== undefined) this.#deps.onFailure(this.webhook, next.event, failure);
      const { delivered, failed, missed } = this.#progress;
      this.#progress = {
        position: positionText(next.position),
        delivered: delivered + (failure === undefined ? 1 : 0),
        failed: failed + (failure === undefined ? 0 : 1),
        missed: missed + this.#missed,
      };
      this.#missed = 0;
      if (!(await this.#note())) break;
    }
    this.#stopReading?.();
  }

  async #send(event: RecordedEvent): Promise<Failure> {
    try {
      return await this.#deps.send(event, this.webhook, this.#stopped.signal);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Whether this worker is to go on. The next event waits until the registry knows of this one, so that one at most comes twice. */
  async #note(): Promise<boolean> {
    const { note, clock } = this.#deps;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        return await note(this.webhook.url, this.#progress);
      } catch {
        await pauseBy(clock, NOTE_AGAIN_MS, signal);
      }
    }
    return false;
  }

  /** Waits for the next event. */
  async #read(): Promise<void> {
    const { eventFeed, clock } = this.#deps;
    this.#more = deferred();
    if (this.#stopped.signal.aborted) return;
    if (this.#stopReading === undefined) {
      const reader = {
        event: (event: RecordedEvent, position: EventPosition) => this.#take({ event, position }),
        missed: (count: number) => {
          this.#missed += count;
          this.#deps.count('missed', count);
        },
      };
      try {
        this.#stopReading = await eventFeed.read(reader, this.#readTo);
      } catch {
        await pauseBy(clock, NOTE_AGAIN_MS, this.#stopped.signal);
        return;
      }
    }
    const { signal } = this.#stopped;
    const came = await within(
      clock,
      this.#more.promise.then(() => true),
      QUIET_MS,
      signal,
    );
    if (came === undefined && !signal.aborted) await this.#noteRead();
  }

  /** Nothing was for this webhook for a while. Whoever goes on need not read that again, nor take it for missed. */
  async #noteRead(): Promise<void> {
    const position = positionText(this.#readTo);
    if (this.#waiting.length > 0 || position === this.#progress.position) return;
    this.#progress = { ...this.#progress, position, missed: this.#progress.missed + this.#missed };
    this.#missed = 0;
    if (!(await this.#note())) this.#stopped.abort();
  }

  #take(next: Waiting): void {
    this.#readTo = next.position;
    if (!this.webhook.events.includes(next.event.type)) return;
    this.#waiting.push(next);
    if (this.#waiting.length >= WAITING) {
      this.#stopReading?.();
      this.#stopReading = undefined;
    }
    this.#more.resolve();
  }
}
