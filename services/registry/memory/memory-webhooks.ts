/** The webhooks of a worker alone, in its memory. */

import { type KeptWebhook, MAX_WEBHOOKS, type WebhookProgress } from '../events/webhook.ts';
import type { WebhookBook } from '../registry.ts';

export class MemoryWebhooks implements WebhookBook {
  readonly #webhooks = new Map<string, KeptWebhook>();

  async put(webhooks: readonly KeptWebhook[]): Promise<boolean> {
    const added = webhooks.filter(({ url }) => !this.#webhooks.has(url));
    if (this.#webhooks.size + added.length > MAX_WEBHOOKS) return false;
    for (const webhook of webhooks) {
      const { progress } = this.#webhooks.get(webhook.url) ?? webhook;
      this.#webhooks.set(webhook.url, { ...webhook, progress });
    }
    return true;
  }

  async list(): Promise<KeptWebhook[]> {
    return [...this.#webhooks.values()].sort((a, b) => (a.url < b.url ? -1 : 1));
  }

  async remove(url: string): Promise<boolean> {
    return this.#webhooks.delete(url);
  }

  async note(url: string, progress: WebhookProgress): Promise<boolean> {
    const webhook = this.#webhooks.get(url);
    if (webhook !== undefined) this.#webhooks.set(url, { ...webhook, progress });
    return webhook !== undefined;
  }
}
