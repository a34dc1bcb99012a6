/** What the page of one stream is told. */

import type { StreamState } from './lists.ts';
import type { About, PlayingStream } from './live.ts';

/** A shared process of a stream. */
export interface ShownSlot {
  readonly slot: number;
  readonly viewers: number;
  /** The worker that makes it; absent while none does. */
  readonly worker?: string | undefined;
  /** Number of its ownership: each new owner has a larger one. Absent while Redis does not answer. */
  readonly epoch?: number | undefined;
  /** The workers that relay it from that one; absent while that one has not said. */
  readonly relays?: readonly string[] | undefined;
}

/** What can be said of how it is made, and `PlayingStream`'s other fields. Credentials are hidden in all of it. */
export interface OneStream extends PlayingStream {
  readonly state: StreamState;
  readonly type: string;
  /** What FFmpeg is told; absent when the stream is passed on as it comes. */
  readonly arguments?: string | undefined;
  readonly source: string;
  /** In their order. */
  readonly backups: readonly string[];
  /** Somebody is asked for the next source. */
  readonly resolver?: string | undefined;
  /** Its source is a web page, and a program finds the media there. */
  readonly page?: ShownPage | undefined;
  readonly failovers: number;
  readonly failedOverMs?: number | undefined;
  readonly userAgent: string;
  /** Sent to the provider. */
  readonly headers: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  /** To all viewers so far. */
  readonly bytesServed: number;
  readonly errors: number;
  /** Connections to providers. */
  readonly connections: number;
  readonly slots: readonly ShownSlot[];
  readonly arrival?: ShownInput | undefined;
  /** The last lines of its FFmpeg, the oldest first; absent when it has none, or its worker does not answer. */
  readonly lines?: readonly string[] | undefined;
  /** Its last ten minutes, every 10 s, the oldest first; absent as above. */
  readonly samples?: readonly ShownSample[] | undefined;
}

export interface ShownPage {
  /** As people know it: streamlink, yt-dlp. */
  readonly program: string;
  /** Quality and options. */
  readonly asked: string;
  readonly hasCookies: boolean;
  /** The address that was found; absent before the first viewer, and while a backup plays. */
  readonly found?: string | undefined;
  /** When that stops working, ms since 1970, where it says so. */
  readonly endsAtMs?: number | undefined;
}

/** A stream at one time. */
export interface ShownSample {
  readonly atMs: number;
  readonly viewers: number;
  /** What one viewer got; absent while nobody knew. */
  readonly bitsPerSecond?: number | undefined;
}

/** How the source comes. */
export interface ShownInput {
  readonly bitsPerSecond?: number | undefined;
  /** Media of it that the worker holds. */
  readonly bufferMs?: number | undefined;
  /** Since the newest of it came; in whole seconds. */
  readonly lastByteAgoMs?: number | undefined;
  /** Jumps of its clock that were mended since it was opened. */
  readonly repairs?: number | undefined;
}

export interface OneStreamState {
  readonly about: About;
  /** Absent: there is no such stream. */
  readonly stream?: OneStream | undefined;
}
