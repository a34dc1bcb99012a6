/** Lists that people search and page through, as the API answers them: one declaration for the worker and the pages of the console. */

export const STREAM_STATES = ['playing', 'waiting', 'idle'] as const;

/** `playing`: it has viewers. `waiting`: it was created or left just now. `idle`: it only keeps its address. */
export type StreamState = (typeof STREAM_STATES)[number];

/** Which streams a list has. `failing`: something went wrong with it in the last hour. */
export const STREAM_FILTERS = ['all', 'playing', 'failing', 'idle'] as const;

export type StreamFilter = (typeof STREAM_FILTERS)[number];

/** The largest first; `age`: the newest first. */
export const STREAM_SORTS = ['viewers', 'bitrate', 'failures', 'age'] as const;

export type StreamSort = (typeof STREAM_SORTS)[number];

export interface StreamRow {
  readonly stream_id: string;
  /** Its metadata `name`, else the last part of its URL. */
  readonly name: string;
  readonly state: StreamState;
  /** null: it is passed on as it comes. */
  readonly profile: string | null;
  /** Host and port of the source that plays now. */
  readonly source_host: string;
  /** -1: the primary source. */
  readonly current_failover_index: number;
  readonly client_count: number;
  /** What one viewer gets, over the last seconds; null: nothing is made of it now. */
  readonly bitrate_kbps: number | null;
  /** Seconds of media made in a second. */
  readonly speed: number | null;
  /** The worker that makes it. */
  readonly worker_id: string | null;
  /** null: the record of events cannot be read. */
  readonly failures_last_hour: number | null;
  readonly created_at: string;
}

export interface Listed<Row> {
  /** How many there are on all pages. */
  readonly total: number;
  /** null: this is the last page. */
  readonly next_cursor: string | null;
  readonly rows: readonly Row[];
}

export type StreamPage = Omit<Listed<never>, 'rows'> & { readonly streams: readonly StreamRow[] };

/** The largest first; `since`: who came last first. */
export const VIEWER_SORTS = ['since', 'bitrate', 'bytes'] as const;

export type ViewerSort = (typeof VIEWER_SORTS)[number];

/** The client id of a player in a page of the console begins so. */
export const CONSOLE_CLIENT = 'console_';

export interface ViewerRow {
  readonly client_id: string;
  readonly stream_id: string;
  readonly stream_name: string;
  readonly username: string | null;
  readonly ip_address: string;
  readonly user_agent: string;
  /** The worker that serves it; of a session, the one that has counted it in. */
  readonly worker_id: string;
  /** It plays by HLS or DASH: many requests, which any worker may serve. */
  readonly is_session: boolean;
  /** What a session plays; null: one response. */
  readonly format: 'hls' | 'dash' | null;
  readonly created_at: string;
  readonly bytes_served: number;
  /** On average since it came. */
  readonly bitrate_kbps: number;
  /** How often it was too slow, and went on at a newer keyframe; 0 of a session. */
  readonly skips: number;
}

export type ViewerPage = Omit<Listed<never>, 'rows'> & { readonly clients: readonly ViewerRow[] };

/** Which recordings a list has. `ended`: it was stopped, or is over. */
export const RECORDING_FILTERS = ['all', 'running', 'ended', 'failed'] as const;

export type RecordingFilter = (typeof RECORDING_FILTERS)[number];

/** The largest first; `age`: the newest first. */
export const RECORDING_SORTS = ['age', 'length', 'size'] as const;

export type RecordingSort = (typeof RECORDING_SORTS)[number];

/** A recording, or a network channel. */
export interface RecordingRow {
  readonly recording_id: string;
  readonly kind: 'recording' | 'channel';
  /** `title` of its metadata. */
  readonly name: string | null;
  readonly stream_id: string;
  /** null: there is no such stream any more. */
  readonly stream_name: string | null;
  readonly status: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';
  readonly error_message: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly seconds: number;
  readonly bytes: number;
  /** null: its worker does not say it. */
  readonly segments: number | null;
  /** The worker that makes it, or has made it last. */
  readonly worker_id: string | null;
  /** null: a network channel that only the API token opens. */
  readonly playlist_url: string | null;
  /** null: a network channel keeps nothing. */
  readonly download_url: string | null;
}

export type RecordingPage = Omit<Listed<never>, 'rows'> & { readonly recordings: readonly RecordingRow[] };
