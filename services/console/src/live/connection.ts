/** The live stream of a page: opened, watched, and opened again when it breaks, at whatever worker answers then. */

import { type Message, messageReader } from './messages.ts';

/** How long it waits before each new attempt, in ms; the last one again and again. */
export const RETRY_MS = [500, 1_000, 2_000, 4_000, 5_000] as const;
/** A worker speaks once a second. One that is silent for so long has hung, or the network is cut. */
export const SILENT_MS = 5_000;

export type Status =
  | { readonly kind: 'closed' }
  /** Nothing has come yet. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'live' }
  | {
      readonly kind: 'lost';
      /** By the clock of the page, in ms. */
      readonly sinceMs: number;
      /** What a worker has answered in place of the stream, if one has. */
      readonly reason: string | undefined;
    };

export interface ConnectionOptions {
  readonly url: string;
  readonly headers: () => Record<string, string>;
  readonly onMessage: (message: Message) => void;
  readonly onStatus: (status: Status) => void;
  /** The token is missing or wrong; the connection is closed. */
  readonly onRefused: () => void;
  readonly fetch?: typeof fetch;
  readonly now?: () => number;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #now: () => number;
  #status: Status = { kind: 'closed' };
  #attempt = 0;
  #lastId = '';
  #retry: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  open(): void {
    if (this.#status.kind !== 'closed') return;
    this.#become({ kind: 'opening' });
    void this.#read();
  }

  close(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#abort?.abort();
    this.#abort = undefined;
    this.#attempt = 0;
    this.#become({ kind: 'closed' });
  }

  async #read(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#watch(abort);
    let reason: string | undefined;
    try {
      const headers: Record<string, string> = { ...this.#options.headers(), accept: 'text/event-stream' };
      if (this.#lastId !== '') headers['last-event-id'] = this.#lastId;
      const ask = this.#options.fetch ?? fetch;
      const answer = await ask(this.#options.url, { headers, signal: abort.signal });
      if (answer.status === 401 || answer.status === 403) {
        this.close();
        this.#options.onRefused();
        return;
      }
      if (answer.ok && answer.body !== null) await this.#follow(answer.body, abort);
      else reason = await detailOf(answer);
    } catch {
      // Refused, cut off or silent: the schedule says what comes next.
    }
    // Closed meanwhile, or opened anew.
    if (this.#abort === abort) this.#lose(reason);
  }

  async #follow(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
    const next = messageReader();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || abort.signal.aborted) return;
      this.#watch(abort);
      for (const message of next(decoder.decode(value, { stream: true }))) {
        if (message.id !== '') this.#lastId = message.id;
        this.#attempt = 0;
        this.#options.onMessage(message);
        if (this.#status.kind !== 'live') this.#become({ kind: 'live' });
      }
    }
  }

  /** Takes silence for a loss, beginning now. */
  #watch(abort: AbortController): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => abort.abort(), SILENT_MS);
  }

  #lose(reason: string | undefined): void {
    clearTimeout(this.#silence);
    const sinceMs = this.#status.kind === 'lost' ? this.#status.sinceMs : this.#now();
    this.#become({ kind: 'lost', sinceMs, reason });
    const waitMs = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)];
    this.#attempt += 1;
    this.#retry = setTimeout(() => void this.#read(), waitMs);
  }

  #become(status: Status): void {
    this.#status = status;
    this.#options.onStatus(status);
  }
}

async function detailOf(answer: Response): Promise<string | undefined> {
  try {
    const { detail } = (await answer.json()) as { detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    return undefined;
  }
}
