/**
 * The webhooks of the cluster, as one worker sees them. One of the workers delivers for all: it owns the delivery as another one owns a
 * feed. When it dies, another one goes on after the last event that the registry knows to be delivered.
 */

import {
  begunAtPosition,
  DELIVERY,
  type KeptWebhook,
  type Webhook,
  type WebhookProgress,
} from '../../../registry/events/webhook.ts';
import { isOutage } from '../../../registry/outage.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { Place } from '../../../registry/types.ts';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import type { EventFeed } from '../events/event-feed.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import { assertHeaders } from '../upstream/http/request-headers.ts';
import { DELIVERY_RESULTS, type DeliveryResult, WebhookQueue } from './webhook-queue.ts';
import { exampleEvent, requestOf } from './webhook-request.ts';
import type { Failure, WebhookSender } from './webhook-sender.ts';
import { checkTemplate } from './webhook-template.ts';

/** How often a worker looks whether the one that delivers is still there. It asks nobody for that. */
const LOOK_MS = 1_000;
/** How often it asks for the webhooks: what was said of a change may be lost. */
const ASK_MS = 30_000;

export interface WebhooksDeps {
  readonly registry: Pick<Registry, 'webhooks' | 'acquire' | 'release' | 'peers' | 'send' | 'newestEvent'>;
  readonly eventFeed: EventFeed;
  readonly sender: Pick<WebhookSender, 'send'>;
  readonly guard: Pick<EgressGuard, 'checkLiteral'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Webhooks {
  readonly #deps: WebhooksDeps;
  #known: readonly KeptWebhook[] = [];
  #place: Place | undefined;
  readonly #queues = new Map<string, WebhookQueue>();
  #timer: Timer | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();
  #isOver = false;
  readonly #stopped = new AbortController();
  readonly #deliveries = new Map<DeliveryResult, number>(DELIVERY_RESULTS.map((result) => [result, 0]));

  constructor(deps: WebhooksDeps) {
    this.#deps = deps;
  }

  /** What this worker has delivered and could not deliver, since its start; each result is there. */
  get deliveries(): ReadonlyMap<DeliveryResult, number> {
    return this.#deliveries;
  }

  start(): void {
    const { clock } = this.#deps;
    this.#timer = clock.setInterval(() => this.#lookLater(), LOOK_MS);
    this.#lookLater();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#stopped.abort();
    this.#deps.clock.clearInterval(this.#timer);
    await this.#looking;
    await this.#stopQueues();
  }

  /**
   * Adds a webhook, or replaces the one with its URL; false when there are too many.
   * @throws {StreampoolError} 422 for an address, a header or a template that is not allowed; and as the registry
   */
  async put(webhook: Webhook): Promise<boolean> {
    const { registry, guard } = this.#deps;
    assertHeaders(webhook.headers);
    guard.checkLiteral(new URL(webhook.url));
    if (webhook.template !== undefined) checkTemplate(webhook.template);
    const progress = begunAtPosition(await registry.newestEvent());
    if (!(await registry.webhooks.put([{ ...webhook, progress }]))) return false;
    await this.#changed();
    return true;
  }

  async list(): Promise<readonly KeptWebhook[]> {
    return (await this.#deps.registry.webhooks.list()) ?? [];
  }

  /** False when there is none with this URL. */
  async remove(url: string): Promise<boolean> {
    const existed = await this.#deps.registry.webhooks.remove(url);
    if (existed) await this.#changed();
    return existed;
  }

  /** Sends an example to a webhook, beside what waits for it. */
  async test(webhook: Webhook): Promise<{ readonly eventId: string; readonly failure: Failure }> {
    const event = exampleEvent(this.#deps.clock.wallMs());
    return { eventId: event.id, failure: await this.#deps.sender.send(event, webhook, this.#stopped.signal) };
  }

  /** The body that an example would have. */
  example(webhook: Webhook): string | undefined {
    return requestOf(exampleEvent(this.#deps.clock.wallMs()), webhook)?.text;
  }

  /** The webhooks have changed. */
  async refresh(): Promise<void> {
    this.#askedMs = Number.NEGATIVE_INFINITY;
    await this.#lookLater();
  }

  async #changed(): Promise<void> {
    await this.#deps.registry.send({ kind: 'webhooks' });
    await this.refresh();
  }

  /** One look at a time. */
  #lookLater(): Promise<void> {
    const next = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => {
        // A registry that is away has been told already.
        if (!isOutage(error)) this.#deps.log.error({ err: error }, 'webhooks could not be looked after; tried again');
      });
    this.#looking = next;
    return next;
  }

  /** Where it fails, the next look asks again. */
  async #look(): Promise<void> {
    if (this.#isOver) return;
    const { registry, clock } = this.#deps;
    if (clock.monotonicMs() - this.#askedMs >= ASK_MS) {
      await this.#ask();
      this.#askedMs = clock.monotonicMs();
    }
    if (this.#known.length === 0) return this.#giveUp();
    if (this.#isPlaced()) return;
    // Under another epoch all begin anew.
    await this.#stopQueues();
    const place = await registry.acquire(DELIVERY);
    // Whoever has delivered until now has come further since this worker asked.
    if (place.kind === 'own') this.#known = (await registry.webhooks.list()) ?? this.#known;
    this.#place = place;
    await this.#tend();
  }

  async #ask(): Promise<void> {
    const { registry } = this.#deps;
    const found = await registry.webhooks.list();
    if (found === undefined && this.#known.length > 0) {
      // The registry was emptied.
      await registry.webhooks.put(
        this.#known.map((webhook) => this.#asItIs(webhook)),
        true,
      );
      return;
    }
    this.#known = found ?? [];
    await this.#tend();
  }

  #asItIs(webhook: KeptWebhook): KeptWebhook {
    return { ...webhook, progress: this.#queues.get(webhook.url)?.progress ?? webhook.progress };
  }

  /** Whether this worker delivers, or one that lives. */
  #isPlaced(): boolean {
    if (this.#place?.kind === 'own') return true;
    if (this.#place?.kind !== 'relay') return false;
    const { incarnation } = this.#place.owner;
    return this.#deps.registry.peers().some((peer) => peer.incarnation === incarnation);
  }

  /** Begins and ends queues, so that there is one for each webhook as it is now, if this worker delivers. */
  async #tend(): Promise<void> {
    if (this.#place?.kind !== 'own') return;
    const { epoch } = this.#place;
    const { registry } = this.#deps;
    for (const [url, queue] of this.#queues) {
      const known = this.#known.find((webhook) => webhook.url === url);
      if (known !== undefined && settingsOf(known) === settingsOf(queue.webhook)) continue;
      await queue.stop();
      this.#queues.delete(url);
      // What the registry has said of it may be older.
      if (known !== undefined) this.#begin(known, queue.progress, epoch);
    }
    for (const webhook of this.#known) {
      if (this.#queues.has(webhook.url)) continue;
      this.#begin(webhook, webhook.progress ?? begunAtPosition(await registry.newestEvent()), epoch);
    }
  }

  #begin(webhook: KeptWebhook, progress: WebhookProgress, epoch: number): void {
    const { registry, eventFeed, sender, clock, log } = this.#deps;
    const queue = new WebhookQueue(webhook, progress, {
      eventFeed,
      send: (event, to, signal) => sender.send(event, to, signal),
      note: async (url, noted) => {
        const goesOn = await registry.webhooks.note(url, noted, epoch);
        // Another worker delivers, or the webhook was removed: the next look finds out which.
        if (!goesOn) this.#place = undefined;
        return goesOn;
      },
      count: (result, events) => void this.#deliveries.set(result, (this.#deliveries.get(result) ?? 0) + events),
      onFailure: ({ url }, { id, type }, why) =>
        log.warn({ webhook: maskUrl(url), event: id, type, reason: why }, 'an event was not delivered'),
      clock,
    });
    this.#queues.set(webhook.url, queue);
  }

  async #stopQueues(): Promise<void> {
    const queues = [...this.#queues.values()];
    this.#queues.clear();
    await Promise.all(queues.map((queue) => queue.stop()));
  }

  async #giveUp(): Promise<void> {
    await this.#stopQueues();
    const isMine = this.#place?.kind === 'own';
    this.#place = undefined;
    if (isMine) await this.#deps.registry.release(DELIVERY);
  }
}

/** All but how far it is. */
function settingsOf({ progress: _, ...webhook }: KeptWebhook): string {
  return JSON.stringify(webhook);
}
