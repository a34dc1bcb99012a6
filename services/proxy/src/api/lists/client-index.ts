/** The viewers of the cluster, or of one stream, for people who search in them: read once for all who ask within a short time. */

import type { ClientRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ViewerPage } from '../../../../shared/console/lists.ts';
import type { Services } from '../../worker/services.ts';
import { SharedAnswer } from '../console/counts/shared-answer.ts';
import { type ClientQuestion, clientPage, type Watched } from './client-list.ts';
import { KeptPages } from './kept-pages.ts';
import type { StreamIndex } from './stream-index.ts';

/** Streams whose viewers are remembered at a time. */
const KEPT_STREAMS = 20;

interface ClientsNow {
  readonly clients: readonly ClientRecord[];
  readonly watched: (streamId: string) => Watched;
}

interface Known {
  readonly answer: SharedAnswer<ClientsNow>;
  readonly pages: KeptPages<ClientsNow, ClientQuestion, ViewerPage>;
}

export class ClientIndex {
  readonly #registry: Pick<Services['registry'], 'clients'>;
  readonly #streams: Pick<StreamIndex, 'watched'>;
  readonly #clock: Clock;
  /** By stream; undefined: of all. */
  readonly #known = new Map<string | undefined, Known>();

  constructor(
    { registry }: { readonly registry: Pick<Services['registry'], 'clients'> },
    streams: Pick<StreamIndex, 'watched'>,
    clock: Clock = systemClock,
  ) {
    this.#registry = registry;
    this.#streams = streams;
    this.#clock = clock;
  }

  async page(question: ClientQuestion): Promise<ViewerPage> {
    const { answer, pages } = this.#of(question.streamId);
    const now = await answer.get();
    return pages.of(now, question, async () => clientPage(now.clients, question, now.watched, Date.now()));
  }

  #of(streamId: string | undefined): Known {
    const known = this.#known.get(streamId) ?? { answer: this.#reading(streamId), pages: new KeptPages() };
    // Those that were asked about last stand at the end.
    this.#known.delete(streamId);
    this.#known.set(streamId, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KEPT_STREAMS) this.#known.delete(oldest);
    return known;
  }

  #reading(streamId: string | undefined): SharedAnswer<ClientsNow> {
    const read = async (): Promise<ClientsNow> => {
      // One after the other: both at once would block the event loop twice as long.
      const watched = await this.#streams.watched(streamId);
      return { clients: await this.#registry.clients(streamId), watched };
    };
    return new SharedAnswer(read, this.#clock);
  }
}
