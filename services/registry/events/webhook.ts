/** The addresses that get events as HTTP requests, as the registry keeps them. */

import { z } from 'zod';
import { EVENT_TYPES, type EventType, parsePosition, positionText } from './event.ts';

/** So many there may be. */
export const MAX_WEBHOOKS = 20;

/** Who owns this, as a feed is owned, delivers for all workers. */
export const DELIVERY = 'webhooks';

export interface Webhook {
  /** No two have the same. */
  readonly url: string;
  readonly events: readonly EventType[];
  /** Sent with each request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Limit for one request. */
  readonly timeoutMs: number;
  /** How often a request is repeated that has failed. */
  readonly retryAttempts: number;
  /** Signs each request. */
  readonly secret?: string | undefined;
  /** Makes the body: a Mustache template. Unset: the event as JSON. */
  readonly template?: string | undefined;
}

/** How far a webhook is. */
export interface WebhookProgress {
  /** It has got, or was refused, each event up to here; as `positionText` writes it. */
  readonly position: string;
  readonly delivered: number;
  /** Given up after all retries. */
  readonly failed: number;
  /** No longer kept when it was their turn. */
  readonly missed: number;
}

export interface KeptWebhook extends Webhook {
  /** Undefined: the registry has lost it. */
  readonly progress: WebhookProgress | undefined;
}

const count = z.int().nonnegative();

export const webhookShape: z.ZodType<Webhook> = z.looseObject({
  url: z.string(),
  // A later version may know more.
  events: z
    .array(z.string())
    .transform((names) => names.flatMap((name) => EVENT_TYPES.find((type) => type === name) ?? [])),
  headers: z.record(z.string(), z.string()),
  timeoutMs: count,
  retryAttempts: count,
  secret: z.string().optional(),
  template: z.string().optional(),
});

export const progressShape: z.ZodType<WebhookProgress> = z.looseObject({
  position: z.string().refine((text) => parsePosition(text) !== undefined),
  delivered: count,
  failed: count,
  missed: count,
});

/** The progress of one that begins at a position. */
export function begunAtPosition(position: Parameters<typeof positionText>[0]): WebhookProgress {
  return { position: positionText(position), delivered: 0, failed: 0, missed: 0 };
}
