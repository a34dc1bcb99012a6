/** What the page Providers shows of the accounts over which the cluster reads, made of what its workers say. Pure. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import type { WorkerRecord } from '../../../../registry/types.ts';
import { type About, MAX_ROWS, type ProvidersState, type ShownAccount } from '../../../../shared/console/live.ts';

/** An error is shown for so long. */
export const ERROR_MS = 3_600_000;
/** So many streams of an account are named. */
const NAMED = 10;

export interface ProvidersFacts {
  readonly about: About;
  readonly workers: readonly WorkerRecord[];
  /** SOURCE_MAX_CONNECTIONS; 0: no limit. */
  readonly limit: number;
  /** Names of streams, at least of those that `heldStreams` names. */
  readonly names: ReadonlyMap<string, string>;
  /** Events of the type `source_lost`, the newest first. */
  readonly losses: readonly RecordedEvent[];
  readonly nowMs: number;
}

interface Account {
  readonly host: string;
  connections: number;
  refused: number;
  readonly streams: Set<string>;
}

/** The accounts of all workers, those with the most connections first. */
function accountsOf(workers: readonly WorkerRecord[]): [string, Account][] {
  const readers = new Map<string, Set<string>>();
  for (const { connections } of workers) {
    for (const [streamId, names] of Object.entries(connections?.reads ?? {})) {
      for (const name of names) readers.set(name, (readers.get(name) ?? new Set()).add(streamId));
    }
  }
  const accounts = new Map<string, Account>();
  for (const { accounts: all = {} } of workers) {
    for (const [hash, { host, held, refused = 0 }] of Object.entries(all)) {
      const account = accounts.get(hash) ?? { host, connections: 0, refused: 0, streams: new Set() };
      accounts.set(hash, account);
      account.refused += refused;
      for (const [holder, count] of Object.entries(held)) {
        account.connections += count;
        // A source is named by its key; a stream's own connection by the stream.
        for (const streamId of readers.get(holder) ?? [holder]) account.streams.add(streamId);
      }
    }
  }
  return [...accounts]
    .sort(([a, one], [b, other]) => {
      return other.connections - one.connections || other.refused - one.refused || (a < b ? -1 : 1);
    })
    .slice(0, MAX_ROWS);
}

/** The streams whose names are shown. */
export function heldStreams(workers: readonly WorkerRecord[]): string[] {
  return [...new Set(accountsOf(workers).flatMap(([, { streams }]) => [...streams].sort().slice(0, NAMED)))];
}

export function providersState({ about, workers, limit, names, losses, nowMs }: ProvidersFacts): ProvidersState {
  const accounts = accountsOf(workers);
  const total = new Set(workers.flatMap(({ accounts: all = {} }) => Object.keys(all))).size;
  const ofHost = new Map<string, string[]>();
  for (const [hash, { host }] of accounts) ofHost.set(host, [...(ofHost.get(host) ?? []), hash].sort());
  const errors = new Map<string, RecordedEvent>();
  for (const event of losses) {
    const host = hostOf(event.data.source);
    if (nowMs - event.atMs < ERROR_MS && host !== '' && !errors.has(host)) errors.set(host, event);
  }
  const shown = accounts.map(([hash, { host, connections, refused, streams }]): [string, ShownAccount] => {
    const others = ofHost.get(host) ?? [];
    const error = errors.get(host);
    const reason = error?.data.reason;
    return [
      // The hash itself is nobody's business.
      `${host} ${others.indexOf(hash) + 1}`,
      {
        host,
        number: others.length > 1 ? others.indexOf(hash) + 1 : undefined,
        connections,
        refused,
        streams: Object.fromEntries(
          [...streams]
            .sort()
            .slice(0, NAMED)
            .flatMap((id) => (names.has(id) ? [[id, names.get(id) ?? '']] : [])),
        ),
        more: Math.max(0, streams.size - NAMED),
        lastError: typeof reason === 'string' ? reason : undefined,
        lastErrorMs: typeof reason === 'string' ? error?.atMs : undefined,
      },
    ];
  });
  return {
    about,
    ...(limit > 0 && { limit }),
    accounts: Object.fromEntries(shown),
    order: shown.map(([name]) => name),
    total: Math.max(total, shown.length),
  };
}

function hostOf(source: unknown): string {
  return typeof source === 'string' && URL.canParse(source) ? new URL(source).host : '';
}
