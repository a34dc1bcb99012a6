/** One event as the request that a webhook gets; names and form are those of m3u-proxy. Pure. */

import { createHmac } from 'node:crypto';
import type { RecordedEvent } from '../../../registry/events/event.ts';
import type { Webhook } from '../../../registry/events/webhook.ts';

/** What receivers know their sender by. */
export const WEBHOOK_USER_AGENT = 'M3U-Proxy-Webhook/1.0';

/** A larger body is not sent. */
export const MAX_BODY_BYTES = 64 * 1024;

export interface WebhookRequest {
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** UTC with microseconds and without an offset, as m3u-proxy's receivers read it. */
function naiveTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000`;
}

export function bodyOf({ id, type, streamId, atMs, late, data }: RecordedEvent): string {
  return JSON.stringify({
    event_id: id,
    event_type: type,
    stream_id: streamId ?? null,
    timestamp: naiveTime(atMs),
    data,
    ...(late ? { late } : {}),
  });
}

/** @returns undefined when the body would be too large */
export function requestOf(event: RecordedEvent, { headers, secret }: Webhook): WebhookRequest | undefined {
  const text = bodyOf(event);
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return undefined;
  const typed = { ...headers, 'content-type': 'application/json' };
  if (secret === undefined) return { text, headers: typed };
  return { text, headers: { ...typed, 'x-streampool-signature': `sha256=${signatureOf(text, secret)}` } };
}

/** HMAC-SHA256 of a body, as hex digits. */
export function signatureOf(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
