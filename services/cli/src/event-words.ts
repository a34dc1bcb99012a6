/** Events as sentences. Pure. */

import type { Event } from './answers.ts';

type Data = Event['data'];

const textOf = (data: Data, field: string, otherwise = ''): string => {
  const value = data[field];
  return typeof value === 'string' && value !== '' ? value : otherwise;
};
const numberOf = (data: Data, field: string): number | undefined => {
  const value = data[field];
  return typeof value === 'number' ? value : undefined;
};
const why = (reason: string): string => (reason === '' ? '' : `: ${reason}`);
const viewers = (n: number): string => `${n} ${n === 1 ? 'viewer' : 'viewers'}`;
const name = (data: Data): string => textOf(data, 'name', 'a stream');
const who = (data: Data): string => textOf(data, 'username') || textOf(data, 'ip_address') || textOf(data, 'client_id');
const workerOf = (data: Data): string => textOf(data, 'worker_id', 'a worker');
const ms = (data: Data, field: string, before: string): string => {
  const value = numberOf(data, field);
  return value === undefined ? '' : ` ${before} ${value < 10_000 ? `${value} ms` : `${Math.round(value / 1_000)} s`}`;
};
const seconds = (data: Data): string => {
  const value = numberOf(data, 'seconds');
  return value === undefined ? '' : ` after ${Math.round(value)} s`;
};

const SENTENCES: Readonly<Record<string, (data: Data) => string>> = {
  stream_started: (data) => `${name(data)} plays`,
  stream_stopped: (data) => `${name(data)} stopped${seconds(data)}${why(textOf(data, 'reason').replaceAll('_', ' '))}`,
  stream_failed: (data) => `${name(data)} does not play${why(textOf(data, 'error'))}`,
  client_connected: (data) => `${who(data)} watches ${name(data)}`,
  client_disconnected: (data) => `${who(data)} left ${name(data)}${seconds(data)}`,
  client_stalled: (data) => `a viewer of ${name(data)} was dropped: it took nothing${ms(data, 'stalled_ms', 'for')}`,
  failover_triggered: (data) => {
    const index = numberOf(data, 'failover_index') ?? -1;
    const where = index < 0 ? 'its primary source' : `backup ${index + 1}`;
    return `${name(data)} went to ${where}${why(textOf(data, 'reason').replaceAll('_', ' '))}`;
  },
  worker_joined: (data) => `${workerOf(data)} ${data.reason === 'back' ? 'is back' : 'started'}`,
  worker_left: (data) => {
    const lost = numberOf(data, 'clients_lost') ?? 0;
    const how = { died: 'died', replaced: 'was replaced' }[textOf(data, 'reason')] ?? 'stopped';
    return `${workerOf(data)} ${how}${lost > 0 ? `: ${viewers(lost)} lost their connection` : ''}`;
  },
  worker_draining: (data) => `${workerOf(data)} drains`,
  takeover: (data) => {
    const kept = numberOf(data, 'clients_kept');
    const facts = [
      ms(data, 'gap_ms', '').trim() && `${ms(data, 'gap_ms', '').trim()} without media`,
      kept === undefined ? '' : `${viewers(kept)} stayed`,
    ].filter((fact) => fact !== '');
    return `${textOf(data, 'to')} took ${name(data)} over from ${textOf(data, 'from')}${why(facts.join(', '))}`;
  },
  handover: (data) => {
    const kept = numberOf(data, 'clients_kept');
    const stayed = kept === undefined ? '' : `, ${viewers(kept)} stayed`;
    return `${textOf(data, 'from')} handed ${name(data)} over to ${textOf(data, 'to')}${ms(data, 'took_ms', 'in')}${stayed}`;
  },
  ffmpeg_restarted: (data) =>
    `FFmpeg of ${name(data)} was replaced${ms(data, 'gap_ms', 'after')}${why(textOf(data, 'detail'))}`,
  source_lost: (data) => `the source ${textOf(data, 'source')} is lost${why(textOf(data, 'reason'))}`,
  source_back: (data) => `the source ${textOf(data, 'source')} is back${ms(data, 'outage_ms', 'after')}`,
  limit_reached: (data) => `somebody was refused${why(textOf(data, 'detail') || textOf(data, 'limit'))}`,
  redis_lost: (data) => `${workerOf(data)} cannot reach Redis${why(textOf(data, 'reason'))}`,
  redis_back: (data) => `${workerOf(data)} reaches Redis again${ms(data, 'outage_ms', 'after')}`,
};

/** What has happened; the type alone of an event that this version does not know. */
export function sentenceOf({ event_type: type, data }: Pick<Event, 'event_type' | 'data'>): string {
  return SENTENCES[type]?.(data) ?? type.replaceAll('_', ' ');
}
