/** The options of a live source: its channels, answers and faults. Plain data, so that it can cross a process border. */
import type { LoopName } from '../fixtures.ts';
import type { AfterStall, Filler } from './player.ts';

/** What a new connection gets. */
export type Answer =
  | { kind: 'play' }
  | { kind: 'status'; status: number; body?: string }
  /** The connection is closed without an answer. */
  | { kind: 'refuse' }
  /** The connection is reset in place of an answer. */
  | { kind: 'reset' }
  /** Never answered, or only the headers. */
  | { kind: 'hang'; after: 'request' | 'headers' }
  | { kind: 'html' }
  /** 200 and an empty body. */
  | { kind: 'empty' }
  | { kind: 'redirect'; to: string; status?: number }
  /** Real-time media that ends at its Content-Length. */
  | { kind: 'finite'; bytes: number };

/** How many connections are allowed, and what happens to more. */
export interface ConnectionLimit {
  limit: number;
  mode: 'refuse' | 'cut-older';
  /** Status of a refusal; default 403 (others in the field: 429, 458). */
  status?: number;
}

/** Something a channel does, now or at a media time. */
export type ChannelAction =
  | { do: 'jump'; seconds: number }
  | { do: 'cut'; midPacket?: boolean; graceful?: boolean }
  /** For the next `times` connections (default: all from now on). */
  | { do: 'answer'; answer: Answer; times?: number }
  | { do: 'stall'; ms: number; then?: AfterStall }
  | { do: 'video'; on: boolean }
  | { do: 'sound'; on: boolean }
  | { do: 'strip-random-access'; on: boolean }
  | { do: 'only'; what: Filler | undefined }
  | { do: 'lose-packets'; count: number }
  | { do: 'speed'; factor: number }
  | { do: 'limit'; limit: ConnectionLimit | undefined };

export interface ChannelOptions {
  fixture?: LoopName;
  /** First DTS of the clock in 90 kHz ticks; default 10 s. */
  startPts?: number;
  /** Where in the loop the clock starts, in seconds; default 0. */
  startPhaseSeconds?: number;
  /** When the clock starts: with the source or with its first connection; default 'source'. */
  clockStarts?: 'source' | 'first-connection';
  /**
   * 'shared': every connection sees the same timestamps (default); 'restart': they start anew with each; 'own': each connection
   * has all of them moved by a random time of its own.
   */
  clock?: 'shared' | 'restart' | 'own';
  /** Where a connection begins: at any packet (default), inside one, at a frame, at the newest keyframe. */
  join?: 'packet' | 'mid-packet' | 'frame' | 'keyframe';
  /** Seconds of past media that a connection gets first. */
  burstSeconds?: number;
  /** Where the past media starts: at the last keyframe before that (default), or at any packet. */
  burstStart?: 'keyframe' | 'packet';
  /** Body framing; with 'close' a cut and an end look alike. Default 'chunked'. */
  framing?: 'chunked' | 'close';
  contentType?: string;
  speed?: number;
  answer?: Answer;
  limit?: ConnectionLimit;
  schedule?: { atSeconds: number; action: ChannelAction }[];
}

export interface LiveSourceOptions extends ChannelOptions {
  /** Channels by path; each option overrides the common one. Default `/ch1.ts`. */
  channels?: Record<string, ChannelOptions>;
  /** Connections over all channels, as a provider counts an account. */
  accountLimit?: ConnectionLimit;
  port?: number;
  host?: string;
  /** It sends what is due each so many milliseconds; default 25. */
  tickMs?: number;
  /** Seed of the random join points; default 1. */
  seed?: number;
}

export interface ConnectionRecord {
  id: number;
  path: string;
  method: string;
  /** Milliseconds since the Unix epoch. */
  openedAt: number;
  closedAt?: number;
  status: number;
  bytes: number;
  headers: Record<string, string>;
  closedBy?: 'source' | 'peer';
  /**
   * The packets of the loop that it was sent, counted over all rounds: from the first up to, and without, the second. A packet
   * that was left out on purpose counts too. Undefined before the first one.
   */
  sent?: [from: number, to: number];
}

export interface ChannelStats {
  /** Media connections open now. */
  open: number;
  /** Media connections ever. */
  total: number;
  maxConcurrent: number;
  /** Requests that got no media: refusals, errors, redirects. */
  refused: number;
  mediaSeconds: number;
  connections: ConnectionRecord[];
}
