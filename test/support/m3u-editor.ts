/** m3u-editor as the workers see it: each call in its wire format and within its time limit, and its players behind its nginx. */
import { request as httpRequest } from 'node:http';
import type { z } from 'zod';
import type { CallLog } from './m3u-editor-calls.ts';
import * as reads from './m3u-editor-reads.ts';

/** How long it waits for an answer. */
const READ_MS = 5_000;
const CREATE_MS = 10_000;
const MONITOR_MS = 3_000;
const INFO_MS = 30_000;
const TEST_MS = 15_000;
const MANAGE_MS = 10_000;
const RECORD_MS = 10_000;
const STOP_MS = 15_000;
const SEGMENT_MS = 60_000;

type Value = string | number | boolean;
/** In a query, a flag is 1 or 0; flags that m3u-editor writes as words, such as `force=false`, are given as text. */
export type Query = Readonly<Record<string, Value>>;

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: Query;
  readonly body?: unknown;
  readonly limitMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Which playback URL a stream gets: `m3u8` if its profile says so, or without a profile its source. */
export type PlayFormat = 'ts' | 'm3u8';

export interface Player {
  /** Its address, which nginx passes on. */
  readonly address: string;
  readonly username?: string;
  /** The client id of the player inside the editor. */
  readonly clientId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class M3uEditor {
  readonly #origins: readonly string[];
  readonly #token: string;
  readonly #log: CallLog;
  #turn = 0;

  /**
   * @param origins where the workers listen; calls rotate over them, as a load balancer sends them
   * @param log of its calls
   */
  constructor(origins: readonly string[], token: string, log: CallLog) {
    this.#origins = origins;
    this.#token = token;
    this.#log = log;
  }

  /** The streams with viewers whose metadata has a value. */
  async matching(field: string, value: string) {
    const query = { field, value, active_only: true };
    return this.#read(reads.matches, { method: 'GET', path: '/streams/by-metadata', query, limitMs: READ_MS });
  }

  /** How many connections to the provider it assumes. */
  async connections(field: string, value: string): Promise<number> {
    return (await this.matching(field, value)).total_matching;
  }

  /** Whether get_short_epg shows a channel as being watched. */
  async isChannelActive(channelId: string): Promise<boolean> {
    const { matching_streams } = await this.matching('type', 'channel');
    return matching_streams.some(({ metadata, client_count }) => metadata.id === channelId && client_count > 0);
  }

  /** A stream to reuse: one with viewers, of the same channel, list and profile. */
  async findPooled(channelId: number, playlistUuid: string, profileId?: number): Promise<string | undefined> {
    const { matching_streams } = await this.matching('original_channel_id', String(channelId));
    return matching_streams.find(({ metadata }) => {
      const isTranscoded = metadata.transcoding === 'true';
      const fits = profileId === undefined ? !isTranscoded : isTranscoded && metadata.profile_id === String(profileId);
      return fits && metadata.original_playlist_uuid === playlistUuid;
    })?.stream_id;
  }

  /** Every requested value has a number. */
  async countsOf(field: string, values: readonly string[]): Promise<Record<string, number>> {
    const query = { field, values: values.join(','), active_only: true };
    const call = { method: 'GET', path: '/streams/counts-by-metadata', query, limitMs: READ_MS } as const;
    const { counts } = await this.#read(reads.counts, call);
    const missing = values.filter((value) => counts[value] === undefined);
    if (missing.length > 0) throw new Error(`no count of ${missing.join(', ')}`);
    return counts;
  }

  /** @returns the stream's id */
  async createStream(body: object): Promise<string> {
    const call = { method: 'POST', path: '/streams', body, limitMs: CREATE_MS } as const;
    return (await this.#read(reads.created, call)).stream_id;
  }

  /** @returns the stream's id */
  async createTranscoded(body: object): Promise<string> {
    const call = { method: 'POST', path: '/transcode', body, limitMs: CREATE_MS } as const;
    return (await this.#read(reads.created, call)).stream_id;
  }

  async stopOldest(field: string, value: string, excludeChannelId?: string) {
    const query = { field, value, ...(excludeChannelId === undefined ? {} : { exclude_channel_id: excludeChannelId }) };
    const call = { method: 'DELETE', path: '/streams/oldest-by-metadata', query, limitMs: READ_MS } as const;
    return this.#read(reads.oldestDeleted, call);
  }

  /** The player inside the editor closes; others may still watch. */
  async playerClosed(field: 'channel_id' | 'episode_id', value: string, clientId: string) {
    const query = { field, value, force: 'false', client_id: clientId };
    return this.#read(reads.deleted, { method: 'DELETE', path: '/streams/by-metadata', query, limitMs: READ_MS });
  }

  /** The requests that its stream monitor sends every few seconds. */
  async monitor() {
    const get = <T>(shape: z.ZodType<T>, path: string) =>
      this.#read(shape, { method: 'GET', path, limitMs: MONITOR_MS });
    const { streams } = await get(reads.monitoredStreams, '/streams');
    const { clients } = await get(reads.monitoredClients, '/clients');
    const { broadcasts } = await get(reads.monitoredBroadcasts, '/broadcast');
    return { streams, clients, broadcasts };
  }

  async failOver(streamId: string): Promise<void> {
    await this.#read(reads.done, { method: 'POST', path: `/streams/${streamId}/failover`, limitMs: MANAGE_MS });
  }

  async stopStream(streamId: string): Promise<void> {
    await this.#read(reads.done, { method: 'DELETE', path: `/streams/${streamId}`, limitMs: MANAGE_MS });
  }

  async startBroadcast(id: string, body: object) {
    const call = { method: 'POST', path: `/broadcast/${id}/start`, body, limitMs: RECORD_MS } as const;
    return this.#read(reads.startedBroadcast, call);
  }

  async broadcastStatus(id: string) {
    return this.#read(reads.startedBroadcast, { method: 'GET', path: `/broadcast/${id}/status`, limitMs: RECORD_MS });
  }

  async stopBroadcast(id: string) {
    const call = { method: 'POST', path: `/broadcast/${id}/stop`, limitMs: STOP_MS } as const;
    return this.#read(reads.stoppedBroadcast, call);
  }

  /** @param name under which the playlist is asked for */
  async recordedPlaylist(id: string, name = 'live.m3u8'): Promise<string> {
    const { status, body } = await this.ask({ method: 'GET', path: `/broadcast/${id}/${name}` });
    if (status !== 200) throw new Error(`${name} of ${id}: ${status} ${JSON.stringify(body)}`);
    return String(body);
  }

  /** The names of what its downloader would fetch: every line without `#`. */
  async recordedSegments(id: string): Promise<string[]> {
    const lines = (await this.recordedPlaylist(id)).split('\n');
    return lines.filter((line) => line !== '' && !line.startsWith('#'));
  }

  async recordedSegment(id: string, name: string): Promise<Buffer> {
    if (!/^live\d+\.ts$/.test(name)) throw new Error(`${name} is no segment`);
    const path = `/broadcast/${id}/segment/${name}`;
    const response = await fetch(this.#next() + path, {
      headers: { 'x-api-token': this.#token },
      signal: AbortSignal.timeout(SEGMENT_MS),
    });
    this.#log.note('GET', path, response.status);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200) throw new Error(`${name} of ${id}: ${response.status} ${bytes}`);
    return bytes;
  }

  async status() {
    const health = await this.#read(reads.health, { method: 'GET', path: '/health', limitMs: READ_MS });
    const info = await this.#read(reads.info, { method: 'GET', path: '/info', limitMs: INFO_MS });
    return { health, info };
  }

  async testConnection(url: string) {
    const call = { method: 'POST', path: '/test-connection', body: { url }, limitMs: TEST_MS } as const;
    return this.#read(reads.connection, call);
  }

  /** Makes a call and returns any answer. */
  ask({ method, path, query = {}, body, limitMs = READ_MS }: Call): Promise<Answer> {
    const json = body !== undefined ? jsonOf(body) : method === 'POST' ? '[]' : undefined;
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'GuzzleHttp/7',
      'x-api-token': this.#token,
      ...(json === undefined ? {} : { 'content-length': Buffer.byteLength(json) }),
    };
    const url = this.#next() + path + textOf(query);
    return new Promise((resolve, reject) => {
      // PHP opens a connection for each call.
      const request = httpRequest(url, { method, headers, agent: false, signal: AbortSignal.timeout(limitMs) });
      request.on('error', (cause) => reject(new Error(`${method} ${path}: no answer within ${limitMs} ms`, { cause })));
      request.on('response', (response) => {
        this.#log.note(method, path, response.statusCode ?? 0);
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const body = Buffer.concat(chunks).toString();
          const isJson = response.headers['content-type']?.includes('json') === true;
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(body) : body });
        });
      });
      request.end(json);
    });
  }

  /** The playback URL for a player, and how nginx passes the request on: without `/m3u-proxy`. */
  playback(streamId: string, format: PlayFormat, { address, username, clientId, headers }: Player) {
    const path = format === 'm3u8' ? `/hls/${streamId}/playlist.m3u8` : `/stream/${streamId}`;
    const query = {
      ...(username === undefined ? {} : { username }),
      ...(clientId === undefined ? {} : { client_id: clientId }),
    };
    return {
      url: this.#next() + path + textOf(query),
      headers: {
        'user-agent': 'VLC/3.0.20 LibVLC/3.0.20',
        ...headers,
        host: 'tv.example',
        connection: 'upgrade',
        'x-real-ip': address,
        'x-forwarded-for': address,
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'tv.example',
        'x-forwarded-port': '36400',
      },
    };
  }

  #next(): string {
    const origin = this.#origins[this.#turn++ % this.#origins.length];
    if (origin === undefined) throw new Error('m3u-editor needs a worker');
    return origin;
  }

  async #read<T>(shape: z.ZodType<T>, call: Call): Promise<T> {
    const { status, body } = await this.ask(call);
    const what = `${call.method} ${call.path}`;
    if (status !== 200) throw new Error(`${what}: ${status} ${JSON.stringify(body)}`);
    const read = shape.safeParse(body);
    if (!read.success) throw new Error(`${what} is not what m3u-editor reads: ${read.error.message}`);
    return read.data;
  }
}

/** As PHP writes JSON. */
function jsonOf(body: unknown): string {
  return JSON.stringify(body).replaceAll('/', '\\/');
}

/** As PHP writes a query. */
function textOf(query: Query): string {
  const written = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    written.set(name, String(typeof value === 'boolean' ? Number(value) : value));
  return written.size === 0 ? '' : `?${written}`;
}
