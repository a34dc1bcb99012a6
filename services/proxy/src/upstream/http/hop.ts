/** One request to one server over one connection, whichever parser reads the answer. */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { buildConnector } from 'undici';
import { type PinnedAddress, pinnedLookup } from '../egress/egress-guard.ts';

export interface HopRequest {
  readonly url: URL;
  /** The checked addresses of its host. Connect only to these. */
  readonly pinned: PinnedAddress;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Aborts the request until there is an answer. */
  readonly opening: AbortSignal;
  /** Called when the connection is established. */
  readonly connected: () => void;
  /** Called when the answer turns out to be malformed in the middle of its body. */
  readonly malformed: () => void;
}

export interface HopResponse {
  readonly status: number;
  /** Names in lower case. Each byte is one character. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Destroying it before its end closes the connection. It never throws because an `error` listener is missing. */
  readonly body: Readable;
  /** Resolves when the connection is closed, or is free for the next request. */
  readonly closed: Promise<void>;
}

/** Sends a request and reads the head of its answer. */
export type Hop = (request: HopRequest) => Promise<HopResponse>;

export type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/** Connects only to the checked addresses. No proxy from the environment is used. */
export function pinnedConnector(
  { pinned, opening, connected }: HopRequest,
  onSocket?: (socket: Socket) => void,
): Connect {
  const lookup = pinnedLookup(pinned);
  // undici obeys a request's signal only once it has a connection. This signal ends the attempt to connect.
  const connect = buildConnector({ lookup, autoSelectFamily: true, timeout: 0, port: 0, signal: opening });
  return (options, callback) => {
    connect(options, (...result) => {
      if (result[0] === null) {
        connected();
        onSocket?.(result[1]);
      }
      callback(...result);
    });
  };
}

export function pathOf(url: URL): string {
  return `${url.pathname}${url.search}`;
}
