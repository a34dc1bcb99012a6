/** All viewers of the cluster, for people who search in them: read once for all who ask within a short time. */

import type { ClientRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { Services } from '../../worker/services.ts';
import { SharedAnswer } from './shared-answer.ts';
import type { StreamIndex } from './stream-index.ts';

export interface ClientsNow {
  readonly clients: readonly ClientRecord[];
  /** What a stream is called; its id while nobody knows. */
  readonly nameOf: (streamId: string) => string;
}

export class ClientIndex {
  readonly #answer: SharedAnswer<ClientsNow>;

  constructor({ registry }: Pick<Services, 'registry'>, streams: Pick<StreamIndex, 'now'>, clock: Clock = systemClock) {
    const read = async (): Promise<ClientsNow> => {
      // One after the other: both at once would block the event loop twice as long.
      const { known } = await streams.now();
      const clients = await registry.clients();
      return { clients, nameOf: (streamId) => known.get(streamId)?.name ?? streamId };
    };
    this.#answer = new SharedAnswer(read, clock);
  }

  now(): Promise<ClientsNow> {
    return this.#answer.get();
  }
}
