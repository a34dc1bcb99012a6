/** What is said of single streams: a bounded number of series, however many streams there are. */

import { factsOf } from '../../../registry/events/stream-facts.ts';
import type { StreamSummary } from '../../../registry/registry.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import type { ProcessStatus } from '../processes/process-feeds.ts';
import type { UnfedStream } from '../viewers/unfed-streams.ts';
import type { Labelled } from './collectors.ts';

/** So many streams have a series of their own: those with the most viewers. */
export const NAMED_STREAMS = 500;
const OTHER = ['other', 'other'] as const;
const MAX_NAME_CHARACTERS = 128;

export interface StreamSeriesSources {
  readonly feeds: () => readonly Pick<ProcessStatus, 'streamId' | 'slot' | 'place' | 'made'>[];
  readonly unfed: () => readonly UnfedStream[];
  /** As that of `SureTotals`. */
  readonly totals: (
    ids: readonly string[],
  ) => Promise<ReadonlyMap<string, Pick<StreamSummary, 'viewers' | 'bytesServed'>>>;
  readonly remembered: (streamId: string) => StreamRecord | undefined;
}

interface Shown {
  readonly streamId: string;
  readonly viewers: number;
  readonly bytes: number;
  readonly speed: number | undefined;
}

export class StreamSeries {
  readonly #sources: StreamSeriesSources;
  readonly #named: number;
  /** Masking costs time, and a name seldom changes. */
  readonly #names = new Map<string, { readonly of: string; readonly name: string }>();
  /** What each stream had got when it was last read. */
  #bytesBefore = new Map<string, number>();
  /** What streams have got while they had no series of their own. */
  #otherBytes = 0;
  #reading: Promise<readonly Shown[]> | undefined;

  constructor(sources: StreamSeriesSources, named = NAMED_STREAMS) {
    this.#sources = sources;
    this.#named = named;
  }

  async clients(): Promise<Labelled> {
    const { own, others } = await this.#shown();
    const rest = others.reduce((sum, { viewers }) => sum + viewers, 0);
    return [...own.map((each) => [this.#labels(each), each.viewers] as const), ...otherwise(others, rest)];
  }

  async bytes(): Promise<Labelled> {
    const { own, others } = await this.#shown();
    this.#countOthers(own, others);
    const isThere = others.length > 0 || this.#otherBytes > 0;
    const rest = isThere ? [[OTHER, this.#otherBytes] as const] : [];
    return [...own.map((each) => [this.#labels(each), each.bytes] as const), ...rest];
  }

  /** Of the others that of the slowest. */
  async speed(): Promise<Labelled> {
    const { own, others } = await this.#shown();
    const slowest = others.flatMap(({ speed }) => speed ?? []);
    return [
      ...own.flatMap((each) => (each.speed === undefined ? [] : [[this.#labels(each), each.speed] as const])),
      ...otherwise(slowest, Math.min(...slowest)),
    ];
  }

  /** A sum of values that come and go is no counter. So what the others get is added up. */
  #countOthers(own: readonly Shown[], others: readonly Shown[]): void {
    for (const { streamId, bytes } of others) {
      this.#otherBytes += Math.max(0, bytes - (this.#bytesBefore.get(streamId) ?? bytes));
    }
    this.#bytesBefore = new Map([...own, ...others].map(({ streamId, bytes }) => [streamId, bytes]));
  }

  async #shown(): Promise<{ own: readonly Shown[]; others: readonly Shown[] }> {
    // One scrape asks for all series at once.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    const all = await this.#reading;
    return { own: all.slice(0, this.#named), others: all.slice(this.#named) };
  }

  /** The most watched first. */
  async #read(): Promise<readonly Shown[]> {
    const { feeds, unfed, totals } = this.#sources;
    const made = feeds().filter(({ slot, place }) => slot === 0 && place.kind === 'own' && place.split !== true);
    const known = await totals(made.map(({ streamId }) => streamId));
    const shown = made.flatMap(({ streamId, made: pace }) => {
      const { viewers, bytesServed } = known.get(streamId) ?? {};
      if (viewers === undefined || bytesServed === undefined) return [];
      return [{ streamId, viewers, bytes: bytesServed, speed: pace?.speed }];
    });
    const hasFeed = new Set(shown.map(({ streamId }) => streamId));
    for (const { streamId, viewers, bytesServed } of unfed()) {
      if (!hasFeed.has(streamId)) shown.push({ streamId, viewers, bytes: bytesServed, speed: undefined });
    }
    const isShown = new Set(shown.map(({ streamId }) => streamId));
    for (const id of this.#names.keys()) if (!isShown.has(id)) this.#names.delete(id);
    return shown.sort((a, b) => b.viewers - a.viewers || (a.streamId < b.streamId ? -1 : 1));
  }

  #labels({ streamId }: Shown): readonly [stream: string, name: string] {
    const record = this.#sources.remembered(streamId);
    if (record === undefined) return [streamId, ''];
    const of = JSON.stringify([record.url, record.failoverUrls, record.metadata.name]);
    const known = this.#names.get(streamId);
    if (known?.of === of) return [streamId, known.name];
    const name = factsOf(record).about.name.slice(0, MAX_NAME_CHARACTERS);
    this.#names.set(streamId, { of, name });
    return [streamId, name];
  }
}

function otherwise(others: readonly unknown[], value: number): [readonly [string, string], number][] {
  return others.length === 0 ? [] : [[OTHER, value]];
}
