/** Webhooks, as m3u-proxy's clients manage them: events come to an address of theirs. */

import { z } from 'zod';
import { EVENT_TYPES, M3U_PROXY_EVENTS } from '../../../../registry/events/event.ts';
import { type KeptWebhook, MAX_WEBHOOKS } from '../../../../registry/events/webhook.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { StreampoolError } from '../../errors.ts';
import { MAX_TEMPLATE_CHARACTERS } from '../../webhooks/webhook-template.ts';
import type { Services } from '../../worker/services.ts';
import { bodyInteger, optionalBody, sourceUrl } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';
import { disclosureFor } from '../views/stream-views.ts';

const MAX_TIMEOUT_S = 60;
const MAX_RETRIES = 10;
const MAX_HEADERS = 20;
const MAX_TEXT = 1_000;

/** With a slash behind a bare host: the same address has one spelling. */
const webhookUrl = sourceUrl
  .refine((text) => /^https?:/i.test(text) && URL.canParse(text), 'must be an http or https URL')
  .transform((text) => new URL(text).href)
  .meta({ example: 'http://editor.example/api/m3u-proxy/webhooks' });

const eventName = z.enum(EVENT_TYPES);

const webhookBody = z.object({
  url: webhookUrl,
  events: z
    .array(eventName)
    .min(1)
    .default([...M3U_PROXY_EVENTS])
    .describe("Which events it gets. Without it: the six that m3u-proxy's clients know."),
  headers: z
    .record(z.string(), z.string().max(MAX_TEXT))
    .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, `must not have more than ${MAX_HEADERS} headers`)
    .default({})
    .describe('Sent with each request.'),
  timeout: bodyInteger
    .pipe(z.int().min(1).max(MAX_TIMEOUT_S))
    .default(10)
    .describe('Seconds in which it has to answer.'),
  retry_attempts: bodyInteger
    .pipe(z.int().min(0).max(MAX_RETRIES))
    .default(3)
    .describe('How often a request is repeated that has failed: after 1, 2, 4 … s.'),
  secret: z
    .string()
    .min(1)
    .max(MAX_TEXT)
    .optional()
    .describe('Signs each body: `X-Streampool-Signature: sha256=<HMAC in hex>`.'),
  template: z
    .string()
    .min(1)
    .max(MAX_TEMPLATE_CHARACTERS)
    .optional()
    .describe(
      'Makes the body, from the fields of the event: a Mustache template. Without it the event is sent as JSON.',
    ),
});

const webhookView = z.object({
  url: z.string(),
  events: z.array(eventName),
  timeout: z.int(),
  retry_attempts: z.int(),
  signed: z.boolean().describe('It has a secret.'),
  template: z.string().nullable(),
  delivered: z.int().describe('Events that it has taken.'),
  failed: z.int().describe('Events that were given up after all retries.'),
  missed: z.int().describe('Events that were no longer kept when it was their turn.'),
});

/** m3u-proxy takes it in the query; m3u-editor sends it in the body. */
const named = {
  querystring: z.object({ webhook_url: webhookUrl.optional() }),
  body: optionalBody(z.object({ webhook_url: webhookUrl.optional() })),
};

function urlOf(
  query: { webhook_url?: string | undefined },
  body: { webhook_url?: string | undefined } | null | undefined,
): string {
  const url = query.webhook_url ?? body?.webhook_url;
  if (url === undefined) throw new StreampoolError(422, 'Give the webhook_url, in the query or in the body.');
  return url;
}

export function webhookRoutes(app: Api, { webhooks, config }: Services): void {
  const tags = ['Webhooks'];
  const disclosure = disclosureFor(config.apiToken);

  app.post(
    '/webhooks',
    {
      schema: {
        tags,
        summary: 'Add a webhook: from now on events are sent to its URL. One with this URL is replaced.',
        body: webhookBody,
        response: {
          200: z.object({
            message: z.string(),
            webhook_url: z.string(),
            events: z.array(eventName),
            example: z.string().optional().describe('With a template: the body that an example has.'),
          }),
        },
      },
    },
    async ({ body: { url, events, headers, timeout, retry_attempts: retryAttempts, secret, template } }) => {
      const webhook = { url, events, headers, timeoutMs: timeout * 1000, retryAttempts, secret, template };
      if (!(await asked(() => webhooks.put(webhook)))) {
        const text = `There are ${MAX_WEBHOOKS} webhooks already, and there may not be more; remove one first.`;
        throw new StreampoolError(409, text);
      }
      const example = template === undefined ? undefined : webhooks.example(webhook);
      return { message: 'Webhook added successfully', webhook_url: url, events, example };
    },
  );

  app.get(
    '/webhooks',
    {
      schema: {
        tags,
        summary: 'List the webhooks, and how far each is.',
        response: { 200: z.object({ webhooks: z.array(webhookView) }) },
      },
    },
    async () => ({ webhooks: (await asked(() => webhooks.list())).map(view) }),
  );

  app.delete(
    '/webhooks',
    {
      schema: {
        tags,
        summary: 'Remove the webhook with a URL.',
        ...named,
        response: { 200: z.object({ message: z.string() }) },
      },
    },
    async ({ query, body }) => {
      const url = urlOf(query, body);
      if (!(await asked(() => webhooks.remove(url)))) throw new StreampoolError(404, 'Webhook not found');
      return { message: `Webhook ${disclosure.url(url)} removed` };
    },
  );

  app.post(
    '/webhooks/test',
    {
      schema: {
        tags,
        summary: 'Send an event of a stream that does not exist to a webhook, and wait for its answer.',
        ...named,
        response: { 200: z.object({ message: z.string(), event_id: z.string() }) },
      },
    },
    async ({ query, body }) => {
      const url = urlOf(query, body);
      const webhook = (await asked(() => webhooks.list())).find((each) => each.url === url);
      if (webhook === undefined) throw new StreampoolError(404, 'Webhook not found');
      const { eventId, failure } = await webhooks.test(webhook);
      if (failure !== undefined) throw new StreampoolError(502, `The webhook did not take the event: ${failure}.`);
      return { message: 'Test event sent successfully', event_id: eventId };
    },
  );

  function view(webhook: KeptWebhook): z.infer<typeof webhookView> {
    const { url, events, timeoutMs, retryAttempts, secret, template, progress } = webhook;
    return {
      url: disclosure.url(url),
      events: [...events],
      timeout: timeoutMs / 1000,
      retry_attempts: retryAttempts,
      signed: secret !== undefined,
      template: template ?? null,
      delivered: progress?.delivered ?? 0,
      failed: progress?.failed ?? 0,
      missed: progress?.missed ?? 0,
    };
  }

  /** @throws {StreampoolError} 503 when the registry does not answer */
  async function asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (!isOutage(error)) throw error;
      const text = 'Redis does not answer, and it has the webhooks. Try again in a moment.';
      throw new StreampoolError(503, text, { retryAfterSeconds: 2, cause: error });
    }
  }
}
