/** Bodies in the form that a receiver wants, from a Mustache template. It only names fields of the event: it decides and repeats nothing. */

import Mustache from 'mustache';
import { StreampoolError } from '../errors.ts';

export const MAX_TEMPLATE_CHARACTERS = 4_000;

/** What a body is: JSON when the template makes JSON of an example. */
export type BodyType = 'application/json' | 'text/plain; charset=utf-8';

/** The event as requests without a template have it. */
export type Fields = Readonly<Record<string, unknown>>;

interface Filled {
  readonly text: string;
  readonly type: BodyType;
}

function inJson(value: unknown): string {
  return JSON.stringify(String(value)).slice(1, -1);
}

/**
 * What a template sees of a value: objects without a prototype, and lists as text. So a name finds nothing but a field, and no section
 * is repeated.
 */
function viewOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(String).join(', ');
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  return Object.assign(
    Object.create(null),
    Object.fromEntries(Object.entries(value).map(([name, each]) => [name, viewOf(each)])),
  );
}

/** Each time with a cache of its own: any number of templates may come from outside. */
function render(template: string, fields: Fields, written: (value: unknown) => string): string {
  return new Mustache.Writer().render(template, viewOf(fields), undefined, { escape: written });
}

/** @param example an event as it may come: it decides what the body is */
export function filledIn(template: string, fields: Fields, example: Fields): Filled {
  if (isJson(render(template, example, inJson))) {
    return { text: render(template, fields, inJson), type: 'application/json' };
  }
  return { text: render(template, fields, String), type: 'text/plain; charset=utf-8' };
}

/** @throws {StreampoolError} 422 for a template that cannot be read, or that does more than name fields */
export function checkTemplate(template: string): void {
  let tokens: readonly unknown[];
  try {
    tokens = new Mustache.Writer().parse(template);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StreampoolError(422, `The template is no Mustache template: ${why}.`, { cause });
  }
  const refused = tagsIn(tokens).find((kind) => kind === '&' || kind === '>');
  if (refused === undefined) return;
  const text =
    refused === '>'
      ? 'The template takes in another one ({{> …}}), and there is none.'
      : 'The template has a tag that escapes nothing ({{{…}}} or {{&…}}); write {{…}}.';
  throw new StreampoolError(422, text);
}

/** The kinds of all tags, as Mustache names them, also of those inside sections. */
function tagsIn(tokens: readonly unknown[]): string[] {
  return tokens.flatMap((token) => {
    if (!Array.isArray(token)) return [];
    const [kind, , , , inner] = token as unknown[];
    return [String(kind), ...(Array.isArray(inner) ? tagsIn(inner) : [])];
  });
}

function isJson(text: string): boolean {
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}
