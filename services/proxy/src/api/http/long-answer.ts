/** Answers whose lists may have tens of thousands of items: written item by item, in turns, as fast as the client reads. */

import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Turns } from '../../../../registry/turns.ts';

/** How much is written to the socket at once, in characters. */
const PIECE_CHARACTERS = 32 * 1024;

/** The items of a list; each is made when it is written. A text is JSON already. */
export type Items = Iterable<object | string>;

export function* each<T, V extends object | string>(items: Iterable<T>, view: (item: T) => V): Generator<V> {
  for (const item of items) yield view(item);
}

/** Sends one JSON object: the fields of `head`, which must not be empty, then the lists. */
export function sendLong<R extends FastifyReply>(reply: R, head: object, lists: Record<string, Items>): R {
  reply.type('application/json; charset=utf-8').send(Readable.from(pieces(head, lists)));
  return reply;
}

async function* pieces(head: object, lists: Record<string, Items>): AsyncGenerator<string> {
  const turns = new Turns();
  let text = JSON.stringify(head).slice(0, -1);
  for (const [name, items] of Object.entries(lists)) {
    let before = `,${JSON.stringify(name)}:[`;
    for (const item of items) {
      text += before + (typeof item === 'string' ? item : JSON.stringify(item));
      before = ',';
      if (text.length < PIECE_CHARACTERS && !turns.isOver) continue;
      yield text;
      text = '';
      if (turns.isOver) await turns.next();
    }
    text += before === ',' ? ']' : `${before}]`;
  }
  yield `${text}}`;
}

/**
 * The JSON of objects that seldom change: made once for each, and kept for as long as somebody has the object.
 *
 * @param view what is shown of an object; it depends on nothing else
 *
 * @example const textOf = keptText(viewOf); textOf(record); // the second time without viewOf
 */
export function keptText<T extends object>(view: (of: T) => object): (of: T) => string {
  const texts = new WeakMap<T, string>();
  return (of) => {
    const kept = texts.get(of);
    if (kept !== undefined) return kept;
    const text = JSON.stringify(view(of));
    texts.set(of, text);
    return text;
  };
}
