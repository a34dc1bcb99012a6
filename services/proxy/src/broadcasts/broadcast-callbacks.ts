/** The callbacks of a worker that are not sent yet: one for a broadcast, which the next programme, a stop or a deletion overtakes. */

import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { type BroadcastCallback, type CallbackEvent, callbackBody } from './broadcast-callback.ts';
import type { RecordingIndex } from './store/recording-index.ts';

export interface BroadcastCallbacksDeps {
  readonly callback: Pick<BroadcastCallback, 'send'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a callback says. */
export interface Told {
  readonly event: CallbackEvent;
  /** The broadcast as it has ended. */
  readonly index: RecordingIndex;
  /** The programme of now. A later one overtakes this. */
  readonly programme: number;
  /** Of the programme that has followed by itself. */
  readonly newPid?: number | undefined;
}

export class BroadcastCallbacks {
  readonly #deps: BroadcastCallbacksDeps;
  readonly #waiting = new Map<string, { readonly programme: number; readonly overtaken: AbortController }>();
  readonly #stopped = new AbortController();

  constructor(deps: BroadcastCallbacksDeps) {
    this.#deps = deps;
  }

  tell({ event, index, programme, newPid }: Told): void {
    const { callback, clock, log } = this.#deps;
    const { id, order, error } = index;
    this.overtake(id);
    const overtaken = new AbortController();
    const waiting = { programme, overtaken };
    this.#waiting.set(id, waiting);
    const body = callbackBody(event, index, clock.wallMs(), { error, newPid });
    // The receiver may start the next programme before it answers.
    void callback
      .send(order, body, overtaken.signal, this.#stopped.signal)
      .catch((cause: unknown) => log.error({ err: cause, broadcast: id }, 'a callback could not be sent'))
      .finally(() => {
        if (this.#waiting.get(id) === waiting) this.#waiting.delete(id);
      });
  }

  /** A start, a stop or a deletion overtakes what its callback has to say. */
  overtake(id: string): void {
    this.#waiting.get(id)?.overtaken.abort();
    this.#waiting.delete(id);
  }

  /** It has come to this programme, by whichever worker. */
  isAt(id: string, programme: number): void {
    if (programme > (this.#waiting.get(id)?.programme ?? 0)) this.overtake(id);
  }

  /** Ends them all. */
  stop(): void {
    this.#stopped.abort();
  }
}
