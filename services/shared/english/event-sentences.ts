/** What events tell, as sentences, for the console and the command alike. Pure. */

import { because, counting, duration, type Reader } from './counting.ts';

/** As much of an event as its sentence needs. */
export interface ToldEvent {
  readonly event_type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Sentences that begin so begin with a word of this file. */
const OWN_WORD = /^(?:an?|the|somebody|another) /;

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
  ended: 'its time is over',
  next_programme: 'the next programme began',
  told: 'it was asked to',
  stopping: 'its process ends',
};

export const reasonOf = (text: string): string => REASONS[text] ?? text;

/** The fields of an event, as texts and numbers that are safe to show. */
interface Fields {
  text(name: string, otherwise?: string): string;
  number(name: string): number | undefined;
  /** Of its stream. */
  readonly name: string;
  readonly worker: string;
  /** The viewer. */
  readonly who: string;
  readonly reason: string;
}

function fieldsOf({ data }: ToldEvent, { shown }: Reader): Fields {
  const text = (name: string, otherwise = ''): string => {
    const value = data[name];
    return value === undefined || value === null || value === '' ? otherwise : shown(value);
  };
  return {
    text,
    number: (name) => {
      const value = data[name];
      return typeof value === 'number' ? value : undefined;
    },
    name: text('name', 'a stream'),
    worker: text('worker_id', 'a worker'),
    who: text('username') || text('ip_address') || playerIn(text('client_id')),
    reason: because(reasonOf(text('reason'))),
  };
}

/** Where an address leads. */
function at(url: string): string {
  const [, host] = /^https?:\/\/([^/?#]+)/.exec(url) ?? [];
  return host === undefined ? '' : `, at ${host}`;
}

/** The id of a client, if somebody chose it: the others say nothing to people. */
function playerIn(clientId: string): string {
  if (clientId.startsWith('console_')) return 'somebody in the console';
  return clientId === '' || clientId.startsWith('client_') ? 'a viewer' : clientId;
}

/** @returns for a reader: an event as one sentence; one of a type that this version does not know by its name */
export function eventSentences(reader: Reader): (event: ToldEvent) => string {
  const { viewers, milliseconds } = counting(reader);
  const after = (ms: number | undefined): string => (ms === undefined ? '' : ` after ${milliseconds(ms)}`);
  const played = (seconds: number | undefined): string =>
    seconds === undefined ? '' : ` after ${duration(seconds * 1_000)}`;
  const stayed = (kept: number | undefined): string[] => (kept === undefined ? [] : [`${viewers(kept)} stayed`]);
  const sentences: Readonly<Record<string, (fields: Fields) => string>> = {
    stream_started: ({ name }) => `${name} plays`,
    stream_stopped: ({ name, number, reason }) => `${name} stopped${played(number('seconds'))}${reason}`,
    stream_failed: ({ name, text }) => `${name} does not play${because(text('error') || text('reason'))}`,
    client_connected: ({ who, name }) => `${who} watches ${name}`,
    client_disconnected: ({ who, name, number, reason }) => `${who} left ${name}${played(number('seconds'))}${reason}`,
    client_stalled: ({ name, number }) => {
      const stalled = number('stalled_ms');
      return `a viewer of ${name} was dropped: it took nothing${stalled === undefined ? '' : ` for ${duration(stalled)}`}`;
    },
    failover_triggered: ({ name, text, number }) => {
      const index = number('failover_index') ?? -1;
      const primary = text('page') === '' ? 'its primary source' : `another address of its page${at(text('new_url'))}`;
      const where = index < 0 ? primary : `backup ${index + 1}`;
      return `${name} went to ${where}${because(text('reason').replaceAll('_', ' '))}`;
    },
    worker_joined: ({ worker, text }) => `${worker} ${text('reason') === 'back' ? 'is back' : 'started'}`,
    worker_left: ({ worker, text, number }) => {
      const lost = number('clients_lost') ?? 0;
      const how = { died: 'died', replaced: 'was replaced' }[text('reason')] ?? 'stopped';
      return `${worker} ${how}${lost > 0 ? `: ${viewers(lost)} lost their connection` : ''}`;
    },
    worker_draining: ({ worker, reason }) => `${worker} drains${reason}`,
    takeover: ({ name, text, number }) => {
      const gap = number('gap_ms');
      const facts = [
        ...(gap === undefined ? [] : [`${milliseconds(gap)} without media`]),
        ...stayed(number('clients_kept')),
      ];
      return `${text('to', 'a worker')} took ${name} over from ${text('from', 'another')}${because(facts.join(', '))}`;
    },
    handover: ({ name, text, number }) => {
      const took = number('took_ms');
      const facts = [took === undefined ? '' : ` in ${milliseconds(took)}`, ...stayed(number('clients_kept'))];
      return `${text('from', 'a worker')} handed ${name} over to ${text('to', 'another')}${facts.join(', ')}`;
    },
    ffmpeg_restarted: ({ name, text, number }) =>
      `FFmpeg of ${name} was replaced${after(number('gap_ms'))}${because(text('detail') || text('cause'))}`,
    source_lost: (fields) => `${sourceIn(fields)} is lost${because(fields.text('reason'))}`,
    source_back: (fields) => `${sourceIn(fields)} is back${after(fields.number('outage_ms'))}`,
    limit_reached: ({ text }) => `somebody was refused${because(text('detail') || text('limit'))}`,
    broadcast_started: (fields) =>
      fields.text('kind') === 'channel'
        ? `${broadcastIn(fields)} plays ${fields.name}`
        : `${fields.name} is recorded as ${fields.text('broadcast')}`,
    broadcast_ended: (fields) => `${broadcastIn(fields)} ended${played(fields.number('seconds'))}${fields.reason}`,
    broadcast_failed: (fields) => `${broadcastIn(fields)} failed${because(fields.text('error'))}`,
    redis_lost: ({ worker, text }) => `${worker} cannot reach Redis${because(text('reason'))}`,
    redis_back: ({ worker, number }) => `${worker} reaches Redis again${after(number('outage_ms'))}`,
  };
  return (event) => {
    const told = sentences[event.event_type];
    const sentence =
      told === undefined ? reader.shown(event.event_type).replaceAll('_', ' ') : told(fieldsOf(event, reader));
    // A name from outside is written as its owner writes it.
    return OWN_WORD.test(sentence) ? sentence.charAt(0).toUpperCase() + sentence.slice(1) : sentence;
  };
}

function broadcastIn({ text }: Fields): string {
  return `the ${text('kind') === 'channel' ? 'channel' : 'recording'} ${text('broadcast')}`;
}

/** Several streams may read a source: then the event has its address, and the name of none. */
function sourceIn({ text }: Fields): string {
  const [name, source] = [text('name'), text('source')];
  return name === '' && source !== '' ? `the source ${source}` : `the source of ${name || 'a stream'}`;
}
