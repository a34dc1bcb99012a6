/** What events tell, in English sentences, and how English counts and gives reasons. */

import type { ShownEvent } from '../../../shared/console/live.ts';
import { count, duration } from './numbers.ts';
import { visible } from './visible.ts';

export const several = (n: number, one: string, more: string): string => `${count(n)} ${n === 1 ? one : more}`;
export const viewers = (n: number): string => several(n, 'viewer', 'viewers');

/** The fields of an event, as texts and numbers that are safe to show. */
function fieldsOf({ data }: ShownEvent) {
  const text = (name: string, otherwise = ''): string => {
    const value = data[name];
    return value === undefined || value === null || value === '' ? otherwise : visible(value);
  };
  const number = (name: string): number | undefined => {
    const value = data[name];
    return typeof value === 'number' ? value : undefined;
  };
  return { text, number, name: text('name', 'a stream') };
}

export const because = (reason: string): string => (reason === '' ? '' : `: ${reason}`);
const after = (ms: number | undefined): string => (ms === undefined ? '' : ` after ${milliseconds(ms)}`);

export function milliseconds(ms: number): string {
  return ms < 10_000 ? `${count(ms)} ms` : duration(ms);
}

/** Why a viewer has left, a stream has stopped, or a worker has gone. */
const REASONS: Readonly<Record<string, string>> = {
  left: '',
  timeout: 'it asked for nothing any more',
  worker_died: 'its worker died',
  last_client_disconnected: 'nobody watches it',
  inactive_timeout: 'nobody has watched it for long',
  manual_deletion: 'it was deleted',
  metadata_filter_deletion: 'it was deleted',
  oldest_stream_deletion: 'it made room for another',
  stopped: 'it was stopped',
  died: 'it died',
  replaced: 'a new one has its name',
  asked: 'it was asked to',
  signal: 'its process ends',
  deployment: 'another deployment is wanted',
  told: 'it was asked to',
  stopping: 'its process ends',
};

export const reasonOf = (text: string): string => REASONS[text] ?? text;

/** What an event tells, by its type. */
export const sentences: Readonly<Record<string, (event: ShownEvent) => string>> = {
  stream_started: (event) => `${fieldsOf(event).name} plays`,
  stream_stopped: (event) => {
    const { name, text, number } = fieldsOf(event);
    const seconds = number('seconds');
    const played = seconds === undefined ? '' : ` after ${duration(seconds * 1_000)}`;
    return `${name} stopped${played}${because(reasonOf(text('reason')))}`;
  },
  stream_failed: (event) => {
    const { name, text } = fieldsOf(event);
    return `${name} does not play${because(text('error') || text('reason'))}`;
  },
  client_connected: (event) => {
    const { name, text } = fieldsOf(event);
    return `${text('username') || text('ip_address', 'a viewer')} watches ${name}`;
  },
  client_disconnected: (event) => {
    const { name, text, number } = fieldsOf(event);
    const seconds = number('seconds');
    const watched = seconds === undefined ? '' : ` after ${duration(seconds * 1_000)}`;
    const who = text('username') || text('ip_address', 'a viewer');
    return `${who} left ${name}${watched}${because(reasonOf(text('reason')))}`;
  },
  client_stalled: (event) => {
    const { name, number } = fieldsOf(event);
    const stalled = number('stalled_ms');
    return `a viewer of ${name} was dropped: it took nothing${stalled === undefined ? '' : ` for ${duration(stalled)}`}`;
  },
  failover_triggered: (event) => {
    const { name, text, number } = fieldsOf(event);
    const index = number('failover_index');
    const where = index === undefined || index < 0 ? 'its primary source' : `backup ${index + 1}`;
    return `${name} went to ${where}${because(text('reason'))}`;
  },
  worker_joined: (event) => {
    const { text } = fieldsOf(event);
    return `${text('worker_id', 'a worker')} ${text('reason') === 'back' ? 'is back' : 'started'}`;
  },
  worker_left: (event) => {
    const { text, number } = fieldsOf(event);
    const lost = number('clients_lost') ?? 0;
    const how = { died: 'died', replaced: 'was replaced' }[text('reason')] ?? 'stopped';
    return `${text('worker_id', 'a worker')} ${how}${lost > 0 ? `: ${viewers(lost)} lost their connection` : ''}`;
  },
  worker_draining: (event) => {
    const { text } = fieldsOf(event);
    return `${text('worker_id', 'a worker')} drains${because(reasonOf(text('reason')))}`;
  },
  takeover: (event) => {
    const { name, text, number } = fieldsOf(event);
    const gap = number('gap_ms');
    const kept = number('clients_kept');
    const facts = [
      ...(gap === undefined ? [] : [`${milliseconds(gap)} without media`]),
      ...(kept === undefined ? [] : [`${viewers(kept)} stayed`]),
    ];
    return `${text('to', 'a worker')} took ${name} over from ${text('from', 'another')}${because(facts.join(', '))}`;
  },
  handover: (event) => {
    const { name, text, number } = fieldsOf(event);
    const took = number('took_ms');
    return `${text('from', 'a worker')} handed ${name} to ${text('to', 'another')}${took === undefined ? '' : ` in ${milliseconds(took)}`}`;
  },
  ffmpeg_restarted: (event) => {
    const { name, text, number } = fieldsOf(event);
    return `FFmpeg of ${name} was replaced${after(number('gap_ms'))}${because(text('detail') || text('cause'))}`;
  },
  source_lost: (event) => {
    const { name, text } = fieldsOf(event);
    return `the source of ${name} is lost${because(text('reason'))}`;
  },
  source_back: (event) => {
    const { name, number } = fieldsOf(event);
    return `the source of ${name} is back${after(number('outage_ms'))}`;
  },
  limit_reached: (event) => {
    const { text } = fieldsOf(event);
    return `somebody was refused${because(text('detail') || text('limit'))}`;
  },
  redis_lost: (event) => {
    const { text } = fieldsOf(event);
    return `${text('worker_id', 'a worker')} cannot reach Redis${because(text('reason'))}`;
  },
  redis_back: (event) => {
    const { text, number } = fieldsOf(event);
    return `${text('worker_id', 'a worker')} reaches Redis again${after(number('outage_ms'))}`;
  },
};
