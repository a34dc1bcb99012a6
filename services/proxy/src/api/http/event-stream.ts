/** An answer of server-sent events. What is written goes out at once, and a reader that does not read is dropped. */

import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** A reader that leaves so much unread is dropped. */
const MAX_UNREAD_BYTES = 1_000_000;
/** Load balancers close connections on which nothing comes for a minute. */
const COMMENT_MS = 15_000;

export interface MessageHead {
  /** What `Last-Event-ID` says when the reader comes back. */
  readonly id?: string;
  /** The kind of the message. */
  readonly event?: string;
}

/**
 * One message as it goes over the wire.
 *
 * @example message({ missed: 3 }, { event: 'missed' }) // 'event: missed\ndata: {"missed":3}\n\n'
 */
export function message(data: object, { id, event }: MessageHead = {}): string {
  const head = (event === undefined ? '' : `event: ${event}\n`) + (id === undefined ? '' : `id: ${id}\n`);
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}

export class EventStream {
  readonly #body = new Readable({ read: () => undefined });

  constructor() {
    const comments = setInterval(() => this.write(': \n\n'), COMMENT_MS);
    this.onEnd(() => clearInterval(comments));
    // The head of the answer goes out at once.
    this.write(': \n\n');
  }

  send(data: object, head?: MessageHead): void {
    this.write(message(data, head));
  }

  /** @param text whole messages */
  write(text: string): void {
    if (this.isOver) return;
    if (this.#body.readableLength + text.length > MAX_UNREAD_BYTES) this.end();
    else this.#body.push(text);
  }

  get isOver(): boolean {
    return this.#body.destroyed;
  }

  end(): void {
    this.#body.destroy();
  }

  /** Calls back when the reader has gone, or was dropped; at once if that was before. */
  onEnd(callback: () => void): void {
    if (this.isOver) callback();
    else this.#body.once('close', callback);
  }

  answer<R extends FastifyReply>(reply: R): R {
    reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    // It is no JSON, so the schema of the route's answer does not hold.
    reply.type('text/event-stream; charset=utf-8').send(this.#body as never);
    return reply;
  }
}
