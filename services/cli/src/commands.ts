/** What each command of `streampool` does. */

import { setTimeout as sleep } from 'node:timers/promises';
import { eventSentences } from '../../shared/english/event-sentences.ts';
import { showControls } from '../../shared/shown-text.ts';
import { type Event, events, message, playbackUrl, recording, recordings, streams } from './answers.ts';
import type { Client } from './client.ts';
import { follow } from './follow.ts';
import { type Output, Picture, painter } from './output.ts';
import { hours, megabytes, nameOfRecording, recordingMeant, recordingTable } from './recordings.ts';
import { statusLines, statusOf } from './status.ts';
import { idOf, type Source, streamTable } from './streams.ts';

/** What all of them have. */
export interface Context {
  readonly client: Client;
  readonly out: Output;
  /** JSON for programs in place of text. */
  readonly json: boolean;
  /** Ends what would go on for ever; unset: Ctrl-C does. */
  readonly signal?: AbortSignal;
}

/** What cannot be seen is shown in the whole line. */
const sentenceOf = eventSentences({ count: String, shown: String });
const lines = (texts: readonly string[]): string => `${texts.join('\n')}\n`;
const asJson = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** @param everyMs unset: once */
export async function status({ client, out, json, signal }: Context, everyMs: number | undefined): Promise<void> {
  const picture = new Picture(out);
  let last = await statusOf(client);
  for (;;) {
    if (json) out.write(asJson({ url: client.url, ...last }));
    else if (everyMs === undefined) out.write(lines(statusLines(last, client.url)));
    else picture.draw(statusLines(last, client.url));
    if (everyMs === undefined) return;
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal?.aborted === true) return;
    last = await statusOf(client, last);
  }
}

export interface EventsWanted {
  readonly follow?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly type?: string | undefined;
  readonly stream?: string | undefined;
  readonly worker?: string | undefined;
}

/** The oldest first, as a log has them. */
export async function showEvents({ client, out, json, signal }: Context, wanted: EventsWanted): Promise<void> {
  const { limit, type, stream: meant, worker } = wanted;
  const query = new URLSearchParams();
  if (type !== undefined) query.set('type', type);
  if (worker !== undefined) query.set('worker_id', worker);
  if (meant !== undefined) query.set('stream_id', await idOf(client, meant));
  const paint = painter(out);
  const show = (event: Event): void => {
    const late = event.late ? ' (told late)' : '';
    const time = new Date(event.timestamp).toLocaleString();
    out.write(json ? asJson(event) : `${paint('dim', time)}  ${showControls(sentenceOf(event))}${late}\n`);
  };
  if (wanted.follow !== true) {
    if (limit !== undefined) query.set('limit', String(limit));
    const found = await client.get(`/events?${query}`, events);
    for (const event of found.events.toReversed()) show(event);
    return;
  }
  const follower = {
    event: show,
    missed: (count: number) => out.note(`${count} events are no longer kept, and missing here.\n`),
    lost: () => out.note('The connection is lost; trying again …\n'),
    back: () => out.note('Connected again.\n'),
  };
  await follow(client, `/events?${query}`, follower, signal);
}

export async function listStreams({ client, out, json }: Context, isIdle: boolean): Promise<void> {
  const found = await client.get(isIdle ? '/streams?idle=true' : '/streams', streams);
  if (json) out.write(asJson(found.streams));
  else if (found.streams.length === 0) out.write(isIdle ? 'No stream is idle.\n' : 'There is no stream in use.\n');
  else out.write(lines(streamTable(found.streams)));
}

export async function stop({ client, out, json }: Context, meant: string): Promise<void> {
  const answer = await client.delete(`/streams/${await idOf(client, meant)}`, message);
  out.write(json ? asJson(answer) : `${answer.message}\n`);
}

/** @param to unset: the next source */
export async function failover({ client, out, json }: Context, meant: string, to: Source | undefined): Promise<void> {
  const answer = await client.post(`/streams/${await idOf(client, meant)}/failover`, message, to);
  out.write(json ? asJson(answer) : `${answer.message}\n`);
}

export async function drain({ client, out, json }: Context, worker: string, force: boolean): Promise<void> {
  const path = `/workers/${encodeURIComponent(worker)}/drain${force ? '?force=true' : ''}`;
  const answer = await client.post(path, message);
  out.write(json ? asJson(answer) : `${answer.message}\n`);
}

export async function undrain({ client, out, json }: Context, worker: string): Promise<void> {
  const answer = await client.post(`/workers/${encodeURIComponent(worker)}/undrain`, message);
  out.write(json ? asJson(answer) : `${answer.message}\n`);
}

/** The URL alone goes to where the answer goes, so that a player can take it. */
export async function playUrl({ client, out, json }: Context, meant: string, ttl: number | undefined): Promise<void> {
  const path = `/streams/${await idOf(client, meant)}/playback-url`;
  const answer = await client.post(path, playbackUrl, ttl === undefined ? undefined : { ttl });
  const url = `${client.url}${answer.playback_url}`;
  out.write(json ? asJson({ ...answer, playback_url: url }) : `${url}\n`);
  if (!json && answer.expires_at !== null) out.note(`It can start playback until ${answer.expires_at}.\n`);
}

export interface RecordingWanted {
  /** Seconds; unset: until it is stopped. */
  readonly for?: number | undefined;
  readonly name?: string | undefined;
}

/** Its id alone goes to where the answer goes, so that a script can stop it. */
export async function record({ client, out, json }: Context, meant: string, wanted: RecordingWanted): Promise<void> {
  const order = { duration_seconds: wanted.for, name: wanted.name };
  const begun = await client.post(`/streams/${await idOf(client, meant)}/record`, recording, order);
  out.write(json ? asJson(begun) : `${begun.recording_id}\n`);
  const until = wanted.for === undefined ? 'until "streampool stop-recording" ends it' : `for ${hours(wanted.for)}`;
  if (!json) out.note(`${showControls(nameOfRecording(begun))} is recorded ${until}.\n`);
}

export async function listRecordings({ client, out, json }: Context): Promise<void> {
  const { recordings: found } = await client.get('/recordings', recordings);
  if (json) out.write(asJson(found));
  else if (found.length === 0) out.write('There is no recording.\n');
  else out.write(lines(recordingTable(found)));
}

export async function stopRecording({ client, out, json }: Context, meant: string): Promise<void> {
  const { recording_id: id } = await recordingMeant(client, meant);
  const ended = await client.post(`/recordings/${id}/stop`, recording);
  const much = `${hours(ended.seconds)}, ${megabytes(ended.bytes)}`;
  out.write(json ? asJson(ended) : `Recording ${id} has ended: ${much}\n`);
}

export async function deleteRecording({ client, out, json }: Context, meant: string): Promise<void> {
  const { recording_id: id } = await recordingMeant(client, meant);
  const answer = await client.delete(`/recordings/${id}`, message);
  out.write(json ? asJson(answer) : `${answer.message}\n`);
}
