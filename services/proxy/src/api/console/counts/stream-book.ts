/** What seldom changes of streams, read once for all who look on. */

import { factsOf } from '../../../../../registry/events/stream-facts.ts';
import { playedSource } from '../../../../../registry/groups.ts';
import type { Glances } from '../../../../../registry/registry.ts';
import { Turns } from '../../../../../registry/turns.ts';
import type { StreamRecord } from '../../../../../registry/types.ts';
import type { Clock } from '../../../../../shared/clock.ts';
import type { PlayingStream } from '../../../../../shared/console/live.ts';
import { maskUrl } from '../../../../../shared/masking/mask.ts';
import { streamType } from '../../views/stream-views.ts';

/** Events tell which streams have changed. An outage may have kept one back. */
const KEPT_MS = 60_000;

/** What is shown of a stream's record. Masking takes a tenth of a millisecond, so this is made once and kept. */
export type ShownRecord = Pick<PlayingStream, 'name' | 'profile' | 'sourceHost' | 'backup'>;

export interface KnownStream extends ShownRecord {
  readonly createdAtMs: number;
  /** What people may search for: name, host, metadata, id. */
  readonly text: string;
  /** It is passed on as DASH. */
  readonly isDash: boolean;
}

export function knownStream(record: StreamRecord): KnownStream {
  const { id, profile, failover, createdAtMs } = record;
  const { name, metadata } = factsOf(record).about;
  const sourceHost = hostOf(failover.currentUrl);
  return {
    ...{ name, profile: profile?.name, sourceHost, backup: playedSource(record) + 1, createdAtMs },
    isDash: streamType(record) === 'DASH',
    text: [name, sourceHost, hostOf(record.url), ...Object.values(metadata), id].join('\n').toLowerCase(),
  };
}

/** Host and port of a URL, and nothing of what may be a credential. */
function hostOf(url: string): string {
  const masked = maskUrl(url);
  return URL.canParse(masked) ? new URL(masked).host : masked;
}

interface Read {
  /** Undefined where there is no record that can be read. */
  readonly stream: KnownStream | undefined;
  readonly untilMs: number;
}

export class StreamBook {
  readonly #registry: Pick<Glances, 'streamsOf'>;
  readonly #clock: Clock;
  readonly #read = new Map<string, Read>();

  constructor(registry: Pick<Glances, 'streamsOf'>, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
  }

  /** Those of these streams that exist. Reads what it does not know, or has read a minute ago. */
  async of(ids: readonly string[]): Promise<ReadonlyMap<string, KnownStream>> {
    const nowMs = this.#clock.monotonicMs();
    const known = new Map(ids.map((id) => [id, this.#read.get(id)] as const));
    const wanted = ids.filter((id) => (known.get(id)?.untilMs ?? nowMs) <= nowMs);
    if (wanted.length > 0) await this.#readAnew(wanted, nowMs + KEPT_MS, known);
    return new Map([...known].flatMap(([id, read]) => (read?.stream === undefined ? [] : [[id, read.stream]])));
  }

  /** Something of these streams is another. */
  changed(ids: readonly string[]): void {
    for (const id of ids) this.#read.delete(id);
  }

  /** Forgets the streams that are not among those that there are. */
  keep(ids: ReadonlyMap<string, unknown>): void {
    for (const id of this.#read.keys()) if (!ids.has(id)) this.#read.delete(id);
  }

  clear(): void {
    this.#read.clear();
  }

  /** Also into `known`: meanwhile everything may be forgotten. */
  async #readAnew(ids: readonly string[], untilMs: number, known: Map<string, Read | undefined>): Promise<void> {
    const turns = new Turns(this.#clock);
    const records = new Map((await this.#registry.streamsOf(ids)).map((record) => [record.id, record] as const));
    for (const id of ids) {
      const record = records.get(id);
      const read = { stream: record && knownStream(record), untilMs };
      this.#read.set(id, read);
      known.set(id, read);
      if (turns.isOver) await turns.next();
    }
  }
}
