/** Media that a relay has sent and the splicer has not taken yet, in order. Its sender waits while there is much. */

/** `whole`: all units that have begun so far are complete. */
export type RelayItem = Buffer | 'whole';

export interface MediaQueueFlow {
  /** How much media may wait. */
  readonly maxBytes: number;
  readonly pause: () => void;
  readonly resume: () => void;
}

export class MediaQueue implements AsyncIterable<RelayItem> {
  readonly #flow: MediaQueueFlow;
  readonly #items: RelayItem[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(flow: MediaQueueFlow) {
    this.#flow = flow;
  }

  push(item: RelayItem): void {
    this.#items.push(item);
    this.#bytes += item.length;
    if (this.#bytes > this.#flow.maxBytes) this.#flow.pause();
    this.#wake?.();
  }

  /** Nothing follows; what is here can still be taken. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RelayItem> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#bytes -= item.length;
        if (this.#bytes <= this.#flow.maxBytes) this.#flow.resume();
        yield item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
