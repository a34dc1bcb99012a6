/** What this worker has read of all streams for people who search in them. It reads little anew while they go on asking. */

import type { Overview } from '../../../../registry/registry.ts';
import type { StreamPage } from '../../../../shared/console/lists.ts';
import type { Services } from '../../worker/services.ts';
import type { Glance } from '../console/counts/glance.ts';
import type { Watched } from './client-list.ts';
import { KeptPages } from './kept-pages.ts';
import { assertKnowsFailures, type StreamQuestion, type StreamsNow, streamPage } from './stream-list.ts';

export class StreamIndex {
  readonly #services: Pick<Services, 'config'>;
  readonly #glance: Glance;
  readonly #pages = new KeptPages<Overview, StreamQuestion, StreamPage>();

  constructor(services: Pick<Services, 'config'>, glance: Glance) {
    this.#services = services;
    this.#glance = glance;
  }

  /**
   * A page of the streams: little more than a second old; what rarely changes of a stream, such as its name, at most a minute.
   *
   * @throws {StreampoolError} 503 when the question is about failures and nobody knows them
   */
  async page(question: StreamQuestion): Promise<StreamPage> {
    const overview = await this.#glance.overview('list');
    return this.#pages.of(overview, question, async () => {
      const nowMs = Date.now();
      const events = await this.#glance.recentEvents();
      const known = await this.#glance.streams([...overview.summaries.keys()]);
      const now: StreamsNow = { ...overview, known, failures: events?.failuresByStream(nowMs) };
      assertKnowsFailures(now, question);
      return streamPage(now, question, { nowMs, graceMs: this.#services.config.sharedStreamGraceMs });
    });
  }

  /** Names of these streams; those that do not exist are left out. */
  async names(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return new Map([...(await this.#glance.streams(ids))].map(([id, { name }]) => [id, name]));
  }

  /** What viewers watch: a stream's name, which is its id while nobody knows. @param only of this one; undefined: of all */
  async watched(only?: string): Promise<(streamId: string) => Watched> {
    const ids = only === undefined ? [...(await this.#glance.overview('list')).summaries.keys()] : [only];
    const known = await this.#glance.streams(ids);
    return (streamId) => known.get(streamId) ?? { name: streamId, isDash: false };
  }
}
