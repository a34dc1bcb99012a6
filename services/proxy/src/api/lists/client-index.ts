/** All viewers of the cluster, for people who search in them: read once for all who ask within a short time. */

import type { ClientRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ViewerPage } from '../../../../shared/console/lists.ts';
import type { Services } from '../../worker/services.ts';
import { SharedAnswer } from '../console/counts/shared-answer.ts';
import { type ClientQuestion, clientPage } from './client-list.ts';
import { KeptPages } from './kept-pages.ts';
import type { StreamIndex } from './stream-index.ts';

interface ClientsNow {
  readonly clients: readonly ClientRecord[];
  readonly nameOf: (streamId: string) => string;
}

export class ClientIndex {
  readonly #answer: SharedAnswer<ClientsNow>;
  readonly #pages = new KeptPages<ClientsNow, ClientQuestion, ViewerPage>();

  constructor(
    { registry }: Pick<Services, 'registry'>,
    streams: Pick<StreamIndex, 'names'>,
    clock: Clock = systemClock,
  ) {
    const read = async (): Promise<ClientsNow> => {
      // One after the other: both at once would block the event loop twice as long.
      const nameOf = await streams.names();
      return { clients: await registry.clients(), nameOf };
    };
    this.#answer = new SharedAnswer(read, clock);
  }

  async page(question: ClientQuestion): Promise<ViewerPage> {
    const now = await this.#answer.get();
    return this.#pages.of(now, question, async () => clientPage(now.clients, question, now.nameOf, Date.now()));
  }
}
