/** A page of the streams that somebody searches for. Pure. */

import { isIdle } from '../../../../registry/idle.ts';
import type { StreamSummary } from '../../../../registry/registry.ts';
import type { MadeStream, WorkerRecord } from '../../../../registry/types.ts';
import type { StreamFilter, StreamPage, StreamRow, StreamSort, StreamState } from '../../../../shared/console/lists.ts';
import { StreampoolError } from '../../errors.ts';
import type { KnownStream } from '../console/counts/stream-book.ts';
import { isoTime } from '../http/fields.ts';
import { makersOf } from '../views/media-views.ts';
import { hasWords, type Position, pageOf } from './paging.ts';

export interface StreamsNow {
  readonly summaries: ReadonlyMap<string, StreamSummary>;
  readonly workers: readonly WorkerRecord[];
  /** By id. */
  readonly known: ReadonlyMap<string, KnownStream>;
  /** Stream → how much went wrong in the last hour; undefined while the record of events cannot be read. */
  readonly failures: ReadonlyMap<string, number> | undefined;
}

export interface StreamQuestion {
  readonly search: string;
  readonly state: StreamFilter;
  readonly sort: StreamSort;
  readonly limit: number;
  readonly after: Position | undefined;
}

export interface ListTime {
  readonly nowMs: number;
  /** SHARED_STREAM_GRACE. */
  readonly graceMs: number;
}

interface Entry extends Position {
  readonly known: KnownStream;
}

/** @throws {StreampoolError} 503 when the question is about failures and nobody knows them */
export function assertKnowsFailures({ failures }: StreamsNow, { state, sort }: StreamQuestion): void {
  if (failures !== undefined || (state !== 'failing' && sort !== 'failures')) return;
  const text = 'Redis does not answer, and it has the record of events. Try again in a moment.';
  throw new StreampoolError(503, text, { retryAfterSeconds: 2 });
}

export function streamPage(now: StreamsNow, question: StreamQuestion, time: ListTime): StreamPage {
  const { summaries, known, failures } = now;
  const makers = makersOf(now.workers);
  const { search, state, sort, limit, after } = question;
  const entries: Entry[] = [];
  for (const [id, stream] of known) {
    const summary = summaries.get(id);
    if (summary === undefined) continue;
    if (state === 'failing' ? !failures?.has(id) : state !== 'all' && stateOf(id, now, time) !== state) continue;
    if (search !== '' && !hasWords(stream.text, search)) continue;
    const values = {
      viewers: summary.viewers,
      bitrate: makers.get(id)?.made.bitsPerSecond ?? 0,
      failures: failures?.get(id) ?? 0,
      age: stream.createdAtMs,
    };
    entries.push({ id, value: values[sort], known: stream });
  }
  const { items, total, next } = pageOf(entries, limit, after);
  const row = ({ id, known: stream }: Entry): StreamRow => ({
    ...fixed(id, stream),
    ...{ state: stateOf(id, now, time), client_count: summaries.get(id)?.viewers ?? 0 },
    ...madeOf(makers.get(id)?.made),
    worker_id: summaries.get(id)?.owner ?? null,
    failures_last_hour: failures === undefined ? null : (failures.get(id) ?? 0),
  });
  return { streams: items.map(row), total, next_cursor: next ?? null };
}

function fixed(id: string, { name, profile, sourceHost, backup, createdAtMs }: KnownStream) {
  return {
    ...{ stream_id: id, name, profile: profile ?? null, source_host: sourceHost },
    ...{ current_failover_index: backup - 1, created_at: isoTime(createdAtMs) },
  };
}

function madeOf(made: MadeStream | undefined): Pick<StreamRow, 'bitrate_kbps' | 'speed'> {
  const { bitsPerSecond, speed } = made ?? {};
  return {
    bitrate_kbps: bitsPerSecond === undefined ? null : Math.round(bitsPerSecond / 1_000),
    speed: speed === undefined ? null : Math.round(speed * 100) / 100,
  };
}

function stateOf(id: string, { summaries }: StreamsNow, { nowMs, graceMs }: ListTime): StreamState {
  const summary = summaries.get(id);
  if (summary === undefined || summary.viewers > 0) return 'playing';
  return isIdle(summary, summary.viewers, nowMs, graceMs) ? 'idle' : 'waiting';
}
