/** What a template makes of an event, and which templates are refused. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exampleEvent, requestOf } from '../../../services/proxy/src/webhooks/webhook-request.ts';
import { checkTemplate } from '../../../services/proxy/src/webhooks/webhook-template.ts';
import type { RecordedEvent } from '../../../services/registry/events/event.ts';

const PAGE = join(import.meta.dirname, '..', '..', '..', 'docs', 'events.md');

const EVENT: RecordedEvent = {
  id: '5-1',
  type: 'takeover',
  atMs: 5,
  late: false,
  streamId: 'a'.repeat(32),
  data: { name: 'A "quoted"\nname', from: 'worker-1', gap_ms: 31, urls: ['one', 'two'], none: null, is: false },
};

function made(template: string, event = EVENT) {
  const { text, headers } = requestOf(event, { headers: {}, template }) ?? {};
  return { text, type: headers?.['content-type'] };
}

it.each([
  ['text', '{{event_type}} {{data.name}}', 'takeover A "quoted"\nname', 'text/plain; charset=utf-8'],
  ['no field', '<{{nothing}}> {{data.none}} {{data.nothing.else}}', '<>  ', 'text/plain; charset=utf-8'],
  ['no member of a type', 'a{{constructor}}{{data.toString}}', 'a', 'text/plain; charset=utf-8'],
  [
    'a section',
    'x{{#data.from}} from {{data.from}}{{/data.from}}{{#data.is}} no{{/data.is}}',
    'x from worker-1',
    'text/plain; charset=utf-8',
  ],
  ['a list, once', 'x{{#data.urls}} {{data.urls}}{{/data.urls}}', 'x one, two', 'text/plain; charset=utf-8'],
])('%s', (_, template, text, type) => {
  expect(made(template)).toEqual({ text, type });
});

it('quotes values where the template makes JSON', () => {
  const { text, type } = made('{"content": "{{data.name}} {{data.gap_ms}}", "n": 5}');
  expect(type).toBe('application/json');
  expect(JSON.parse(String(text))).toEqual({ content: 'A "quoted"\nname 31', n: 5 });
});

it.each([
  ['{{#data}} without an end', /no Mustache template/],
  ['{{data.name', /no Mustache template/],
  ['{{{data.name}}}', /escapes nothing/],
  ['{{#data}}{{&name}}{{/data}}', /escapes nothing/],
  ['{{> other}}', /takes in another one/],
])('refuses %s', (template, why) => {
  expect(() => checkTemplate(template)).toThrow(why);
});

describe('the templates of docs/events.md', () => {
  const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/```json\n([\s\S]*?)```/g)].map(
    ([, text]) => JSON.parse(String(text)) as { template?: string; url?: string },
  );
  const shown = blocks.flatMap(({ template, url }) =>
    template === undefined ? [] : [[String(url), template] as const],
  );

  it('are three', () => {
    expect(shown).toHaveLength(3);
  });

  it.each(shown)('%s', (_, template) => {
    checkTemplate(template);
    const { text, type } = made(template, exampleEvent(5));
    expect(text).toContain('stream_started');
    expect(template.startsWith('{"')).toBe(type === 'application/json');
  });
});
