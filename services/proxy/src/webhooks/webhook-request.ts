/** One event as the request that a webhook gets; names and form are those of m3u-proxy. Pure. */

import { createHmac } from 'node:crypto';
import type { RecordedEvent } from '../../../registry/events/event.ts';
import type { Webhook } from '../../../registry/events/webhook.ts';
import { type Fields, filledIn } from './webhook-template.ts';

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

/** The event as a webhook without a template gets it. */
function fieldsOf({ id, type, streamId, atMs, late, data }: RecordedEvent): Fields {
  return {
    event_id: id,
    event_type: type,
    stream_id: streamId ?? null,
    timestamp: naiveTime(atMs),
    data,
    ...(late ? { late } : {}),
  };
}

/** An event that never was, of the stream that m3u-proxy's test event has. */
export function exampleEvent(atMs: number): RecordedEvent {
  const data = {
    worker_id: 'worker-1',
    stream_id: 'test_stream_123',
    name: 'Example',
    metadata: { name: 'Example' },
    primary_url: 'http://provider.example/live/1.ts',
    test: true,
  };
  return { id: `${atMs}-test`, type: 'stream_started', atMs, late: false, streamId: 'test_stream_123', data };
}

/** @returns undefined when the body would be too large */
export function requestOf(
  event: RecordedEvent,
  { headers, secret, template }: Pick<Webhook, 'headers' | 'secret' | 'template'>,
): WebhookRequest | undefined {
  const fields = fieldsOf(event);
  const { text, type } =
    template === undefined
      ? { text: JSON.stringify(fields), type: 'application/json' }
      : filledIn(template, fields, fieldsOf(exampleEvent(event.atMs)));
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) return undefined;
  const typed = { ...headers, 'content-type': type };
  if (secret === undefined) return { text, headers: typed };
  return { text, headers: { ...typed, 'x-streampool-signature': `sha256=${signatureOf(text, secret)}` } };
}

/** HMAC-SHA256 of a body, as hex digits. */
export function signatureOf(text: string, secret: string): string {
  return createHmac('sha256', secret).update(text).digest('hex');
}
