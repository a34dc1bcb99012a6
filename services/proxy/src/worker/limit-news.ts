/** Tells that somebody was refused because of a limit, and which streams have used it up. */

import { countConnections } from '../../../registry/connections.ts';
import { EventLimit } from '../../../registry/events/event-limit.ts';
import { factsOf } from '../../../registry/events/stream-facts.ts';
import type { EventTeller, Members, StreamRecords } from '../../../registry/registry.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { LimitError } from '../errors.ts';
import { accountOf } from '../upstream/provider/provider-connections.ts';

/** So many names say enough. */
const NAMED = 10;

export interface LimitNewsDeps {
  readonly registry: StreamRecords & Members & EventTeller;
  readonly workerId: string;
  /** The streams that play on this worker. */
  readonly playing: () => readonly string[];
  readonly clock: Clock;
}

export class LimitNews {
  readonly #deps: LimitNewsDeps;
  readonly #told: EventLimit;

  constructor(deps: LimitNewsDeps) {
    this.#deps = deps;
    this.#told = new EventLimit(deps.clock);
  }

  /** At most once a minute for each limit, and for each account of a provider. */
  async note({ limit, account, message }: LimitError): Promise<void> {
    if (!this.#told.takes(`${limit} ${account ?? ''}`)) return;
    const { registry, workerId } = this.#deps;
    // The record of events is worth no refusal: without an answer nobody is named.
    const who = await this.#who(limit, account).catch(() => []);
    registry.tellEvent({ type: 'limit_reached', data: { worker_id: workerId, limit, who, detail: message } });
  }

  async #who(limit: LimitError['limit'], account: string | undefined): Promise<string[]> {
    const { registry, playing } = this.#deps;
    // All that there are.
    if (limit === 'streams') return [];
    const streams = await registry.streams();
    const here = new Set(playing());
    let holds = ({ id }: StreamRecord): boolean => here.has(id);
    if (account !== undefined) {
      const connections = countConnections(await registry.workers());
      holds = ({ id, failover, headers, userAgent }) =>
        connections.of(id) > 0 && accountOf({ url: failover.currentUrl, headers, userAgent }) === account;
    }
    return streams
      .filter(holds)
      .slice(0, NAMED)
      .map((stream) => factsOf(stream).about.name);
  }
}
